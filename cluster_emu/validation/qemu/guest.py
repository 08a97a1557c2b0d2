"""What the measured guests were like, and what software emulation costs: one table of constants.

Nothing here is fitted to a single row: each constant holds for all of them.
"""

from __future__ import annotations

from typing import NamedTuple


class Constant(NamedTuple):
    """A figure that the rows do not give.

    Args:
        name: what it is.
        value: in the unit that the name ends with.
        source: where it comes from.
    """

    name: str
    value: float
    source: str


STOP_AND_RESUME_S = Constant(
    "stop_and_resume_s",
    0.0044,
    "intercept of blackout over bytes, capped rows: 4.4 ms + bytes / 2.2 GB/s",
)
UNLIMITED_BYTES_PER_S = Constant(
    "unlimited_bytes_per_s",
    2.2e9,
    "slope of the same line: a Unix socket without a relay",
)
BACKGROUND_PAGES = Constant(
    "background_pages", 150, "pages that the guest's kernel writes besides the workload"
)
CONSTANTS = (STOP_AND_RESUME_S, UNLIMITED_BYTES_PER_S, BACKGROUND_PAGES)
