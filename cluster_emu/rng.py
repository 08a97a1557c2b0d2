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
    MEMORY_MODEL = 10
    """What a memory model draws that counts pages instead of keeping them; (VM, migration)."""
    CONSOLIDATION = 11


class ProfileStream(IntEnum):
    """The last key of ``(Purpose.PROFILE, vm, key)``: what belongs to a VM in every migration."""

    LAYOUT = 0
    """Which pages are in which write class, and where moving set and sweep begin."""
    WORKING_SETS = 1
    """The sets of a moving working set; the number of the period follows as a further key."""
    BALLOON = 3
    """The free pages that the guest returns to the hypervisor."""


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
