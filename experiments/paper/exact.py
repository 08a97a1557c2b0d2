"""The compared rules, and their exact means per page for fixed samples."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache

import pandas as pd
from scipy.special import stdtrit

from cluster_emu.scenario import parse_choice
from cluster_emu.strategies import strategies
from cluster_emu.validation import exact_means

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
ROUNDS = 5
JOINT_CONFIDENCE = 0.99


@cache
def sends(rule: str, *, warm: bool = True) -> dict[str, Fraction]:
    """Return the exact sends per page by the name of the column that counts them.

    The means are over all sequences of independent dirty bits: p = 1/2, 5 rounds.
    """
    choice = parse_choice(rule)
    strategy = strategies.create(choice.pop("name"), **choice)
    means = exact_means(strategy, rounds=ROUNDS, warm=warm)
    counts = {BEFORE: means.before_stop, STOP: means.in_stop, TOTAL: means.total}
    return {name: Fraction(count) for name, count in counts.items()}


def exact_reduction(claim: str, proposed: str) -> float:
    """Return 1 - proposed / baseline of the exact means; every page takes the same time."""
    counted = {"pages_before_stop": BEFORE, "downtime": STOP, "total_time": TOTAL}[claim]
    return float(1 - sends(proposed)[counted] / sends(XEN)[counted])


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
        for name, value in sends(str(rule)).items():
            each = group[name] / pages
            quantile = stdtrit(len(each) - 1, 1 - (1 - JOINT_CONFIDENCE) / (2 * intervals))
            half = quantile * each.std() / math.sqrt(len(each))
            row = {"strategy": rule, "pages": pages, "per_page": name, "simulated": each.mean()}
            row |= {"low": each.mean() - half, "high": each.mean() + half}
            row |= {"exact": str(value), "exact_value": float(value)}
            rows.append(row | {"within": abs(each.mean() - float(value)) <= half})
    return pd.DataFrame(rows)
