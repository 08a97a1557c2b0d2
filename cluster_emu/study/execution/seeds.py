"""The seeds of the replications of a study, all from one base seed."""

from __future__ import annotations

import numpy as np


def replication_seeds(seed: int, replications: int) -> tuple[int, ...]:
    """Return one seed per replication; the first ones do not depend on how many there are.

    A seed has 53 bits, so that every reader of JSON gets it back unchanged.
    """
    words = np.random.SeedSequence(seed).generate_state(replications, np.uint64)
    return tuple(int(word) >> 11 for word in words)
