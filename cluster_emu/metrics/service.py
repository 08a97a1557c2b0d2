"""The CPU that VMs wanted and did not get: the service-level account."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster_emu.cluster.columns import ALL, FloatColumn, Rows, VMColumns
from cluster_emu.cluster.cpu_sharing import ROUNDING

TEN_PERCENT = 0.1
"""What a migration takes of a VM's CPU by the rule of the literature (Voorsluys et al., 2009)."""


class ServiceAccount:
    """Sums up, for every VM, the CPU it wanted and what overload and migrations took from it.

    CPU is counted in the scenario's CPU unit times seconds. What migrations take is what a VM
    wanted while it was paused, throttled, slowed by the tracking of its writes, or waiting for a
    page after post-copy, and what the threads of any migration took from it on a full host. What
    overload takes is the rest: what its host would lack without migrations.

    Args:
        vm_count: number of VMs.

    Attributes:
        sums: the six sums by VM, [6, vms]; the next six are its rows.
        wanted: CPU wanted.
        lost_to_overload: CPU that overload took.
        lost_to_migration: CPU that migrations took.
        paused_s: how long the VM was paused.
        short_s: for how long it got less than it wanted.
        shortfall_s: the share that it lacked, summed over that time.
    """

    def __init__(self, vm_count: int) -> None:
        self.sums = np.zeros((6, vm_count))
        self.wanted, self.lost_to_overload, self.lost_to_migration = self.sums[:3]
        self.paused_s, self.short_s, self.shortfall_s = self.sums[3:]
        self._wanted_in_migrations = np.zeros(vm_count)
        self._wanted_before: dict[int, float] = {}

    def add(self, rates: FloatColumn, duration_s: float | FloatColumn) -> None:
        """Add some time at constant `rates`, as of `service_rates`.

        Args:
            rates: shape [6, vms].
            duration_s: how long, for all VMs or each of them, [vms].
        """
        for sums, rate in zip(self.sums, rates, strict=True):
            if rate.any():  # most VMs lose nothing most of the time
                sums += rate * duration_s

    def count_stall(self, vm: int, stall_s: float, wanted: float) -> None:
        """Count time that a VM spent waiting for pages, and the CPU that it wanted meanwhile."""
        self.lost_to_migration[vm] += stall_s * wanted
        if wanted > 0:
            self.short_s[vm] += stall_s
            self.shortfall_s[vm] += stall_s

    def begin_migration(self, vm: int) -> None:
        """Note that the memory of a VM is copied from now on; its cost has accrued up to now."""
        self._wanted_before[vm] = float(self.wanted[vm])

    def end_migration(self, vm: int) -> None:
        """Note that its memory is no longer copied; its cost has accrued up to now."""
        self._wanted_in_migrations[vm] += self.wanted[vm] - self._wanted_before.pop(vm)

    @property
    def wanted_in_migrations(self) -> FloatColumn:
        """CPU that each VM wanted while its memory was copied, up to now, [vms]."""
        wanted = self._wanted_in_migrations.copy()
        for vm, before in self._wanted_before.items():
            wanted[vm] += self.wanted[vm] - before
        return wanted

    def degradation_by_ten_percent_rule(self) -> float:
        """Return the share of the CPU wanted that migrations take by rule, mean over the VMs.

        ``PDM = 1/M x sum_j(C_d,j / C_r,j)`` of Beloglazov and Buyya (CCPE 2012, section 5.3): of
        what VM j wants in all, C_r,j, it loses C_d,j, a tenth of what it wants while it migrates.
        VMs that wanted nothing are left out.
        """
        return _mean_share(TEN_PERCENT * self.wanted_in_migrations, self.wanted)

    def overall_violation(self) -> float:
        """Return the share of the CPU wanted that VMs did not get, all VMs together.

        ``(sum of wanted - sum of granted) / sum of wanted``, as CloudSim reports it.
        """
        wanted = float(self.wanted.sum())
        lost = float(self.lost_to_overload.sum() + self.lost_to_migration.sum())
        return lost / wanted if wanted > 0 else 0.0

    def average_violation(self) -> float:
        """Return the mean share that VMs lacked while they got less than they wanted.

        CloudSim averages ``(wanted - granted) / wanted`` over its samples of VMs that lack CPU;
        here each instant of each such VM counts the same.
        """
        short_s = float(self.short_s.sum())
        return float(self.shortfall_s.sum()) / short_s if short_s > 0 else 0.0

    def degradation_by_migration(self) -> float:
        """Return the share of the CPU wanted that migrations took, mean over the VMs.

        The form of Beloglazov and Buyya's PDM (CCPE 2012, section 5.3): the mean of lost over
        wanted, VMs that wanted nothing left out. What was lost is what the emulated migrations took
        (pauses, throttling, tracking, waits for pages, the CPU of their threads), not 10 %.
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
                "cpu_wanted_in_migrations_s": self.wanted_in_migrations,
                "short_of_cpu_s": self.short_s,
            }
        )


def service_rates(vms: VMColumns, some: Rows = ALL) -> FloatColumn:
    """Return what VMs want and lose per second now: the rates of a `ServiceAccount`, [6, VMs]."""
    wanted = vms.demand[some] * vms.cpu_capacity[some]
    speed = vms.speed[some]
    usable, unhindered = wanted * speed, vms.cpu_unhindered[some]
    rates = np.zeros((6, len(wanted)))
    rates[0] = wanted
    rates[1] = usable - unhindered
    rates[2] = wanted - usable + (unhindered - vms.cpu_granted[some])
    rates[3] = speed == 0.0
    if np.count_nonzero(rates[1:3]):
        lost = rates[1] + rates[2]
        short = lost > ROUNDING * wanted
        rates[4] = short
        np.divide(lost, wanted, out=rates[5], where=short)
    return rates


def _mean_share(lost: np.ndarray, wanted: np.ndarray) -> float:
    asked = wanted > 0
    return float((lost[asked] / wanted[asked]).mean()) if asked.any() else 0.0
