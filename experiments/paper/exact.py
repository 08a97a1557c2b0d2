"""The compared rules, and their exact means per page for fixed samples."""

from __future__ import annotations

import math
from fractions import Fraction as F

import pandas as pd
from scipy.special import stdtrit

SETTINGS = "history=5,first_round=full"
XEN = f"time-series:threshold=5,{SETTINGS}"
STICKY = f"history-majority:{SETTINGS}"
LITERAL = f"history-majority:to_send=literal,{SETTINGS}"
HU = f"time-series:threshold=4,to_send=literal,{SETTINGS}"
NAMES = {
    XEN: "time series 5 of 5",
    STICKY: "history majority",
    LITERAL: "history majority, literal",
    HU: "time series 4 of 5, literal",
}

BEFORE, STOP, TOTAL = "pages_sent_precopy", "pages_sent_stop", "pages_sent_total"
EXACT = {
    XEN: {BEFORE: F(2), STOP: F(1, 2)},
    STICKY: {BEFORE: F(13, 8), STOP: F(21, 32)},
    LITERAL: {BEFORE: F(3, 2), STOP: F(47, 64)},
    HU: {BEFORE: F(15, 8), STOP: F(143, 256)},
}
"""Over all sequences of independent dirty bits: p = 1/2, N = 5, 5 rounds, first full; warm."""

JOINT_CONFIDENCE = 0.99


def exact_reduction(claim: str, proposed: str) -> float:
    """Return 1 - proposed / baseline of the exact means; every page takes the same time."""
    counted = {"pages_before_stop": (BEFORE,), "downtime": (STOP,), "total_time": (BEFORE, STOP)}
    before, after = (sum(EXACT[rule][name] for name in counted[claim]) for rule in (XEN, proposed))
    return float(1 - after / before)


def check(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare simulated means per page with the exact ones, a row per rule, pages and quantity.

    All intervals together hold with a probability of 99 % (Bonferroni). So a miss is an error of
    the emulator, and not one of the rare misses that many separate intervals have.

    Args:
        runs: the runs with fixed samples.
    """
    per_page = runs.assign(**{TOTAL: runs[BEFORE] + runs[STOP]})
    groups = per_page.groupby(["strategy", "pages"], sort=False)
    intervals = 3 * len(groups)
    rows = []
    for (rule, pages), group in groups:
        exact = {**EXACT[rule], TOTAL: sum(EXACT[rule].values())}
        for name, value in exact.items():
            each = group[name] / pages
            quantile = stdtrit(len(each) - 1, 1 - (1 - JOINT_CONFIDENCE) / (2 * intervals))
            half = quantile * each.std() / math.sqrt(len(each))
            row = {"strategy": rule, "pages": pages, "per_page": name, "simulated": each.mean()}
            row |= {"low": each.mean() - half, "high": each.mean() + half}
            row |= {"exact": str(value), "exact_value": float(value)}
            rows.append(row | {"within": abs(each.mean() - float(value)) <= half})
    return pd.DataFrame(rows)
