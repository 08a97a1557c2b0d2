"""Write the package's own CPU traces: 40 synthetic VMs, one day, in PlanetLab's format.

    python tools/make_traces.py [FOLDER]

The shapes are invented. Only their overall level follows published figures of the PlanetLab days: a
mean of 10-15 %, most VMs nearly idle, few busy, peaks to 100 %. The day begins at 08:00. So load
rises during the first hours, and a short run has hosts that fill up and hosts that become empty.
The traces use only `random.Random.random`, because Python guarantees its stream.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

SEED = 20_110_303
SAMPLES = 288
SAMPLES_PER_HOUR = 12
DEFAULT_FOLDER = Path(__file__).parents[1] / "cluster_emu" / "traces" / "own_day"


def between(rng: Random, low: float, high: float) -> float:
    """Draw uniformly between two bounds."""
    return low + (high - low) * rng.random()


def flat_low(rng: Random) -> Iterator[float]:
    """Nearly idle all day, with rare short spikes."""
    level = between(rng, 1, 6)
    for _ in range(SAMPLES):
        spike = between(rng, 5, 25) if rng.random() < 0.01 else 0.0
        yield level + between(rng, -1.5, 1.5) + spike


def diurnal(rng: Random) -> Iterator[float]:
    """A daily wave whose peak comes three to nine hours after the start of the day."""
    low, high = between(rng, 2, 6), between(rng, 25, 75)
    peak = between(rng, 3, 9) * SAMPLES_PER_HOUR
    for sample in range(SAMPLES):
        wave = (1 + math.cos(2 * math.pi * (sample - peak) / SAMPLES)) / 2
        yield low + (high - low) * wave**3 + between(rng, -4, 4)


def bursty(rng: Random) -> Iterator[float]:
    """Quiet, with bursts of ten minutes to an hour every few hours."""
    base, left, height = between(rng, 2, 8), 0, 0.0
    for _ in range(SAMPLES):
        if left == 0 and rng.random() < 0.025:
            left, height = round(between(rng, 2, 12)), between(rng, 50, 100)
        yield (height if left else base) + between(rng, -3, 3)
        left = max(0, left - 1)


def batch(rng: Random) -> Iterator[float]:
    """Idle, except for two jobs of one to four hours near full load."""
    starts = [between(rng, 0, 6), between(rng, 8, 20)]
    jobs = [(start, start + between(rng, 1, 4), between(rng, 60, 98)) for start in starts]
    for sample in range(SAMPLES):
        hour = sample / SAMPLES_PER_HOUR
        level = max((level for start, end, level in jobs if start <= hour < end), default=2.0)
        yield level + between(rng, -2, 2)


SHAPES: dict[str, tuple[Callable[[Random], Iterator[float]], int]] = {
    "flat-low": (flat_low, 14),
    "diurnal": (diurnal, 12),
    "bursty": (bursty, 9),
    "batch": (batch, 5),
}


def write_traces(folder: Path) -> None:
    """Write every trace file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = Random(SEED)
    for name, (shape, count) in SHAPES.items():
        for number in range(1, count + 1):
            percents = [min(100, max(0, round(value))) for value in shape(rng)]
            text = "".join(f"{percent}\n" for percent in percents)
            (folder / f"{name}-{number:02d}").write_text(text, encoding="ascii", newline="\n")


if __name__ == "__main__":
    write_traces(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER)
