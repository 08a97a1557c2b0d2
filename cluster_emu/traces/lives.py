"""When the VMs of a trace begin and end, on the clock of its replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Spans = Mapping[str, tuple[float, float]]
"""When the samples of each VM begin and end, in the trace's time."""


@dataclass(frozen=True, slots=True, eq=False)
class TraceLives:
    """The life of the VM of every trace; each column has the shape [traces].

    Where the trace states no lifetime, a VM lives from its first sample to the end of its last one.
    A VM that lives until the end of the whole trace, or longer, has no known end.

    Args:
        start_s: when it begins, counted from the start of the replay; negative for before.
        end_s: when it ends, infinite where that is not known.
        is_stated: whether the trace itself states the lifetime.
        cpu_cores: cores of the VM, NaN where the trace does not say.
        memory_bytes: its memory, likewise.
    """

    start_s: Floats
    end_s: Floats
    is_stated: NDArray[np.bool_]
    cpu_cores: Floats
    memory_bytes: Floats


def lives_of(
    names: Sequence[str],
    spans: Spans,
    facts: Mapping[str, Mapping[str, Any]],
    begin_s: float,
    trace_end_s: float,
) -> TraceLives:
    """Return the lives of the VMs `names`.

    Args:
        names: the VMs, in the order of the columns.
        spans: when their samples begin and end.
        facts: what the trace states of them.
        begin_s: when the replay begins, in the trace's time.
        trace_end_s: when the whole trace ends.
    """
    known = [facts.get(name, {}) for name in names]

    def stated(fact: str) -> Floats:
        values = [one.get(fact) for one in known]
        return np.array([np.nan if value is None else value for value in values], np.float64)

    first = np.array([spans[name] for name in names]).reshape(-1, 2)
    start_s, end_s = stated("start_s"), stated("end_s")
    is_stated = ~np.isnan(start_s) & ~np.isnan(end_s)
    start_s = np.where(np.isnan(start_s), first[:, 0], start_s)
    end_s = np.where(np.isnan(end_s), first[:, 1], end_s)
    return TraceLives(
        start_s=start_s - begin_s,
        end_s=np.where(end_s >= trace_end_s, np.inf, end_s - begin_s),
        is_stated=is_stated,
        cpu_cores=stated("cpu_cores"),
        memory_bytes=stated("memory_capacity_bytes"),
    )
