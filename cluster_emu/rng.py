"""Independent random streams, one per consumer and thing, all from one seed.

A change of the migration policy must not change the workload drawn. So no two consumers share a
stream: each has one entry in `Stream`, and names the thing it draws for by whole numbers (a VM, a
migration).
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_WHOLE, whole_number

ANY_KEYS = "..."
"""Ends the pattern of a stream that takes any number of further keys."""


class Stream(Enum):
    """Every consumer of random numbers, with the pattern of its keys.

    A pattern lists whole numbers that are part of the key, and the names of the keys that the
    consumer gives. No key fits two patterns, which a test checks. A pattern is part of the results
    of a seed, so it never changes.
    """

    INITIAL_PLACEMENT = (1,)
    """Hosts at the start, for `placement = "random"`."""
    DEMAND = (2,)
    """Which trace each VM follows, and shifts of daily waves."""
    WRITE_LAYOUT = (3, "vm", 0)
    """Which pages are in which write class, and where moving set and sweep begin."""
    WORKING_SETS = (3, "vm", 1, "period")
    """The sets of a moving working set."""
    BALLOONED_PAGES = (3, "vm", 3)
    """The free pages that the guest returns to the hypervisor."""
    USED_PAGES = (3, "vm", 4)
    """Which pages of a VM are in use."""
    BURSTS = (4,)
    """One key per VM, from which its bursts follow."""
    WRITES = (5, "vm", "migration")
    """Write times of a VM's pages."""
    ZERO_PAGES = (7, "vm", "migration", 0)
    """Which pages are zero at the start."""
    XBZRLE = (7, "vm", "migration", 1, "round")
    """How large the differences of pages are."""
    BACKGROUND_PAIRS = (8, "group")
    """Which hosts send to which."""
    BACKGROUND_PERIODS = (8, "group", "flow")
    """When a flow of background traffic sends."""
    FAULTS = (9, "fault", ANY_KEYS)
    """When a host or link fails and for how long; its number, or those of its ends, follow."""
    MEMORY_MODEL = (10, "vm", "migration")
    """What a memory model draws that counts pages instead of keeping them."""
    CONSOLIDATION = (11, "control instant", "trigger")
    """What a trigger and its policies draw."""
    PROFILE_MIX = (12, "group")
    """Which profile of a mix each VM of a group has."""
    ROUND_SAMPLES = (13, "vm", "migration", "round")
    """Which pages are dirty in a round, where that is given per round."""
    REPLAYED_TIMES = (14, "vm", "interval")
    """Write times within an interval of a recording."""
    UNCERTAINTY = (16, "quantity")
    """By which factor all dirty rates (0) and the bandwidth of all links (1) are off."""
    TRACE_SAMPLE = (17,)
    """Which VMs `cluster-emu trace sample` takes."""
    MEAN_FIELD_PLACES = (18,)
    """Places of pages in a push of the mean field; the seed is always 0."""
    ARRIVALS = (30,)
    """When VMs arrive."""
    FLAVOURS = (31,)
    """Which flavour each arriving VM has."""
    LIFETIMES = (32, "flavour")
    """How long VMs stay; flavour 0 for the VMs of the start, then the flavours from 1 on."""
    ARRIVAL_PLACEMENT = (33,)
    """What the placement of arriving VMs draws."""
    RESIZES = (34, "vm")
    """When a VM is resized, and by which factor."""
    MAINTENANCE = (35, "use")
    """Which hosts do not come back from a reboot (0), and what the placement draws (1)."""
    STUDY_SAMPLE = (37,)
    """Points of a study whose axes have values between two ends; the seed is the study's."""
    BOOTSTRAP = (36, "values")
    """Which values of a sample of that many a resample takes; the seed is always 0."""
    PLUG_IN = (15, ANY_KEYS)
    """For parts of other distributions; the first key is a number that the part chooses."""


class RandomStreams:
    """Hands out numpy generators keyed by consumer and by further whole numbers.

    Args:
        seed: the run's seed, a whole number >= 0.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def generator(self, stream: Stream, *keys: int) -> np.random.Generator:
        """Return a new generator; the same arguments always give the same random numbers.

        Args:
            stream: the consumer.
            keys: a whole number >= 0 for each name in the pattern of the stream; see
                `non_negative_key` for numbers that may be negative.

        Raises:
            ValueError: if the number of keys does not fit the pattern.
        """
        sequence = np.random.SeedSequence(self.seed, spawn_key=spawn_key(stream, *keys))
        return np.random.Generator(np.random.PCG64(sequence))


def seed_from(rng: object) -> int:
    """Return the seed of a run from what Mesa and numpy take as `rng`.

    Args:
        rng: a whole number from 0 to 2^63 - 1, also as text or as numpy's; None, which draws a
            seed; or one of numpy's random generators or seed sequences, from which the seed is
            drawn.

    Raises:
        ScenarioError: if it is nothing of these.
    """
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(rng, np.random.SeedSequence):
        return int(rng.generate_state(1, np.uint64)[0])
    if isinstance(rng, np.random.Generator | np.random.BitGenerator):
        return int(np.random.default_rng(rng).integers(2**63))
    seed = whole_number(rng) if isinstance(rng, str) else rng
    if (
        isinstance(seed, bool)
        or not isinstance(seed, int | np.integer)
        or not 0 <= seed <= MOST_WHOLE
    ):
        raise ScenarioError(
            "rng",
            rng,
            f"a whole number from 0 to {MOST_WHOLE}, as a number or text; a SeedSequence or "
            "generator of numpy; or None to draw a seed",
        )
    return int(seed)


def spawn_key(stream: Stream, *keys: int) -> tuple[int, ...]:
    """Return the key of numpy's `SeedSequence` for a stream and the keys its consumer gives.

    Raises:
        ValueError: if the number of keys does not fit the pattern.
    """
    pattern = stream.value
    names = [part for part in pattern if isinstance(part, str) and part != ANY_KEYS]
    takes_more = pattern[-1] == ANY_KEYS
    if len(keys) < len(names) or (len(keys) > len(names) and not takes_more):
        wanted = ", ".join(map(str, names)) or "no keys"
        raise ValueError(f"stream {stream.name} takes {wanted}, not {keys}")
    given = iter(keys)
    fixed = [part if isinstance(part, int) else next(given) for part in pattern if part != ANY_KEYS]
    return tuple(fixed) + tuple(given)


def non_negative_key(number: int) -> int:
    """Return a key for a whole number that may be negative, such as a round before the first."""
    return 2 * number if number >= 0 else -2 * number - 1
