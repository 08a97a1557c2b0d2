"""Which share of a VM's memory has been used so far, where a trace holds memory in use."""

from __future__ import annotations

import numpy as np

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.demand import Demand

IN_USE = "memory_share"
"""The quantity of a trace that is memory in use as a share of the VM's memory."""


class MemoryUse:
    """The largest share of memory that each VM has used since the start of the run.

    A page that was used once keeps its content when the guest frees it, so what has never been
    used, and is still zero, only shrinks.

    Args:
        in_use: memory in use of all VMs, NaN for VMs of which it is not known.
    """

    def __init__(self, in_use: Demand) -> None:
        self._in_use = in_use
        self._step = -1
        self._largest: FloatColumn = np.zeros(0)

    def largest_until(self, time_s: float) -> FloatColumn:
        """Return the share of each VM, NaN where it is not known, read-only, shape [vms].

        It depends on the time alone, not on when it was asked before; it is found faster where
        times do not fall.
        """
        step = self._in_use.step_at(time_s)
        if self._step < 0 or step < self._step:
            self._largest, self._step = self._shares(0), 0
        while self._step < step:
            self._step += 1
            self._largest = np.maximum(self._largest, self._shares(self._step))
        self._largest.setflags(write=False)
        return self._largest

    def _shares(self, step: int) -> FloatColumn:
        return self._in_use.shares(step, slice(0, self._in_use.vm_count))
