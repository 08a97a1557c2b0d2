"""When a host counts as overloaded: by hand, and against other code for the same statistics."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from cluster_emu.validation.cloudsim import _kernels as kernels
from cluster_emu.validation.cloudsim._kernels import (
    DETECT_FIXED,
    DETECT_IQR,
    DETECT_MAD,
    DETECT_REGRESSION,
    HISTORY_LENGTH,
)

NOBODY = np.zeros(HISTORY_LENGTH)


def rules(detection: int, parameter: float) -> np.void:
    row = np.zeros(1, kernels.RULES)
    row["detection"], row["parameter"] = detection, parameter
    return row[0]


FIXED, IQR = rules(DETECT_FIXED, 0.8), rules(DETECT_IQR, 1.5)
MAD, REGRESSION = rules(DETECT_MAD, 2.5), rules(DETECT_REGRESSION, 1.2)


def newest_first(*values: float) -> NDArray[np.float64]:
    history = np.zeros(HISTORY_LENGTH)
    history[: len(values)] = values
    return history


def threshold(row: np.void, history: NDArray[np.float64]) -> float:
    """Return the utilisation from which a host is overloaded, found by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        over = kernels.is_overloaded(row, middle, history, NOBODY)
        low, high = (low, middle) if over else (middle, high)
    return high


def test_a_fixed_threshold_must_be_exceeded() -> None:
    assert not kernels.is_overloaded(FIXED, 0.8, NOBODY, NOBODY)
    assert kernels.is_overloaded(FIXED, np.nextafter(0.8, 1), NOBODY, NOBODY)


@pytest.mark.parametrize(("row", "least"), [(IQR, 12), (MAD, 12), (REGRESSION, 10)])
def test_with_a_short_history_the_threshold_is_70_percent(row: np.void, least: int) -> None:
    rising = [1.0 - 0.05 * k for k in range(least)]
    assert threshold(row, newest_first(*rising[:-1])) == pytest.approx(0.7)
    # zeros at the far end are no history: the VMs used nothing, or were not there
    assert threshold(row, newest_first(*rising[:-1], 0.0, 0.0)) == pytest.approx(0.7)
    assert threshold(row, newest_first(*rising)) != pytest.approx(0.7, abs=0.01)


def test_quartiles_are_elements_at_rounded_places() -> None:
    twelve = [k / 100 for k in range(1, 13)]  # 3.25 and 9.75: the 3rd and the 10th
    assert threshold(IQR, newest_first(*twelve)) == pytest.approx(1 - 1.5 * (0.10 - 0.03))
    thirteen = [k / 100 for k in range(1, 14)]  # 3.5 and 10.5, half up: the 4th and the 11th
    assert threshold(IQR, newest_first(*thirteen)) == pytest.approx(1 - 1.5 * (0.11 - 0.04))


def test_the_order_of_the_history_does_not_matter_to_quartiles() -> None:
    shuffled = [0.07, 0.01, 0.12, 0.05, 0.03, 0.11, 0.02, 0.09, 0.08, 0.04, 0.10, 0.06]
    assert threshold(IQR, newest_first(*shuffled)) == pytest.approx(0.895)


def test_the_median_of_deviations_by_hand() -> None:
    # median (0.1 + 0.2) / 2; deviations nine times 0.05, three times 0.45
    history = newest_first(*[0.1] * 6, *[0.2] * 3, *[0.6] * 3)
    assert threshold(MAD, history) == pytest.approx(1 - 2.5 * 0.05)
    # 13 values: the median is 0.2, its deviations 7 x 0, 6 x 0.1
    assert threshold(MAD, newest_first(*[0.1] * 6, *[0.2] * 7)) == pytest.approx(1.0)


@pytest.mark.parametrize(("step", "overloaded"), [(0.030, False), (0.031, True)])
def test_a_line_is_continued_by_one_tick(step: float, overloaded: bool) -> None:
    # 0.5 + 11 step at the next tick; 1.2 times that is 0.996, and 1.0092
    line = newest_first(*(0.5 + step * x for x in range(10, 0, -1)))
    assert kernels.is_overloaded(REGRESSION, 0.0, line, NOBODY) is overloaded
    assert kernels.is_overloaded(REGRESSION, 2.0, line, NOBODY) is overloaded  # U does not count


def test_the_line_has_no_past_beyond_ten_values() -> None:
    line = [0.5 + 0.02 * x for x in range(10, 0, -1)]
    assert kernels.predicted(newest_first(*line, *[9.0] * 20)) == pytest.approx(0.72)


def test_a_vm_that_would_join_counts() -> None:
    history, joins = newest_first(*[0.3] * 12), newest_first(*[0.5, 0.1] * 6)
    together = newest_first(*[0.8, 0.4] * 6)
    for row in (IQR, MAD, REGRESSION):
        for utilisation in (0.3, 0.6, 0.9):
            assert kernels.is_overloaded(row, utilisation, history, joins) == kernels.is_overloaded(
                row, utilisation, together, NOBODY
            )


Histories = st.lists(st.floats(0.001, 1.2), min_size=12, max_size=HISTORY_LENGTH)


@given(Histories, st.floats(0.0, 1.1))
def test_decisions_agree_with_textbook_statistics(history: list[float], load: float) -> None:
    ranked, n = sorted(history), len(history)
    first, third = (int(q * (n + 1) + 0.5) for q in (0.25, 0.75))
    middle = statistics.median(history)
    deviation = statistics.median(abs(each - middle) for each in history)
    slope, start = np.polyfit(range(1, 11), history[9::-1], 1)
    expected = {
        "iqr": (IQR, load - (1 - 1.5 * (ranked[third - 1] - ranked[first - 1]))),
        "mad": (MAD, load - (1 - 2.5 * deviation)),
        "lr": (REGRESSION, 1.2 * (start + 11 * slope) - 1),
    }
    for row, excess in expected.values():
        assume(abs(excess) > 1e-9)
        assert kernels.is_overloaded(row, load, newest_first(*history), NOBODY) == (excess > 0)
