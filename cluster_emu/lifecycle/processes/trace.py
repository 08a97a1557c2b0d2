"""VMs that arrive and end as a trace says."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.lifecycle.contract import Arriving, arrival_processes
from cluster_emu.traces.demand_traces import DemandTraces
from cluster_emu.wording import counted

CLOCK = (
    "traces (workload.traces) whose VMs are on one clock; workload.trace_format = "
    '"auto:align=clock" keeps VMs of any trace at their times'
)


@arrival_processes.register("trace")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class TraceArrivals:
    """The VMs of the trace, from the start of each to its end.

    A VM whose life the trace does not state lives from its first sample to the end of its last one.
    One that begins before the replay is there at its begin; one that lives until the end of the
    trace stays. With the demand model "trace" each VM wants the CPU of its own trace.

    Args:
        sizes: "flavour" gives each VM the size of its flavour; "trace" the cores and the memory
            that the trace states, and its flavour's where it states none.
        cpu_per_core: CPU of a core, in the CPU unit of the scenario.
    """

    name: ClassVar[str] = "trace"
    summary: ClassVar[str] = "the VMs of a trace, from the start of each to its end"
    source: ClassVar[str] = "the lifetimes in the traces of Azure, Google, Alibaba and OpenDC"

    sizes: Literal["flavour", "trace"] = "flavour"
    cpu_per_core: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    def arriving(
        self, duration_s: float, rng: np.random.Generator, traces: DemandTraces
    ) -> Arriving:
        """Return the VMs of the trace that live within the run; nothing is drawn.

        Raises:
            ScenarioError: if the traces do not say when VMs begin and end.
        """
        lives = traces.lives
        if lives is None:
            raise ScenarioError("name", self.name, f"another process, or {CLOCK}")
        rows = np.flatnonzero((lives.end_s > 0) & (lives.start_s < duration_s))
        rows = rows[np.argsort(np.maximum(lives.start_s[rows], 0.0), kind="stable")]
        times_s = np.maximum(lives.start_s[rows], 0.0)
        stated, by_trace = int(lives.is_stated[rows].sum()), self.sizes == "trace"
        said = (
            f"{counted(len(rows), 'VM')} of the trace arrive; it states the life of {stated}, and "
            "the others live from their first sample to the end of their last one."
        )
        return Arriving(
            times_s=times_s,
            lifetimes_s=np.maximum(lives.end_s[rows] - times_s, 1e-9),
            cpu_capacity=lives.cpu_cores[rows] * self.cpu_per_core if by_trace else None,
            memory_bytes=lives.memory_bytes[rows] if by_trace else None,
            trace=rows,
            assumptions=(said,),
        )
