"""Shares of a capacity that no number can hold are missing, not infinite."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.traces.formats._vsphere import _product, _ratio


@pytest.mark.parametrize(
    ("used", "whole", "share"),
    [(1.0, 4.0, 0.25), (1.0, 0.0, np.nan), (np.nan, 4.0, np.nan), (1e300, 1e-300, np.nan)],
)
def test_a_ratio_is_finite_or_missing(used: float, whole: float, share: float) -> None:
    assert _ratio(np.array([used]), np.array([whole])) == pytest.approx([share], nan_ok=True)


@pytest.mark.parametrize(("share", "used"), [(0.5, 2.0), (np.nan, np.nan)])
def test_a_product_is_finite_or_missing(share: float, used: float) -> None:
    assert _product(np.array([share]), np.array([4.0])) == pytest.approx([used], nan_ok=True)


def test_a_product_that_no_number_holds_is_missing() -> None:
    assert np.isnan(_product(np.array([1e300]), np.array([1e300]))).all()
