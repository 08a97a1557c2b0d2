"""XBZRLE: a page of which an earlier copy is kept is sent as what has changed in it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.encoding.contract import ByteCounts, Content, Encoder, PageIds, Stage, encoders
from cluster_emu.rng import Stream
from cluster_emu.units import MemoryBytes

_HEADER_BYTES = 3
_LIFETIME_ROUNDS = 2
_EMPTY = -1


@encoders.register("xbzrle")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Xbzrle(Encoder):
    """Send the run-length encoded difference to the copy of the page that was sent before.

    From round 2 on, a page with a copy in the cache takes its header, 3 bytes and the difference; a
    page without one is left to the next encoder, and its copy goes into the cache if there is room.
    So is a page whose difference does not fit a page (overflow); its copy is brought up to date.
    The cache is neither used in the post-copy phase nor changed in stop-and-copy. Encoding costs no
    processor time here.

    The cache is mapped directly, as QEMU's: page p has place p modulo the number of places, and
    takes it from another page only if that one was last put there or hit 2 or more rounds ago. It
    changes at the end of a round: places hit in the round are kept first, and of the pages that
    compete for another the one sent first has it.

    Args:
        cache_bytes: memory for page copies.
        delta_share: mean size of the difference as a share of a page; sizes are uniform from 0 to
            twice the mean. No measured distribution was found, so it is an assumption.
        overflow: probability that a difference does not fit; an assumption as well.
    """

    name: ClassVar[str] = "xbzrle"
    summary: ClassVar[str] = "a page with a copy in the cache is sent as its difference to it"
    source: ClassVar[str] = "QEMU migration/ram.c, page_cache.c; Svard et al., VEE 2011"

    cache_bytes: MemoryBytes = 64 * 2**20
    delta_share: Annotated[float, Field(gt=0, le=0.5, allow_inf_nan=False)] = 0.2
    overflow: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.05

    def coder(self, content: Content) -> DeltaCache:
        """Return an empty cache for the pages of one VM."""
        return DeltaCache(content, self)


class DeltaCache:
    """Which pages of one VM have a copy in the cache; at least one has room, in any cache."""

    cpu_s_per_page = 0.0

    def __init__(self, content: Content, encoder: Xbzrle) -> None:
        places = max(encoder.cache_bytes // content.page_bytes, 1)
        self._places = min(places, content.page_count)
        self._held = np.full(self._places, _EMPTY, dtype=np.int64)
        self._last_used = np.zeros(self._places, dtype=np.int64)
        self._encoder = encoder
        self._content = content
        self._deltas: tuple[int, ByteCounts] | None = None

    def payload_bytes(self, pages: PageIds, stage: Stage, round_number: int) -> ByteCounts:
        """Return the encoded size of each page that is in the cache and does not overflow."""
        payload = np.zeros(len(pages), dtype=np.int64)
        if stage is Stage.POST_COPY:
            return payload
        hit = np.flatnonzero(self._held[pages % self._places] == pages)
        if len(hit):
            payload[hit] = self._payloads(round_number)[pages[hit]]
        return payload

    def were_written(self, pages: PageIds) -> None:
        """Do nothing: the cache holds what was sent."""

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Keep the pages hit, and put those missed where a place is empty or its page old."""
        # As in QEMU (`xbzrle_started`), the cache is not used before round 2.
        if round_number == 1:
            return
        place = pages % self._places
        hit = self._held[place] == pages
        self._last_used[place[hit]] = round_number
        missed, place = pages[~hit], place[~hit]
        # An empty place was last used in round 0, long enough ago for round 2 and later.
        has_room = self._last_used[place] + _LIFETIME_ROUNDS <= round_number
        # Of several pages for one place, `unique` finds the first in the order of sending.
        place, first = np.unique(place[has_room], return_index=True)
        self._held[place] = missed[has_room][first]
        self._last_used[place] = round_number

    def _payloads(self, round_number: int) -> ByteCounts:
        """Draw the encoded size of every page for a round, 0 for an overflow, [pages]."""
        # One draw per page and round, not per page sent, so that all strategies see the same sizes.
        if self._deltas is None or self._deltas[0] != round_number:
            encoder, content = self._encoder, self._content
            rng = content.generator(Stream.XBZRLE, round_number)
            largest = 2 * encoder.delta_share * content.page_bytes
            delta = np.ceil(rng.random(content.page_count) * largest).astype(np.int64)
            fits = rng.random(content.page_count) >= encoder.overflow
            self._deltas = round_number, fits * (_HEADER_BYTES + delta)
        return self._deltas[1]
