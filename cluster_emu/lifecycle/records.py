"""What happened to every VM: the table `lifecycle` and its figures."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import pandas as pd

from cluster_emu.cluster.columns import VMColumns
from cluster_emu.lifecycle.population import Population


class Status(IntEnum):
    """Where a VM is in its life."""

    TO_COME = 0
    WAITING = 1
    BOOTING = 2
    RUNNING = 3
    """On a host; it may be down after a crash, or lost."""
    ENDED = 4
    REJECTED = 5


TO_COME, WAITING, BOOTING, RUNNING, ENDED, REJECTED = map(int, Status)
"""The same as plain numbers, which are compared and stored several times as fast."""


class LifecycleRecords:
    """One row per VM.

    Args:
        population: all VMs.

    Attributes:
        status: see `Status`, [vms].
        placed_s: when it was first placed on a host, NaN for never, [vms].
        started_s: when it first ran, [vms].
        ended_s: when it ended or was rejected, [vms].
        waited_s: time without a host, from its arrival on, [vms].
        first_host: the host on which it was placed first, -1 for none, [vms].
        resizes: how often it was resized, [vms].
        resizes_refused: how often it was not, [vms].
        reason: why it was rejected, or did not end as usual, by VM.
    """

    def __init__(self, population: Population) -> None:
        count = len(population)
        self._population = population
        self.status = np.zeros(count, dtype=np.int8)
        self.placed_s = np.full(count, np.nan)
        self.started_s = np.full(count, np.nan)
        self.ended_s = np.full(count, np.nan)
        self.waited_s = np.zeros(count)
        self.first_host = np.full(count, -1)
        self.resizes = np.zeros(count, dtype=np.int64)
        self.resizes_refused = np.zeros(count, dtype=np.int64)
        self.reason: dict[int, str] = {}

    def reject(self, vm: int, reason: str, now_s: float) -> None:
        """Note that a VM is refused, or gives up."""
        self.status[vm] = Status.REJECTED
        self.ended_s[vm] = now_s
        self.reason[vm] = reason

    def table(self, vms: VMColumns) -> pd.DataFrame:
        """Return the table `lifecycle`: one row per VM that has arrived."""
        rows = np.flatnonzero(self.status != Status.TO_COME)
        population = self._population
        outcome = self.outcomes(vms)
        return pd.DataFrame(
            {
                "vm": rows,
                "flavour": population.flavour[rows],
                "arrived_s": population.arrives_s[rows],
                "placed_s": self.placed_s[rows],
                "waited_s": self.waited_s[rows],
                "first_host": self.first_host[rows],
                "started_s": self.started_s[rows],
                "lifetime_s": population.lifetime_s[rows],
                "ended_s": self.ended_s[rows],
                "cpu_capacity": vms.cpu_capacity[rows],
                "memory_bytes": vms.memory_bytes[rows],
                "resizes": self.resizes[rows],
                "resizes_refused": self.resizes_refused[rows],
                "outcome": outcome[rows],
                "reason": [self.reason.get(vm, "") for vm in rows.tolist()],
            }
        )

    def outcomes(self, vms: VMColumns) -> np.ndarray:
        """Return what became of each VM, in one or two words, [vms]."""
        names = np.array(["to come", "waiting", "booting", "running", "ended", "rejected"])
        found = names[self.status].astype(object)
        on_host = self.status == Status.RUNNING
        found[on_host & ~vms.running] = "down"
        found[on_host & vms.lost] = "lost"
        return found
