"""The service-level metrics of the literature on consolidation, and energy weighed with them.

Beloglazov and Buyya (CCPE 2012, section 5.3) count two kinds of violation, for N hosts and M VMs::

    SLATAH = 1/N x sum_i(T_s,i / T_a,i)     host i is short of CPU for T_s,i of the T_a,i it serves
    PDM    = 1/M x sum_j(C_d,j / C_r,j)     VM j loses C_d,j of the C_r,j it wants to migrations
    SLAV   = SLATAH x PDM
    ESV    = energy x SLAV

They take C_d,j as a tenth of what the VM wants during its migrations. Here migrations are emulated,
so C_d,j is also known. Both are reported: the second under the names that end with
``by_ten_percent_rule``.
"""

from __future__ import annotations

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.metrics.aggregations import RunFigures


def mean_overload_share(overload_time_s: FloatColumn, serving_time_s: FloatColumn) -> float:
    """Return SLATAH: the mean of T_s / T_a over the hosts that served any VM, 0 if none did.

    Args:
        overload_time_s: for how long more CPU was wanted of each host than it has, [hosts].
        serving_time_s: for how long each host ran VMs, [hosts].
    """
    served = serving_time_s > 0
    if not served.any():
        return 0.0
    active_s = serving_time_s[served]
    # overhead alone can overload a host that receives its first VM
    return float((overload_time_s[served] / active_s).clip(max=1.0).mean())


def slav(run: RunFigures) -> float:
    """Return `slatah` times `degradation_by_migration`."""
    return run.cluster["slatah"] * run.cluster["degradation_by_migration"]


def slav_by_ten_percent_rule(run: RunFigures) -> float:
    """Return `slatah` times `degradation_by_ten_percent_rule`."""
    return run.cluster["slatah"] * run.cluster["degradation_by_ten_percent_rule"]


def esv_kwh(run: RunFigures) -> float:
    """Return `energy_kwh` times `slav`."""
    return run.cluster["energy_kwh"] * slav(run)


def esv_by_ten_percent_rule_kwh(run: RunFigures) -> float:
    """Return `energy_kwh` times `slav_by_ten_percent_rule`."""
    return run.cluster["energy_kwh"] * slav_by_ten_percent_rule(run)
