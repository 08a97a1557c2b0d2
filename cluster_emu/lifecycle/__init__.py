"""VMs that come and go: when they arrive, where they are placed, how long they stay."""

from cluster_emu.lifecycle.contract import (
    ArrivalProcess,
    Arriving,
    LifetimeDistribution,
    arrival_processes,
    lifetime_distributions,
)

__all__ = [
    "ArrivalProcess",
    "Arriving",
    "LifetimeDistribution",
    "arrival_processes",
    "lifetime_distributions",
]
