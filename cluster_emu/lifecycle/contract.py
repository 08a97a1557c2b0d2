"""What an arrival process and a lifetime distribution are.

Both are exogenous: they depend on the seed alone, and on nothing that happens in the run, so all
strategies and policies meet the same VMs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.plugins import Registry
from cluster_emu.traces.demand_traces import DemandTraces


@dataclass(frozen=True, slots=True, kw_only=True)
class Arriving:
    """The VMs that arrive within a run, in the order of their arrival.

    Args:
        times_s: when each one arrives, ascending, shape [arriving VMs].
        lifetimes_s: how long each one stays, infinite for one that stays to the end, NaN where the
            lifetime distribution says it; None if it says all of them. Same shape.
        cpu_capacity: CPU of each, NaN where its flavour says it; None if that says all of them.
        memory_bytes: memory of each, likewise.
        trace: the trace that each one's demand follows; None if the demand model chooses.
        assumptions: what was assumed, one sentence each.
    """

    times_s: FloatColumn
    lifetimes_s: FloatColumn | None = None
    cpu_capacity: FloatColumn | None = None
    memory_bytes: FloatColumn | None = None
    trace: NDArray[np.int64] | None = None
    assumptions: tuple[str, ...] = ()


class ArrivalProcess(Protocol):
    """Says when VMs arrive. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where the model comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def arriving(
        self, duration_s: float, rng: np.random.Generator, traces: DemandTraces
    ) -> Arriving:
        """Return the VMs that arrive from time 0 on and before `duration_s`.

        Raises:
            ScenarioError: naming the parameter that asks for more VMs than can be run.
        """
        ...


class LifetimeDistribution(Protocol):
    """Says how long VMs stay. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where the model comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def lifetimes_s(self, count: int, rng: np.random.Generator) -> FloatColumn:
        """Return the lifetimes of some VMs in seconds, each above 0, shape [count]."""
        ...


arrival_processes: Registry[ArrivalProcess] = Registry(
    "arrival process",
    "cluster_emu.arrival_processes",
    package="cluster_emu.lifecycle.processes",
    summary="when VMs arrive",
)
lifetime_distributions: Registry[LifetimeDistribution] = Registry(
    "lifetime distribution",
    "cluster_emu.lifetime_distributions",
    package="cluster_emu.lifecycle.lifetimes",
    summary="how long VMs stay",
)
