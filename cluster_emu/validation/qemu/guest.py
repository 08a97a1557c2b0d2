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
BUSY_PAGES = Constant(
    "busy_pages", 50, "new pages of syncs 3 to 50 ms apart, workload subtracted, limits of 30 ms"
)
BUSY_WRITES_PER_S = Constant(
    "busy_writes_per_page_s", 400, "the writer's tick of 5 ms: they are new after 3 ms"
)
BACKGROUND_PAGES = Constant(
    "background_pages", 70, "the same 1.8 s apart, 113 to 118, less the busy ones"
)
BACKGROUND_WRITES_PER_S = Constant(
    "background_writes_per_page_s", 2, "the same 0.1 and 0.4 s apart: 70 and 93 to 110"
)
IDLE_BUSY_PAGES = Constant("idle_busy_pages", 15, "idle rows: new pages of syncs 0.1 s apart")
IDLE_BUSY_WRITES_PER_S = Constant(
    "idle_busy_writes_per_page_s", 30, "the idle writer's tick of 50 ms"
)
IDLE_PAGES = Constant("idle_pages", 95, "idle rows: first syncs, 105 to 117, less the busy ones")
IDLE_WRITES_PER_S = Constant(
    "idle_writes_per_page_s", 0.5, "idle rows: all of them new after 10 s, few after 0.1 s"
)
PACED_DEMAND = Constant(
    "paced_demand",
    1 / 11,
    "the writer catches up 100 ms at most: of a sleep after 10 ms it makes up for 110 ms in all",
)
SYNC_SLICE_S = Constant(
    "sync_slice_s", 0.009, "syncs at a throttle of 99 % take 0.85 to 0.9 s, emulation only"
)
LINK_EFFICIENCY = Constant(
    "link_efficiency", 0.9955, "bytes of first passes over time x link_rate, quiet link rows"
)
SHARED_LINK_EFFICIENCY = Constant(
    "shared_link_efficiency", 0.999, "the same of concurrent rows: one relay queue is never empty"
)
WRITER_AGE_S = Constant("writer_age_s", 2.84, "time from the writer's start to `migrate`")
WRITER_START_PAGES = Constant(
    "writer_start_pages",
    1300,
    "of the writer's pages that lie before those at the end of memory: hot of 819 are not there",
)


class Layout(NamedTuple):
    """Where a guest's pages lie, from the end of its memory; read off first syncs.

    Args:
        tail_pages: pages above the zero ones in address, those of the next two included.
        writer_pages: pages of the writer at the end of memory.
        end_zero_pages: zero pages after these: a second pass has them for nothing.
    """

    tail_pages: int
    writer_pages: int
    end_zero_pages: int


LAYOUTS = {128: Layout(2095, 270, 111), 256: Layout(2585, 340, 152), 512: Layout(3774, 290, 211)}
"""By MiB of RAM."""
HEAD_ZERO_PAGES = Constant(
    "head_zero_pages", 500, "pages visited at 1 and 2 s of post-copy rows, less those sent"
)
BEFORE_WRITER_ZERO_PAGES = Constant(
    "before_writer_zero_pages", 3400, "the same at 6 s; at most a quarter of all zero pages"
)
SYNC_PAGE_S = Constant(
    "sync_page_s", 6.2e-6, "time of a sync over dirty pages, software emulation (sync_json)"
)
SYNC_CATCH_UP_S = Constant(
    "sync_catch_up_s", 0.1, "the writer's own limit: a longer stall is not caught up with"
)
SOCKET_BUFFER_BYTES = Constant(
    "socket_buffer_bytes", 390_000, "the relay's queue of 256 KiB and the socket's 128 kB"
)
WINDOW_S = Constant("window_s", 0.1002, "distance of syncs in capped rows: the timer wakes late")
CONSTANTS = (
    STOP_AND_RESUME_S,
    UNLIMITED_BYTES_PER_S,
    BUSY_PAGES,
    BUSY_WRITES_PER_S,
    BACKGROUND_PAGES,
    BACKGROUND_WRITES_PER_S,
    IDLE_BUSY_PAGES,
    IDLE_BUSY_WRITES_PER_S,
    IDLE_PAGES,
    IDLE_WRITES_PER_S,
    PACED_DEMAND,
    SYNC_SLICE_S,
    LINK_EFFICIENCY,
    SHARED_LINK_EFFICIENCY,
    WRITER_AGE_S,
    WRITER_START_PAGES,
    HEAD_ZERO_PAGES,
    BEFORE_WRITER_ZERO_PAGES,
    SYNC_PAGE_S,
    SYNC_CATCH_UP_S,
    SOCKET_BUFFER_BYTES,
    WINDOW_S,
)
