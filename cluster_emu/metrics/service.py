"""The CPU that VMs wanted and did not get: the service-level account."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster_emu.cluster.columns import ALL, FloatColumn, Rows, VMColumns


class ServiceAccount:
    """Sums up, for every VM, the CPU it wanted and what overload and migrations took from it.

    CPU is counted in the scenario's CPU unit times seconds. What migrations take is what a VM
    wanted while it was paused, throttled, slowed by the tracking of its writes, or waiting for a
    page after post-copy, and what the threads of any migration took from it on a full host. What
    overload takes is the rest: what its host would lack without migrations.

    Args:
        vm_count: number of VMs.
    """

    def __init__(self, vm_count: int) -> None:
        self.sums = np.zeros((4, vm_count))
        self.wanted, self.lost_to_overload, self.lost_to_migration, self.paused_s = self.sums

    def add(self, rates: FloatColumn, duration_s: float | FloatColumn) -> None:
        """Add some time at constant `rates`, as of `service_rates`.

        Args:
            rates: shape [4, vms].
            duration_s: how long, for all VMs or each of them, [vms].
        """
        for sums, rate in zip(self.sums, rates, strict=True):
            if rate.any():  # most VMs lose nothing most of the time
                sums += rate * duration_s

    def count_stall(self, vm: int, stall_s: float, wanted: float) -> None:
        """Count time that a VM spent waiting for pages, and the CPU that it wanted meanwhile."""
        self.lost_to_migration[vm] += stall_s * wanted

    def degradation_by_migration(self) -> float:
        """Return the share of the CPU wanted that migrations took, mean over the VMs.

        The form of Beloglazov and Buyya's PDM (CCPE 2012, section 5.3): the mean of lost over
        wanted, VMs that wanted nothing left out. What was lost is counted, not assumed to be 10 %.
        """
        return _mean_share(self.lost_to_migration, self.wanted)

    def degradation_by_overload(self) -> float:
        """Return the share of the CPU wanted that overloaded hosts did not give, mean over VMs."""
        return _mean_share(self.lost_to_overload, self.wanted)

    def table(self) -> pd.DataFrame:
        """Return the table `service`: one row per VM, sums over the run."""
        return pd.DataFrame(
            {
                "vm": np.arange(len(self.wanted)),
                "cpu_wanted_s": self.wanted,
                "cpu_lost_to_overload_s": self.lost_to_overload,
                "cpu_lost_to_migration_s": self.lost_to_migration,
                "paused_s": self.paused_s,
            }
        )


def service_rates(vms: VMColumns, some: Rows = ALL) -> FloatColumn:
    """Return what VMs want and lose per second now: the rates of a `ServiceAccount`, [4, VMs]."""
    wanted = vms.demand[some] * vms.cpu_capacity[some]
    speed = vms.speed[some]
    usable, unhindered = wanted * speed, vms.cpu_unhindered[some]
    rates = np.empty((4, len(wanted)))
    rates[0] = wanted
    rates[1] = usable - unhindered
    rates[2] = wanted - usable + (unhindered - vms.cpu_granted[some])
    rates[3] = speed == 0.0
    return rates


def _mean_share(lost: np.ndarray, wanted: np.ndarray) -> float:
    asked = wanted > 0
    return float((lost[asked] / wanted[asked]).mean()) if asked.any() else 0.0
