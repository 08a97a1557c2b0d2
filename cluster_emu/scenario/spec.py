"""The whole scenario, and copies of it with other values."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.faults import Fault, HighAvailability
from cluster_emu.scenario.manager import Manager
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.scenario.sections import HostGroup, Request, Run, VMGroup, Workload
from cluster_emu.scenario.traffic import BackgroundGroup
from cluster_emu.scenario.transfer import Transfer


class Scenario(Plain):
    """Everything that a run needs except its seed.

    With a `migration_topology` migrations use a dedicated migration network over the same hosts,
    and only background traffic (`background`) uses the network of `topology`. Of several shortest
    paths a migration takes one by hash as switches do ("ecmp"), or the one whose links have the
    fewest migrations that wait or run ("least-loaded").
    """

    name: str
    description: str = ""
    run: Run
    topology: Choice
    migration_topology: Choice | None = None
    routing: Literal["ecmp", "least-loaded"] = "ecmp"
    hosts: Annotated[tuple[HostGroup, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    vms: Annotated[tuple[VMGroup, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    placement: Literal["spread", "pack", "random"] = "spread"
    workload: Workload = Workload()
    background: Annotated[tuple[BackgroundGroup, ...], BeforeValidator(as_tuple)] = ()
    transfer: Transfer = Transfer()
    costs: Costs = Costs()
    manager: Manager = Manager()
    migrations: Annotated[tuple[Request, ...], BeforeValidator(as_tuple)] = ()
    faults: Annotated[tuple[Fault, ...], BeforeValidator(as_tuple)] = ()
    high_availability: HighAvailability = HighAvailability()

    @property
    def host_count(self) -> int:
        """Number of physical machines."""
        return sum(group.count for group in self.hosts)

    @property
    def vm_count(self) -> int:
        """Number of VMs."""
        return sum(group.count for group in self.vms)

    def with_fields(self, fields: dict[str, Any]) -> Scenario:
        """Return a copy in which fields, given by dotted path, have other values.

        A number in a path counts the groups of a list, ``vms.0.memory_bytes``. A path may go into
        the parameters of a part, ``transfer.strategy.history``.

        Raises:
            ScenarioError: if a path leads nowhere or a value is not allowed.
        """
        data = self.model_dump()
        for path, value in fields.items():
            _set_field(data, path, value)
        return scenario_from(data)


def _set_field(data: Any, path: str, value: object) -> None:
    *parents, last = path.split(".")
    place = data
    for part in parents:
        if isinstance(place, list | tuple):
            if not part.isdigit() or int(part) >= len(place):
                allowed = f"a path whose list index is below {len(place)}"
                raise ScenarioError(path, value, allowed)
            place = place[int(part)]
        elif isinstance(place, dict):
            place = place.setdefault(part, {})
        else:
            raise ScenarioError(path, value, f"a path that goes no deeper than {part!r}")
        if isinstance(place, str):
            raise ScenarioError(path, value, f"a path that goes no deeper than {part!r}")
    if not isinstance(place, dict):
        raise ScenarioError(path, value, "a path that ends at a field")
    place[last] = value.model_dump() if isinstance(value, BaseModel) else value


def scenario_from(data: dict[str, Any], file: Path | str | None = None) -> Scenario:
    """Check plain data and return the scenario.

    Raises:
        ScenarioError: naming the first field that is not allowed, its value and what is.
    """
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise from_validation(error, Scenario).at(file=file) from error
