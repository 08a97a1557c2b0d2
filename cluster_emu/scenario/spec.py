"""The whole scenario, and copies of it with other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from cluster_emu.errors import NOTHING, ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.numerals import whole_number
from cluster_emu.optional_fields import NONE
from cluster_emu.part_text import parse_choice
from cluster_emu.plausibility import warn_of_implausible
from cluster_emu.scenario.arrivals import Arrivals
from cluster_emu.scenario.carbon import Carbon
from cluster_emu.scenario.card import scenario_card
from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.faults import Fault, HighAvailability
from cluster_emu.scenario.maintenance import Maintenance
from cluster_emu.scenario.manager import Manager
from cluster_emu.scenario.names import Name, Names, check_unlike, in_order
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.scenario.sections import HostGroup, Request, Run, VMGroup, Workload
from cluster_emu.scenario.traffic import BackgroundGroup
from cluster_emu.scenario.transfer import Transfer
from cluster_emu.wording import counted

_FROM_DATA: dict[str, Any] = {}
"""The context of a validation whose caller warns of implausible numbers itself."""

_ALTERNATIVES = (("transfer", "stop", "policy"),)
"""A section and two of its fields of which at most one is set, as either decides alone."""


class Scenario(Plain):
    """Everything that a run needs except its seed.

    With a `migration_topology` migrations use a dedicated migration network over the same hosts,
    and only background traffic (`background`) uses the network of `topology`. Of several shortest
    paths a migration takes one by hash as switches do ("ecmp"), or the one whose links have the
    fewest migrations that wait or run ("least-loaded"). `rack_names` names the racks of the
    topology in their order.
    """

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    run: Run
    topology: Choice
    rack_names: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = ()
    migration_topology: Choice | None = None
    routing: Literal["ecmp", "least-loaded"] = "ecmp"
    hosts: Annotated[tuple[HostGroup, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    vms: Annotated[tuple[VMGroup, ...], BeforeValidator(as_tuple)] = ()
    arrivals: Arrivals | None = None
    placement: Literal["spread", "pack", "random"] = "spread"
    workload: Workload = Workload()
    background: Annotated[tuple[BackgroundGroup, ...], BeforeValidator(as_tuple)] = ()
    transfer: Transfer = Transfer()
    costs: Costs = Costs()
    carbon: Carbon = Carbon()
    manager: Manager = Manager()
    maintenance: Maintenance | None = None
    migrations: Annotated[tuple[Request, ...], BeforeValidator(as_tuple)] = ()
    faults: Annotated[tuple[Fault, ...], BeforeValidator(as_tuple)] = ()
    high_availability: HighAvailability = HighAvailability()

    @model_validator(mode="before")
    @classmethod
    def _warn(cls, values: Any, info: ValidationInfo) -> Any:
        """Warn of implausible numbers in a scenario that is made in Python."""
        if isinstance(values, dict) and info.context is not _FROM_DATA:
            warn_of_implausible(values)
        return values

    @model_validator(mode="after")
    def _unlike_names(self) -> Scenario:
        names = self.names
        check_unlike("hosts", names.hosts)
        check_unlike("VMs", names.vms)
        check_unlike("racks", names.racks)
        return self

    @model_validator(mode="after")
    def _some_vms(self) -> Scenario:
        if not self.vms and self.arrivals is None:
            raise ScenarioError("vms.0", NOTHING, "a group of VMs, or arrivals")
        return self

    @property
    def names(self) -> Names:
        """The names of hosts, VMs and racks by number."""
        return Names(
            in_order((group.count, group.names) for group in self.hosts),
            in_order((group.count, group.names) for group in self.vms),
            self.rack_names,
        )

    @property
    def host_count(self) -> int:
        """Number of physical machines."""
        return sum(group.count for group in self.hosts)

    @property
    def vm_count(self) -> int:
        """Number of VMs at the start of a run."""
        return sum(group.count for group in self.vms)

    def __repr__(self) -> str:
        hosts, vms = counted(self.host_count, "host"), counted(self.vm_count, "VM")
        return f"<Scenario {self.name!r}: {hosts}, {vms}>"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return scenario_card(self)

    def with_fields(self, fields: dict[str, Any]) -> Scenario:
        """Return a copy in which fields, given by dotted path, have other values.

        A number in a path counts the groups of a list, ``vms.0.memory_bytes``. A path may go into
        the parameters of a part, ``transfer.strategy.history``. None and ``"none"`` unset a field.
        Setting `transfer.policy` unsets the scenario's `transfer.stop`, and the other way round.

        Raises:
            ScenarioError: if a path leads nowhere or a value is not allowed.
        """
        data, defaults = self.model_dump(exclude_unset=True), self.model_dump()
        for path, value in fields.items():
            _set_field(data, defaults, path, value)
        _unset_replaced(data, fields)
        changed = _checked(data)
        for path, value in fields.items():
            warn_of_implausible(value, path)
        return changed

    def takes_default(self, path: str) -> bool:
        """Return whether a field, given by dotted path, has its default because none was given."""
        place: Any = self
        for part in path.split("."):
            if isinstance(place, Plain):
                if part in type(place).model_fields and part not in place.model_fields_set:
                    return True
                place = getattr(place, part, None)
            elif isinstance(place, tuple) and (index := _index(part, place)) is not None:
                place = place[index]
            else:
                return False
        return False


def first_overlap(paths: Sequence[str]) -> tuple[str, str] | None:
    """Return the first two dotted paths of which one is the other or leads to a part of it."""
    steps = [_steps(path) for path in paths]
    for later, path in enumerate(steps):
        for earlier, other in enumerate(steps[:later]):
            shared = min(len(path), len(other))
            if path[:shared] == other[:shared]:
                return paths[earlier], paths[later]
    return None


def _steps(path: str) -> list[str | int]:
    return [int(part) if part.isdecimal() and len(part) < 10 else part for part in path.split(".")]


def _set_field(data: dict[str, Any], defaults: Any, path: str, value: object) -> None:
    """Set a field in the data that was given; what it lies in is made where none was given."""
    *parents, last = path.split(".")
    place: Any = data
    for depth, part in enumerate(parents):
        if isinstance(place, list | tuple):
            index = _index(part, place)
            if index is None:
                allowed = f"a path whose list index is below {len(place)}"
                raise ScenarioError(path, value, allowed)
            known = isinstance(defaults, list | tuple) and index < len(defaults)
            place, defaults = place[index], defaults[index] if known else None
        elif isinstance(place, dict):
            defaults = defaults.get(part) if isinstance(defaults, dict) else None
            if place.get(part) is None:
                place[part] = _empty_like(defaults)
            elif isinstance(place[part], str) and depth > 0 and "name" in place:
                place[part] = parse_choice(place[part])  # a part in a part, given as text
            place = place[part]
        if not isinstance(place, dict | list | tuple):
            raise ScenarioError(path, value, f"a path that goes no deeper than {part!r}")
    if not isinstance(place, dict):
        raise ScenarioError(path, value, "a path that ends at a field")
    place[last] = value.model_dump() if isinstance(value, BaseModel) else value


def _unset_replaced(data: dict[str, Any], fields: Mapping[str, Any]) -> None:
    """Unset what a change takes the place of, unless the change says something about that, too."""
    changed = {tuple(path.split(".")[:2]) for path in fields}
    for section, one, other in (*_ALTERNATIVES, *((s, b, a) for s, a, b in _ALTERNATIVES)):
        place = data.get(section)
        if (section, one) not in changed or (section, other) in changed:
            continue
        if isinstance(place, dict) and place.get(one) not in (None, NONE):
            place.pop(other, None)


def _index(part: str, place: Sequence[object]) -> int | None:
    """Return the place in a list that a step of a path names, None if there is none."""
    index = whole_number(part)
    return index if index is not None and 0 <= index < len(place) else None


def _empty_like(default: object) -> object:
    """Return what a field is set in: a copy of a default part or list, or else an empty table."""
    if isinstance(default, list | tuple):
        return list(default)
    return dict(default) if isinstance(default, dict) and "name" in default else {}


def scenario_from(data: dict[str, Any], file: Path | str | None = None) -> Scenario:
    """Check plain data and return the scenario.

    Numbers without a unit that are far from usual cause an `ImplausibleValueWarning`.

    Raises:
        ScenarioError: naming the first field that is not allowed, its value and what is.
    """
    scenario = _checked(data, file)
    warn_of_implausible(data, file=file)
    return scenario


def _checked(data: dict[str, Any], file: Path | str | None = None) -> Scenario:
    try:
        return Scenario.model_validate(data, context=_FROM_DATA)
    except ValidationError as error:
        raise from_validation(error, Scenario).at(file=file) from error
