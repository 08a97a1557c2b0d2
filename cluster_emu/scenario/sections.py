"""The run, the hosts, the VMs and their workload."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain
from cluster_emu.units import MemoryBytes, ParseShare, PositiveSeconds, Seconds


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


class HostGroup(Plain):
    """Equal physical machines; the groups fill the topology's hosts in order."""

    count: Annotated[int, Field(gt=0)]
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    memory_bytes: MemoryBytes
    power: Choice = Choice(name="linear")


class VMGroup(Plain):
    """Equal VMs.

    `profile` decides which pages they write: a named write profile, an inline one, or a write
    source. With `profile_mix` each VM draws its profile with these weights. `page_count` replaces
    memory_bytes / page_bytes for transfers (the reference paper has 10 to 20 pages). `host` places
    the whole group on one host at the start.
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
        """Pages of one VM; the last one may be partly used."""
        return self.page_count or -(-self.memory_bytes // self.page_bytes)


class Workload(Plain):
    """The CPU demand of the VMs, and how their write intensity follows it.

    `traces` is a folder of CPU traces in `trace_format`, for demand models that replay traces;
    without it they replay the synthetic traces of the package. `idle_share` is the write intensity
    of a VM that wants no CPU.
    """

    demand: Choice = Choice(name="constant")
    traces: Path | None = None
    trace_format: str = "planetlab"
    idle_share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.1


class Request(Plain):
    """A migration that the user requests at an exact time."""

    at_s: Seconds = 0.0
    vm: Annotated[int, Field(ge=0)]
    target: Annotated[int, Field(ge=0)]
