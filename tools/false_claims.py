"""Print the table of docs/statistics.md of how often any difference is falsely claimed.

    python tools/false_claims.py [--only WORD]

It takes some minutes. Each figure is of studies of 30 tests without any difference, drawn by numpy
from the seed [7, pairs, kind], with the kind that a row of `ROWS` has.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from cluster_emu.study.statistics.effects import NO_SPREAD, difference_p_value

STUDIES, TESTS = 2000, 30
PAIRS = (2, 4, 6, 7, 8, 10, 15, 20, 50)
ALPHA = 0.05

Draw = Callable[[np.random.Generator, tuple[int, ...]], NDArray[np.float64]]


def both(draw: Draw) -> Draw:
    """Return draws of the difference of two values alike."""
    return lambda rng, shape: draw(rng, shape) - draw(rng, shape) + 0.0


def either_sign(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return -1 or 1."""
    return rng.choice([-1.0, 1.0], shape)


ROWS: tuple[tuple[str, int, Draw], ...] = (
    ("counts, uniform over 7 numbers", 0, lambda rng, s: rng.integers(-3, 4, s) + 0.0),
    ("counts, uniform over 601 numbers", 2, lambda rng, s: rng.integers(-300, 301, s) + 0.0),
    ("counts, of Poisson ones of mean 1", 3, both(lambda rng, s: rng.poisson(1, s))),
    ("counts, 1 or -1 and never 0", 22, either_sign),
    ("yes or no, of probability 0.3", 6, both(lambda rng, s: 1.0 * (rng.random(s) < 0.3))),
    (
        "counts that are 0 in 80 %",
        7,
        lambda rng, s: np.where(
            rng.random(s) < 0.8, 0, rng.integers(1, 6, s) * rng.choice([-1, 1], s)
        ).astype(float),
    ),
    ("ticks of 0.1 s, 5 values", 9, both(lambda rng, s: 7.3 + 0.1 * rng.integers(0, 5, s))),
    ("shares of 7 VMs", 11, both(lambda rng, s: rng.binomial(7, 0.8, s) / 7)),
    ("times, normal", 13, lambda rng, s: rng.normal(0, 1, s)),
    ("times, of exponential ones", 15, both(lambda rng, s: rng.exponential(1, s))),
    ("times, of lognormal ones", 16, both(lambda rng, s: rng.lognormal(0, 1, s))),
    ("times, uniform", 14, lambda rng, s: rng.uniform(-1, 1, s)),
    (
        "0 in 60 %, else 1 s -+ 5 %, either sign",
        8,
        lambda rng, s: np.where(
            rng.random(s) < 0.6, 0, (1 + 0.1 * rng.random(s)) * rng.choice([-1, 1], s)
        ),
    ),
    (
        "1 s -+ 5 %, either sign",
        19,
        lambda rng, s: rng.choice([-1, 1], s) * (1 + 0.05 * rng.normal(size=s)),
    ),
    ("not symmetric: exponential less its mean", 17, lambda rng, s: rng.exponential(1, s) - 1),
)
"""Words of a row, the kind in its seeds, and its differences."""


def shares(kind: int, draw: Draw, pairs: int, studies: int = STUDIES) -> tuple[float, float]:
    """Return the shares of studies with any false claim: by t tests alone, and as it is done.

    The least p value of a study decides: after Holm it is multiplied by the number of tests.
    """
    found = draw(np.random.default_rng([7, pairs, kind]), (studies, TESTS, pairs))
    found[np.abs(found) < 1e-12] = 0.0  # as `verdicts.differences` of pairs does
    tested = found.any(axis=-1)
    limits = ALPHA / np.maximum(tested.sum(axis=-1), 1)
    flat = found.std(axis=-1) <= NO_SPREAD * np.abs(found).max(axis=-1)
    error = np.where(flat, 1.0, found.std(axis=-1, ddof=1)) / np.sqrt(pairs)
    by_t = np.where(flat, 0.0, 2 * stdtr(pairs - 1, -np.abs(found.mean(axis=-1)) / error))
    claims = tested & (by_t <= limits[:, None])
    kept = np.zeros_like(claims)
    for study, place in np.argwhere(claims):  # p is at least that of the t test
        p_value = difference_p_value(found[study, place], 0.0)
        kept[study, place] = p_value is not None and p_value <= limits[study]
    return float(claims.any(axis=-1).mean()), float(kept.any(axis=-1).mean())


def cell(by_t: float, as_done: float) -> str:
    """Return both shares in percent, one figure where they are the same."""
    alone, done = f"{100 * by_t:.1f}", f"{100 * as_done:.1f}"
    return alone if alone == done else f"{alone} / **{done}**"


def table(only: str = "") -> Iterator[str]:
    """Yield the lines of the table, of rows whose words hold `only`."""
    yield f"| differences | {PAIRS[0]} pairs | {' | '.join(map(str, PAIRS[1:]))} |"
    yield f"| --- |{' ---: |' * len(PAIRS)}"
    for words, kind, draw in ROWS:
        if only in words:
            cells = (cell(*shares(kind, draw, pairs)) for pairs in PAIRS)
            yield f"| {words} | {' | '.join(cells)} |"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", metavar="WORD", help="only rows that hold this")
    for line in table(parser.parse_args().only):
        print(line, flush=True)
