"""The sharing of CPU and the account of service on one host, compiled.

Each does what the array functions do for any hosts (`cpu_sharing.share_cpu`, `metrics.service`), in
the same order of operations, so with the same results to the last bit. Where VMs come and go every
event changes one host, and a dozen array operations on its few VMs would cost several times as
much.
"""

from __future__ import annotations

from cluster_emu._jit import jit

ROUNDING = 1e-12
"""As `cpu_sharing.ROUNDING`; a kernel uses constants of its own file alone."""


@jit
def share_host(vms, demand, vm_capacity, speed, granted, unhindered, capacity, overhead):  # type: ignore[no-untyped-def]
    """Share the CPU of one host; return what its VMs can use, in the CPU unit.

    Args:
        vms: its VMs, ascending, [VMs].
        demand: demand of all VMs, and so the next four, [all VMs].
        vm_capacity: CPU of each.
        speed: the share of its time that a migration leaves each.
        granted: is written for the VMs of the host.
        unhindered: likewise.
        capacity: CPU of the host.
        overhead: what migrations take of it.
    """
    wanted = 0.0
    for vm in vms:
        wanted += demand[vm] * vm_capacity[vm] * speed[vm]
    alone = min(1.0, capacity / max(wanted, 1e-300))
    beside = alone
    if overhead > 0.0:
        beside = min(1.0, max(capacity - overhead, 0.0) / max(wanted, 1e-300))
    for vm in vms:
        usable = demand[vm] * vm_capacity[vm] * speed[vm]
        granted[vm] = usable * beside
        unhindered[vm] = usable * alone
    return wanted


@jit
def read_service_rates(vms, demand, vm_capacity, speed, granted, unhindered, rates):  # type: ignore[no-untyped-def]
    """Write what the VMs of one host want and lose per second, into `rates`, [6, all VMs]."""
    for vm in vms:
        wanted = demand[vm] * vm_capacity[vm]
        usable = wanted * speed[vm]
        rates[0, vm] = wanted
        rates[1, vm] = usable - unhindered[vm]
        rates[2, vm] = wanted - usable + (unhindered[vm] - granted[vm])
        rates[3, vm] = 1.0 if speed[vm] == 0.0 else 0.0
        lost = rates[1, vm] + rates[2, vm]
        short = lost > ROUNDING * wanted
        rates[4, vm] = 1.0 if short else 0.0
        rates[5, vm] = lost / wanted if short else 0.0


@jit
def accrue_service(vms, rates, sums, duration_s):  # type: ignore[no-untyped-def]
    """Add some time at constant rates to the sums of the VMs of one host, both [6, all VMs]."""
    for row in range(sums.shape[0]):
        for vm in vms:
            sums[row, vm] += rates[row, vm] * duration_s
