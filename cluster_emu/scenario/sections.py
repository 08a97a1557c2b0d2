"""The run, the hosts, the VMs and their workload."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.names import Name
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.units import MemoryBytes, ParseShare, PositiveSeconds, PowerWatts, Seconds

MOST_VCPUS = 4096
"""The most virtual processors of a VM: that of KVM on x86 (KVM_MAX_VCPUS)."""
MOST_CORES = 256
"""A `cpu_capacity` of a VM above it is in another unit than cores, such as MIPS."""


class Run(Plain):
    """The time that a run covers, its ticks and control instants, and its memory model.

    `fidelity` names the memory model of migrating VMs. "pages" keeps the bits of every page.
    "lumped" counts pages that behave alike, at a cost that does not depend on the size of the VM.
    "auto" lumps large VMs where that is possible. "mean-field" is "lumped" with every draw replaced
    by its mean. "scalar" has a dirty rate and a working set, and no pages.

    `uncertain` is how far dirty rates and bandwidths may be off: each run draws two factors from
    its seed, both uniformly from 1 - uncertain to 1 + uncertain. One multiplies all dirty rates,
    the other the bandwidth of all links.
    """

    duration_s: PositiveSeconds
    tick_s: PositiveSeconds = 1.0
    control_interval_s: PositiveSeconds = 300.0
    stop_when_idle: bool = False
    track_versions: bool = False
    fidelity: str = "pages"
    uncertain: Annotated[float, ParseShare, Field(ge=0, lt=1)] = 0.0


MOST_OF_A_KIND = 2**20
"""The most hosts or VMs of a scenario; each of them has a row in every observation."""


Names = Annotated[tuple[Name, ...], BeforeValidator(as_tuple)]


def _counted_by_names(values: Any) -> Any:
    """Return the data of a group with the number of its names as `count` where it gives none."""
    if isinstance(values, dict) and "count" not in values:
        names = values.get("names")
        if isinstance(names, list | tuple) and names:
            return {**values, "count": len(names)}
    return values


def _check_names(count: int, names: tuple[str, ...]) -> None:
    if names and len(names) != count:
        raise ValueError(f"as many names as its count, {count}, or none; these are {len(names)}")


class HostGroup(Plain):
    """Equal physical machines; the groups fill the topology's hosts in order.

    A host that was switched off boots for `boot_s` before a VM can run there or migrate to it.
    Meanwhile it draws `boot_w`. One that is switched off shuts down for `shutdown_s`, draws
    `shutdown_w` meanwhile and the `sleep_w` of its power model after that; if it is woken, it first
    ends its shutdown and then boots. Both powers are that of an idle host if they are not set.

    `names` are the names of the hosts, as many as `count`, which may be left out then; no two hosts
    have the same. Hosts that are not `schedulable` (cordoned) keep the VMs they have and take none.
    """

    count: Annotated[int, Field(gt=0, le=MOST_OF_A_KIND)]
    names: Names = ()
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bytes: MemoryBytes
    power: Choice = Choice(name="linear")
    boot_s: Seconds = 0.0
    boot_w: PowerWatts | None = None
    shutdown_s: Seconds = 0.0
    shutdown_w: PowerWatts | None = None
    schedulable: bool = True

    @model_validator(mode="before")
    @classmethod
    def _count(cls, values: Any) -> Any:
        return _counted_by_names(values)

    @model_validator(mode="after")
    def _one_name_each(self) -> HostGroup:
        _check_names(self.count, self.names)
        return self


class VMGroup(Plain):
    """Equal VMs.

    `profile` decides which pages they write: a named write profile, an inline one, or a write
    source. With `profile_mix` each VM draws its profile with these weights. `page_count` replaces
    memory_bytes / page_bytes for transfers (the reference paper has 10 to 20 pages).
    `memory_used_bytes` is the part of the memory that the guest has ever written; unset, all of it.
    The profile writes used pages alone. Unused ones are scattered, zero and never written, and are
    sent as any page unless the encoder "zero-page" finds them; the host reserves all memory. `host`
    places the whole group on one host at the start. `vcpus` is the number of virtual processors,
    each of which waits for its own page after a demand fault; unset, it is `cpu_capacity` rounded
    up, or 1 where that is above 256 and so not in cores.

    VMs that are not `migratable` stay on their hosts; a crash of the host may still restart them
    elsewhere. `anti_affinity` is the name of an anti-affinity group: no two VMs of all groups with
    the same name are ever on one host together. `affinity` is the name of an affinity group: all
    VMs of all groups with the same name start on one host, and triggers keep them on one host.
    `allowed_hosts` are names, patterns (`gpu-*`) or numbers of the only hosts that may take them;
    without it, all may.

    `names` are the names of the VMs, as many as `count`, which may be left out then; no two VMs
    have the same. `host` is a number or a name.
    """

    count: Annotated[int, Field(gt=0, le=MOST_OF_A_KIND)]
    names: Names = ()
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bytes: MemoryBytes
    page_bytes: Annotated[MemoryBytes, Field(validate_default=True)] = 4096
    memory_used_bytes: MemoryBytes | None = None
    page_count: Annotated[int, Field(gt=0, le=2**48)] | None = None
    profile: Choice | None = None
    profile_mix: dict[str, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = None
    host: int | str | None = None
    vcpus: Annotated[int, Field(ge=1, le=MOST_VCPUS)] | None = None
    migratable: bool = True
    anti_affinity: Annotated[str, Field(min_length=1)] | None = None
    affinity: Annotated[str, Field(min_length=1)] | None = None
    allowed_hosts: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] = ()

    @model_validator(mode="before")
    @classmethod
    def _count(cls, values: Any) -> Any:
        return _counted_by_names(values)

    @field_validator("host", mode="before")
    @classmethod
    def _number_or_name(cls, host: object) -> object:
        if isinstance(host, float) and host.is_integer():
            host = int(host)
        if isinstance(host, bool) or not isinstance(host, int | str | None):
            raise ValueError("the number of a host, or its name")
        if isinstance(host, int) and host < 0:
            raise ValueError("a number >= 0, or the name of a host")
        return host

    @model_validator(mode="after")
    def _one_name_each(self) -> VMGroup:
        _check_names(self.count, self.names)
        return self

    @model_validator(mode="after")
    def _one_profile(self) -> VMGroup:
        if (self.profile is None) == (self.profile_mix is None):
            raise ValueError("exactly one of profile and profile_mix")
        if self.profile_mix is not None and not sum(self.profile_mix.values()) > 0:
            raise ValueError("a profile_mix with a positive weight")
        return self

    @field_validator("page_bytes")
    @classmethod
    def _page_is_a_part(cls, page_bytes: int, info: ValidationInfo) -> int:
        memory_bytes = info.data.get("memory_bytes")
        if memory_bytes is not None and page_bytes > memory_bytes:
            raise ValueError(f"at most memory_bytes, {memory_bytes}")
        return page_bytes

    @field_validator("memory_used_bytes")
    @classmethod
    def _used_is_a_part(cls, used_bytes: int | None, info: ValidationInfo) -> int | None:
        memory_bytes = info.data.get("memory_bytes")
        if used_bytes is not None and memory_bytes is not None and used_bytes > memory_bytes:
            raise ValueError(f"at most memory_bytes, {memory_bytes}")
        return used_bytes

    @property
    def unused_pages(self) -> int:
        """Pages of one VM that were never written; at least one is used."""
        if self.memory_used_bytes is None:
            return 0
        share = self.memory_used_bytes / self.memory_bytes
        return self.pages - max(math.ceil(share * self.pages), 1)

    @property
    def pages(self) -> int:
        """Pages of one VM; the last one may be partly used."""
        return self.page_count or -(-self.memory_bytes // self.page_bytes)

    @property
    def processors(self) -> int:
        """Virtual processors of one VM."""
        if self.vcpus is not None:
            return self.vcpus
        return math.ceil(self.cpu_capacity) if self.cpu_capacity <= MOST_CORES else 1


class Workload(Plain):
    """The CPU demand of the VMs, and how their write intensity follows it.

    `traces` is a file or folder of recorded VMs in `trace_format`, for demand models that replay
    traces; without it they replay the synthetic traces of the package. A scenario that
    `needs_traces` is refused without it. The format "auto" is found from what is in the files.
    "auto:step_s=60" replays them on a grid of a minute, and "auto:from_s=86400,until_s=172800"
    their second day. The demand model "trace:scale=1.5" scales them.

    `write_intensity` says how fast a VM writes at a load: "constant", "affine" (the default: from
    idle_share without load to 1), "power-law", or "measured" pairs. The load is the CPU demand, or
    with driver = "memory-bandwidth" what the traces hold of that. No trace holds dirty rates, so
    it is an assumption, which every run prints. With `memory_use` = "traces" the memory in use that
    the traces hold says which pages are in use: pages never used since the start of the run are
    zero. Groups of VMs with a `memory_used_bytes` keep it.

    `profiles` is a TOML file with further write profiles that VMs may name, such as those that
    `cluster-emu calibrate` writes: a table per profile, with the fields of an inline one.
    """

    demand: Choice = Choice(name="constant")
    traces: Path | None = None
    needs_traces: bool = False
    trace_format: Choice = Choice(name="auto")
    write_intensity: Choice = Choice(name="affine")
    memory_use: Literal["fixed", "traces"] = "fixed"
    profiles: Path | None = None

    @field_validator("traces", "profiles", mode="before")
    @classmethod
    def _named(cls, traces: object) -> object:
        if isinstance(traces, str) and not traces.strip():
            raise ValueError("the path of a file or folder")
        return traces

    @model_validator(mode="after")
    def _format_is_of_traces(self) -> Workload:
        if self.traces is None and self.trace_format != Choice(name="auto"):
            raise ValueError("a trace_format only with traces")
        return self


class Request(Plain):
    """A migration that the user requests at an exact time, and may cancel at a later one.

    At `cancel_at_s` it is cancelled, whether it is queued, prepares or copies, and its VM stays at
    the source. It is too late once a switchover to post-copy has begun or the target has all of
    the memory.
    """

    at_s: Seconds = 0.0
    vm: Annotated[int, Field(ge=0)]
    target: Annotated[int, Field(ge=0)]
    cancel_at_s: Seconds | None = None

    @model_validator(mode="after")
    def _cancelled_after_request(self) -> Request:
        if self.cancel_at_s is not None and self.cancel_at_s <= self.at_s:
            raise ValueError(f"a cancel_at_s after at_s = {self.at_s:g}")
        return self
