"""A VM's writes as the scalar model needs them: one rate and a working set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cluster_emu.memory.dirtying.description import WriteDescription


@dataclass(frozen=True, slots=True)
class ScalarWrites:
    """A VM's writes in two numbers.

    Args:
        pages_per_s: pages written per second at full intensity; a page written twice counts twice.
        working_set_pages: pages that are ever written.
    """

    pages_per_s: float
    working_set_pages: int


@lru_cache(maxsize=256)  # VMs of one kind share one description
def scalar_writes(writes: WriteDescription) -> ScalarWrites:
    """Return the sum of all rates, and the pages written at all.

    With n_c pages of rate r_c in class c, W pages of rate w in the moving set and a sweep over R of
    P pages, s times a second:

        pages_per_s = sum(n_c r_c) + W w + R s

    A moving set comes to every page in time, so all P are ever written then. A sweep writes its
    region only, which holds pages of all classes alike: the share R / P of those never written
    otherwise.
    """
    rates = writes.class_writes_per_page_s
    pages_per_s = float(writes.class_pages @ rates)
    written = int(writes.class_pages[rates > 0].sum())
    if writes.moving is not None:
        pages_per_s += writes.moving.pages * writes.moving.writes_per_page_s
        written = writes.page_count - writes.unused_pages
    if writes.sweep is not None:
        pages_per_s += writes.sweep.pages * writes.sweep.sweeps_per_s
        used = writes.page_count - writes.unused_pages
        written += round((used - written) * writes.sweep.pages / used)
    if writes.recorded is not None:
        pages_per_s += writes.recorded.pages_per_s
        written += writes.recorded.distinct_pages
    return ScalarWrites(pages_per_s, written)
