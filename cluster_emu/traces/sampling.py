"""Some VMs of a trace, drawn at random, all alike or from every stratum in proportion."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster_emu.traces.describing import VMReport

Strata = Literal["cpu", "memory", "lifetime"]
"""By what VMs are put into strata: mean CPU share, mean memory in use, or time with samples."""
STRATUM_COUNT = 4


def drawn_vms(
    vms: Mapping[str, VMReport],
    count: int,
    rng: np.random.Generator,
    by: Strata | None = None,
    strata: int = STRATUM_COUNT,
) -> list[str]:
    """Return the names of VMs drawn without replacement, sorted in byte order.

    Without `by`, every set of `count` VMs is equally likely. With it, VMs are sorted by the
    quantity and cut into `strata` parts of equal size; of each part a share of count / VMs is
    drawn, and what rounding leaves goes to the parts with the largest remainders (Hamilton's
    method). VMs without the quantity come first in the order.

    Args:
        vms: what is known of each VM, by name.
        count: how many are drawn, at most as many as there are.
        rng: draws them.
        by: the quantity of the strata.
        strata: how many there are, at most as many as VMs.
    """
    names = sorted(vms, key=os.fsencode)
    if by is None:
        parts = [np.arange(len(names))]
    else:
        values = np.array([_value(vms[name], by) for name in names])
        order = np.argsort(np.nan_to_num(values, nan=-np.inf), kind="stable")
        parts = np.array_split(order, min(strata, len(names)))
    counts = apportioned(count, np.array([len(part) for part in parts]))
    drawn = [
        rng.choice(part, number, replace=False)
        for part, number in zip(parts, counts.tolist(), strict=True)
    ]
    return [names[place] for place in sorted(np.concatenate(drawn).tolist())]


def apportioned(count: int, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many to draw from parts of these sizes, in proportion, by largest remainders."""
    quotas = count * sizes / sizes.sum()
    counts: NDArray[np.int64] = np.floor(quotas + 1e-9).astype(np.int64)
    left = count - int(counts.sum())
    order = np.argsort(-(quotas - counts), kind="stable")
    counts[order[:left]] += 1
    return counts


def _value(vm: VMReport, by: Strata) -> float:
    match by:
        case "cpu":
            return vm.cpu_share
        case "memory":
            return vm.memory
        case "lifetime":
            return vm.end_s - vm.first_s
