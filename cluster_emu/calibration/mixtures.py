"""Shares of write classes at given rates: least squares with shares >= 0 that sum to 1.

The expected share of distinct pages that are dirty after t seconds is ``sum p_i (1 - exp(-r_i t))``
for classes with shares p and rates r per page. Pages that are never written are a class of rate 0.
Given the rates it is linear in the shares, so only the rates need a search.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TINY = 1e-12


class Mixtures(NamedTuple):
    """The best shares for many choices of rates.

    Args:
        chi2: sum of squared residuals over their variances, shape [choices].
        shares: of the class that is never written, then of each rate, shape [choices, 1 + K].
        gram: the matrix of the rates' shares in chi2, shape [choices, K, K].
        target: its linear part, shape [choices, K].
    """

    chi2: Floats
    shares: Floats
    gram: Floats
    target: Floats


def mixtures(
    rates: Floats, periods_s: Floats, share: Floats, sigma: Floats, *, all_written: bool
) -> Mixtures:
    """Return the best shares for each choice of rates.

    The optimum of this convex problem is the best feasible one among the optima for every set of
    classes that have a share at all, with the sum as the only constraint.

    Args:
        rates: writes per page and s, shape [choices, K].
        periods_s: shape [readings].
        share: measured shares of dirty pages, shape [readings].
        sigma: their standard deviations, shape [readings].
        all_written: whether every page belongs to one of the rates.
    """
    columns = -np.expm1(-rates[:, :, None] * periods_s) / sigma
    wanted = share / sigma
    gram = np.einsum("ckn,cln->ckl", columns, columns)
    target = np.einsum("ckn,n->ck", columns, wanted)
    best = np.full(len(rates), np.inf)
    shares = np.zeros((len(rates), 1 + rates.shape[1]))
    for chosen, has_rest in _supports(rates.shape[1], all_written):
        found = _on_support(gram, target, list(chosen), has_rest)
        residual = np.einsum("ck,ckn->cn", found[:, 1:], columns) - wanted
        chi2 = np.einsum("cn,cn->c", residual, residual)
        chi2[(found < -TINY).any(axis=1) | ~np.isfinite(chi2)] = np.inf
        better = chi2 < best
        best[better], shares[better] = chi2[better], found[better]
    return Mixtures(best, np.maximum(shares, 0.0), gram, target)


@cache
def _supports(count: int, all_written: bool) -> tuple[tuple[tuple[int, ...], bool], ...]:
    """Return the classes that have a share, and whether some pages are never written."""
    found = []
    for size in range(count + 1):
        for chosen in combinations(range(count), size):
            if size:
                found.append((chosen, False))
            if not all_written:
                found.append((chosen, True))
    return tuple(found)


def _on_support(gram: Floats, target: Floats, chosen: list[int], has_rest: bool) -> Floats:
    """Return the shares of chosen classes that sum to 1, with the rest or without it."""
    shares = np.zeros((len(gram), 1 + gram.shape[1]))
    if not chosen:
        shares[:, 0] = 1.0
        return shares
    size = len(chosen)
    inner = gram[:, chosen][:, :, chosen]
    scale = np.trace(inner, axis1=1, axis2=2)[:, None, None] + TINY
    inner = inner + TINY * scale * np.eye(size)
    if has_rest:
        solved = np.linalg.solve(inner, target[:, chosen, None])[..., 0]
        shares[:, 0] = 1.0 - solved.sum(axis=1)
    else:
        system = np.zeros((len(gram), size + 1, size + 1))
        system[:, :size, :size] = inner
        system[:, :size, size] = system[:, size, :size] = 1.0
        right = np.concatenate([target[:, chosen], np.ones((len(gram), 1))], axis=1)
        try:
            solved = np.linalg.solve(system, right[..., None])[:, :size, 0]
        except np.linalg.LinAlgError:
            solved = np.full((len(gram), size), np.nan)
    shares[:, [1 + each for each in chosen]] = solved
    return shares
