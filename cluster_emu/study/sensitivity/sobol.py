"""Sobol' indices of a sampled study, by SALib."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.study.sensitivity.shares import SEEDS, FactorShare

RESAMPLES = 1000


def sobol_shares(values: NDArray[np.float64], factors: Sequence[str]) -> list[FactorShare]:
    """Return first-order and total Sobol' indices of the mean over seeds, and the share of seeds.

    The estimators are those of SALib's `sobol.analyze` (Saltelli et al., Comput. Phys. Commun.
    181(2), 2010), with 95 % intervals of its bootstrap. They may lie below 0 or above 1 by their
    error. The share of the seeds is the mean variance within points over that of all values.

    Args:
        values: shape [points, seeds], the points in the order in which the method "saltelli" makes
            them: for each base point a, then a with each value of b in turn, then b.
        factors: the names of the axes that were drawn, in the order of their columns.
    """
    from SALib.analyze import sobol

    means = values.mean(axis=1)
    whole = float(values.var())
    rows: list[FactorShare] = []
    if float(means.var()) == 0.0:
        rows = [FactorShare(name, 0.0, total=0.0) for name in factors]
    else:
        problem = {"num_vars": len(factors), "names": list(factors)}
        with warnings.catch_warnings(action="ignore"):  # of numpy, about its own future
            found = sobol.analyze(
                problem, means, calc_second_order=False, num_resamples=RESAMPLES, seed=0
            )
        for number, name in enumerate(factors):
            first, total = float(found["S1"][number]), float(found["ST"][number])
            reach, total_reach = (
                float(found["S1_conf"][number]),
                float(found["ST_conf"][number]),
            )
            rows.append(
                FactorShare(
                    name,
                    first,
                    first - reach,
                    first + reach,
                    total,
                    total - total_reach,
                    total + total_reach,
                )
            )
    if values.shape[1] > 1:
        within = float(values.var(axis=1).mean())
        rows.append(FactorShare(SEEDS, within / whole if whole else 0.0))
    return rows
