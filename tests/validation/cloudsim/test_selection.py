"""Which VM leaves an overloaded host."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster_emu.validation.cloudsim import _kernels as kernels
from cluster_emu.validation.cloudsim._kernels import (
    HISTORY_LENGTH,
    SELECT_LEAST_USED,
    SELECT_MOST_CORRELATED,
    SELECT_SMALLEST_MEMORY,
)


def rules(selection: int) -> np.void:
    row = np.zeros(1, kernels.RULES)
    row["selection"] = selection
    return row[0]


def vms_of(ram_mb: list[float], used: list[float] | None = None) -> NDArray[np.void]:
    vms = np.zeros(len(ram_mb), kernels.VM)
    vms["ram_mb"], vms["mips"] = ram_mb, 1000.0
    vms["demand_mips"] = 1000.0 * np.array(used or [0.5] * len(ram_mb))
    return vms


def selected(
    selection: int,
    vms: NDArray[np.void],
    *,
    listed: list[int] | None = None,
    uses: NDArray[np.float64] | None = None,
    ticks: int = HISTORY_LENGTH,
) -> int:
    places = np.array(listed or range(len(vms)), dtype=np.int32)
    history = np.zeros((len(vms), HISTORY_LENGTH)) if uses is None else uses
    return int(kernels.select_vm(rules(selection), places, len(places), vms, history, ticks))


def test_the_smallest_memory_leaves_and_the_first_on_the_list_of_equals() -> None:
    vms = vms_of([870, 613, 1740, 613])
    assert selected(SELECT_SMALLEST_MEMORY, vms) == 1
    assert selected(SELECT_SMALLEST_MEMORY, vms, listed=[2, 3, 0, 1]) == 1  # the place of VM 3


def test_the_least_used_leaves_whatever_its_size() -> None:
    assert selected(SELECT_LEAST_USED, vms_of([613, 870, 1740], [0.9, 0.4, 0.6])) == 1
    assert selected(SELECT_LEAST_USED, vms_of([613, 870, 1740], [0.4, 0.9, 0.4])) == 0


def test_a_vm_that_migrates_is_not_selected() -> None:
    vms = vms_of([613, 870])
    vms["migrations"][0] = 1
    assert selected(SELECT_SMALLEST_MEMORY, vms) == 1
    vms["migrations"][1] = 2
    assert selected(SELECT_SMALLEST_MEMORY, vms) == -1


def explained(uses: NDArray[np.float64], one: int) -> float:
    """Return R^2 by numpy's least squares."""
    design = np.vstack([np.ones(uses.shape[1]), np.delete(uses, one, axis=0)]).T
    fitted = design @ np.linalg.lstsq(design, uses[one], rcond=None)[0]
    rest = uses[one] - uses[one].mean()
    return float(1 - np.sum((uses[one] - fitted) ** 2) / np.sum(rest**2))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_the_most_correlated_is_that_with_the_largest_r_squared(seed: int, count: int) -> None:
    uses = np.random.default_rng((seed, count)).random((count, HISTORY_LENGTH))
    shares = [explained(uses, one) for one in range(count)]
    if count > 2:  # with two VMs the two shares are equal, but for rounding
        assert selected(SELECT_MOST_CORRELATED, vms_of([870] * count), uses=uses) == np.argmax(
            shares
        )
    terms = np.vstack([np.ones(HISTORY_LENGTH), uses])
    reflected, diagonal = terms.copy(), np.empty(count + 1)
    for term in range(count):
        assert kernels.reflect(reflected, diagonal, term)
    found = kernels.explained_share(terms, reflected, diagonal[:count])
    assert found == pytest.approx(shares[-1], abs=1e-12)


def test_without_enough_samples_the_smallest_memory_leaves() -> None:
    vms, uses = vms_of([870, 1740, 613]), np.random.default_rng(1).random((3, HISTORY_LENGTH))
    assert selected(SELECT_MOST_CORRELATED, vms, uses=uses, ticks=2) == 2
    assert selected(SELECT_MOST_CORRELATED, vms_of([870]), uses=uses[:1]) == 0


def test_with_a_singular_regression_the_smallest_memory_leaves() -> None:
    uses = np.random.default_rng(1).random((3, HISTORY_LENGTH))
    uses[1] = 0.0
    assert selected(SELECT_MOST_CORRELATED, vms_of([870, 1740, 613]), uses=uses) == 2
