"""Independent random streams, one per purpose and per thing, all from one seed.

Changing the migration policy must not change the workload drawn, so nothing shares a stream:
every consumer names its purpose and its key (a VM's number, a migration's number).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream is for; the number is part of the stream's key, so never reuse one."""

    PLACEMENT = 1
    DEMAND = 2
    PROFILE = 3
    BURSTS = 4
    WRITES = 5
    SAMPLES = 6
    CONTENT = 7
    BACKGROUND = 8
    FAULTS = 9
    LUMPED = 10
    CONSOLIDATION = 11


class RandomStreams:
    """Hands out numpy generators keyed by purpose and by any further whole numbers.

    Args:
        seed: the run's seed, a whole number >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, purpose: Purpose, *key: int) -> np.random.Generator:
        """Return a fresh generator; the same arguments always give the same stream."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(int(purpose), *key))
        return np.random.Generator(np.random.PCG64(sequence))
