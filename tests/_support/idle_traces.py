"""Writes the made-up traces in tests/data/planetlab_made_up: VMs that are at times quite idle.

    python -m tests._support.idle_traces [FOLDER]

They have PlanetLab's format and length. A third of them are at 0 for hours, which CloudSim's
benchmark does not survive well. In byte order the names have another order than in upper case.
`random.Random.random` alone draws, because Python guarantees its stream.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

FOLDER = Path(__file__).parents[1] / "data" / "planetlab_made_up"
SEED = 20_240_607
VMS = 48
SAMPLES = 288


def samples(rng: Random, number: int) -> Iterator[int]:
    """Yield CPU use in whole percent: a random walk with jumps, for every third VM with pauses."""
    level, paused = 40.0 * rng.random(), 0
    for _ in range(SAMPLES):
        level += 12.0 * (rng.random() - 0.5)
        if rng.random() < 0.02:
            level = 100.0 * rng.random()
        level = min(max(level, 1.0), 100.0)
        if number % 3 == 0 and paused == 0 and rng.random() < 0.01:
            paused = 6 + int(60 * rng.random())
        paused = max(paused - 1, 0)
        yield 0 if paused else round(level)


def name(number: int) -> str:
    """Return the name of a file."""
    return f"{'Host' if number % 2 else 'host'}{'_-'[number % 5 == 0]}{7 * number % VMS:02d}"


def write_traces(folder: Path) -> None:
    """Write all files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = Random(SEED)
    for number in range(VMS):
        text = "".join(f"{percent}\n" for percent in samples(rng, number))
        (folder / name(number)).write_text(text, encoding="ascii")


if __name__ == "__main__":
    write_traces(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
