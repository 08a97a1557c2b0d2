"""The scenario: plain data that fixes everything a run needs but its seed.

It is written as TOML or built in Python, checked field by field, and names the parts (topology,
strategy, policies ...) it wants by their registered names; `building` puts those parts together.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.registry import from_validation
from cluster_emu.units import BitsPerSecond, ByteCount, MemoryBytes, PositiveSeconds, Seconds


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Choice(BaseModel):
    """A registered part by its name, with its parameters beside it.

    In TOML either a table, ``{ name = "time-series", threshold = 4 }``, or a text,
    ``"time-series"`` or ``"time-series:threshold=4,history=5"``.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        if not isinstance(value, str | dict | Choice):
            raise ValueError("a name, or a table with a name and parameters")
        return parse_choice(value) if isinstance(value, str) else value

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters given, by name."""
        return dict(self.model_extra or {})

    def __str__(self) -> str:
        """Return the text form."""
        given = ",".join(f"{key}={_as_toml(value)}" for key, value in self.parameters.items())
        return f"{self.name}:{given}" if given else self.name


def parse_choice(text: str) -> dict[str, Any]:
    """Read ``name:key=value,key=value``; values are TOML values, or plain words.

    Raises:
        ValueError: if a parameter has no ``=``.
    """
    name, _, rest = text.partition(":")
    choice: dict[str, Any] = {"name": name.strip()}
    for item in filter(None, (part.strip() for part in rest.split(","))):
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"name:key=value,key=value (there is no '=' in {item!r})")
        choice[key.strip()] = parse_value(value.strip())
    return choice


def parse_value(text: str) -> Any:
    """Read a TOML value; what is none is taken as a word."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


class Run(_Plain):
    """How long, and how finely controlled and observed."""

    duration_s: PositiveSeconds
    tick_s: PositiveSeconds = 1.0
    control_interval_s: PositiveSeconds = 300.0
    stop_when_idle: bool = False
    track_versions: bool = False


class HostGroup(_Plain):
    """Physical machines of one kind; groups fill the topology's hosts in order."""

    count: Annotated[int, Field(gt=0)]
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bytes: MemoryBytes
    power: Choice = Choice(name="linear")


class VMGroup(_Plain):
    """VMs of one kind.

    `profile` says what dirties their pages: a named write profile, an inline one, or a source that
    gives dirty sets. With `profile_mix` each VM draws its profile with these weights. `page_count`
    replaces memory_bytes / page_bytes for transfers (the reference paper's 10 to 20 pages).
    `host` pins the whole group to one host at the start.
    """

    count: Annotated[int, Field(gt=0)]
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bytes: MemoryBytes
    page_bytes: MemoryBytes = 4096
    page_count: Annotated[int, Field(gt=0, le=2**48)] | None = None
    profile: Choice | None = None
    profile_mix: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    host: Annotated[int, Field(ge=0)] | None = None

    @model_validator(mode="after")
    def _one_profile(self) -> VMGroup:
        if (self.profile is None) == (self.profile_mix is None):
            raise ValueError("exactly one of profile and profile_mix")
        if self.profile_mix is not None and not sum(self.profile_mix.values()) > 0:
            raise ValueError("a profile_mix with a positive weight")
        return self

    @property
    def pages(self) -> int:
        """Pages of one VM, the last one possibly partly used."""
        return self.page_count or -(-self.memory_bytes // self.page_bytes)


class Workload(_Plain):
    """What the VMs want of their hosts, and how hard they write meanwhile.

    `traces` is a folder of CPU traces, in `trace_format`, for demand models that replay some;
    without it the package's own made-up traces are used. `idle_share` is the write intensity of a
    VM that wants no CPU.
    """

    demand: Choice = Choice(name="constant")
    traces: Path | None = None
    trace_format: str = "planetlab"
    idle_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1


class Transfer(_Plain):
    """How memory is transferred, the same for every migration of the run.

    `policy` is a manager's policy by name (kubevirt, nova, proxmox ...). It replaces `stop`,
    and brings its own limits and cap, which those of the scenario override.
    `page_time_s` caps a migration at one page per so many seconds, as the reference paper does;
    `bandwidth_bps` caps it in bit/s; neither means that the network alone decides. QEMU lifts the
    cap while the VM is stopped (`lift_cap_when_stopped`).
    """

    strategy: Choice = Choice(name="pre-copy")
    stop: Choice = Choice(name="xen-legacy")
    policy: Choice | None = None
    bandwidth_bps: BitsPerSecond | None = None
    page_time_s: PositiveSeconds | None = None
    page_header_bytes: ByteCount = 8.0
    device_state_bytes: ByteCount = 0.0
    suspend_s: Seconds = 0.0
    resume_s: Seconds = 0.0
    lift_cap_when_stopped: bool = False
    warm_intervals: Annotated[int, Field(ge=0, le=64)] = 0
    warm_interval_s: Seconds = 1.0

    @field_validator("page_time_s")
    @classmethod
    def _one_cap(cls, page_time_s: float | None, info: ValidationInfo) -> float | None:
        if page_time_s is not None and info.data.get("bandwidth_bps") is not None:
            raise ValueError("nothing where bandwidth_bps caps the rate already")
        return page_time_s


class Manager(_Plain):
    """What the migration manager does at its control instants, and how much at once."""

    triggers: tuple[Choice, ...] = ()
    max_per_cluster: Annotated[int, Field(gt=0)] | None = None
    max_outbound_per_host: Annotated[int, Field(gt=0)] | None = None
    max_inbound_per_host: Annotated[int, Field(gt=0)] | None = None
    switch_off_empty_hosts: bool = True


class Request(_Plain):
    """A migration asked for by the user at an exact time."""

    at_s: Seconds = 0.0
    vm: Annotated[int, Field(ge=0)]
    target: Annotated[int, Field(ge=0)]


def _as_toml(value: object) -> str:
    """Return a value as `parse_value` reads it; a text that reads as itself needs no quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and parse_value(value) != value:
        return json.dumps(value)
    return str(value)


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class Scenario(_Plain):
    """Everything a run needs but its seed."""

    name: str
    description: str = ""
    run: Run
    topology: Choice
    hosts: Annotated[tuple[HostGroup, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    vms: Annotated[tuple[VMGroup, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
    placement: Literal["spread", "pack", "random"] = "spread"
    workload: Workload = Workload()
    transfer: Transfer = Transfer()
    manager: Manager = Manager()
    migrations: Annotated[tuple[Request, ...], BeforeValidator(_as_tuple)] = ()

    @property
    def host_count(self) -> int:
        """Number of physical machines asked for."""
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


def read_toml(path: Path) -> dict[str, Any]:
    """Return the data of a TOML file.

    Raises:
        ScenarioError: if it cannot be read or is not TOML; names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ScenarioError("file", str(path), f"a readable file ({reason})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError("file", str(path), f"text in UTF-8 ({error.reason})") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, where = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", where)
        lines = text.splitlines() or [""]
        number = int(found[1]) if found else len(lines)
        raise ScenarioError(
            f"line {number}", lines[number - 1], f"TOML ({reason})", file=path
        ) from error


def built_in_scenarios() -> dict[str, Path]:
    """Return the scenarios that come with the package, by name."""
    folder = resources.files("cluster_emu") / "scenarios"
    paths = [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {path.stem: path for path in sorted(paths)}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Return the built-in scenario of that name, or the one in that file.

    Files that a scenario names (`workload.traces`, `topology.path`, the `file` of a profile) are
    taken as starting from the scenario's own folder.

    Raises:
        UnknownNameError: if it is neither a built-in name nor a file.
        ScenarioError: if the file is not a valid scenario.
    """
    known = built_in_scenarios()
    path = known.get(str(name_or_path), Path(name_or_path))
    if not path.exists():
        raise UnknownNameError("scenario (or file)", str(name_or_path), known)
    data = read_toml(path)
    scenario = scenario_from(data, file=path)
    located = _located(scenario, path.parent)
    return scenario.with_fields(located) if located else scenario


def _located(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Return the files that a scenario names, by field, with its folder before relative ones."""
    named: dict[str, Any] = {
        "workload.traces": scenario.workload.traces,
        "topology.path": scenario.topology.parameters.get("path"),
    }
    for i, group in enumerate(scenario.vms):
        if group.profile is not None:
            named[f"vms.{i}.profile.file"] = group.profile.parameters.get("file")
    return {field: str(folder / str(file)) for field, file in named.items() if file is not None}
