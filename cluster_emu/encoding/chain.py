"""What pages take on the wire: the chain of encoders at work on one migration, and the sizes found.

Each page goes to the first encoder of the chain that takes it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.contract import ByteCounts, Coder, PageIds, Stage


@dataclass(frozen=True, slots=True)
class PageSizes:
    """Sizes on the wire of given pages, headers included, in whole units.

    Whole numbers keep sums of sizes exact. Pages of equal size are counted in units of that size;
    otherwise a unit is a byte.

    Args:
        count: how many pages.
        unit_bytes: bytes of one unit.
        units: size of each page, [count], all at least 1; None where every page takes one unit.
        cpu_s: seconds of one processor core that encoding each page takes, [count], or None where
            encoding costs nothing.
        in_all_bytes: bytes of all pages where only these are known, and a unit is their mean.
    """

    count: int
    unit_bytes: float
    units: NDArray[np.int64] | None = None
    cpu_s: NDArray[np.float64] | None = None
    in_all_bytes: float | None = None

    @property
    def total_bytes(self) -> float:
        """Bytes of all pages together."""
        if self.in_all_bytes is not None:
            return self.in_all_bytes
        units = self.count if self.units is None else int(self.units.sum())
        return units * self.unit_bytes

    @property
    def total_cpu_s(self) -> float:
        """Processor time that encoding all of them takes."""
        return 0.0 if self.cpu_s is None else float(self.cpu_s.sum())

    def cpu_s_of(self, chosen: NDArray[np.bool_]) -> float:
        """Return the processor time of some of the first pages, chosen by a mask [first pages]."""
        return 0.0 if self.cpu_s is None else float(self.cpu_s[: len(chosen)][chosen].sum())

    def cpu_s_until(self, sent_bytes: float) -> float:
        """Return the processor time of the first `sent_bytes` bytes, spread evenly over all."""
        if self.cpu_s is None:
            return 0.0
        return self.total_cpu_s * min(sent_bytes / self.total_bytes, 1.0)

    def whole_pages_in(self, sent_bytes: float) -> int:
        """Return how many of the pages, sent in this order, are complete in `sent_bytes` bytes."""
        units = sent_bytes / self.unit_bytes
        if self.in_all_bytes is not None and sent_bytes >= self.in_all_bytes:
            return self.count
        if self.units is None:
            return min(self.count, int(units))
        return int(np.searchsorted(np.cumsum(self.units), units, side="right"))

    def encoded_bytes_per_s(self, channels: int) -> float:
        """Return the rate at which so many cores encode these pages; infinite if that is free."""
        cpu_s = self.total_cpu_s
        return channels * self.total_bytes / cpu_s if cpu_s > 0 else math.inf


class Encoding:
    """Sizes on the wire of a VM's pages during one migration.

    A page takes its header and a payload. The first coder that takes the page gives the payload;
    a page that none takes is sent as it is. Without coders every page has the same size.

    Args:
        page_bytes: bytes of a page in memory.
        header_bytes: bytes that go with every page; a whole number where there are coders.
        coders: the encoders at work, in the order of the chain.

    Attributes:
        page_bytes: bytes of a page in memory.
        raw_bytes: bytes on the wire of a page that is sent as it is.
        is_raw: whether every page is always sent as it is.

    Raises:
        ValueError: if there are coders and the header is not a whole number of bytes.
    """

    def __init__(
        self, page_bytes: float, header_bytes: float = 0.0, coders: Sequence[Coder] = ()
    ) -> None:
        self.raw_bytes = page_bytes + header_bytes
        self.is_raw = not coders
        self.page_bytes = page_bytes
        self._header_bytes = header_bytes
        self._coders = coders
        if coders and not (float(page_bytes).is_integer() and float(header_bytes).is_integer()):
            raise ValueError(
                f"page of {page_bytes} and header of {header_bytes} bytes: allowed with encoders "
                "are whole numbers"
            )

    def sizes(self, pages: PageIds, stage: Stage, round_number: int) -> PageSizes:
        """Return what each of the pages takes if it is sent with the content it has now.

        Args:
            pages: page numbers in the order in which they may be sent, [pages].
            stage: when they are to be sent.
            round_number: the live round, from 1; the one that would come next, if not live.
        """
        if self.is_raw:
            return PageSizes(len(pages), self.raw_bytes)
        payload = np.zeros(len(pages), dtype=np.int64)
        cpu_s = np.zeros(len(pages))
        for coder in self._coders:
            # A payload of 0 marks pages that no coder has taken so far.
            open_ = np.flatnonzero(payload == 0)
            found = coder.payload_bytes(pages[open_], stage, round_number)
            payload[open_] = found
            if coder.cpu_s_per_page > 0:
                cpu_s[open_[found > 0]] = coder.cpu_s_per_page
        payload[payload == 0] = int(self.page_bytes)
        return _compact(payload + int(self._header_bytes), cpu_s if cpu_s.any() else None)

    def pages_within(self, threshold_bytes: float) -> int:
        """Return the most pages that together have fewer bytes in memory than a threshold."""
        return max(math.ceil(threshold_bytes / self.page_bytes) - 1, 0)

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Notify every coder of what a live round has sent, in that order."""
        for coder in self._coders:
            coder.were_sent(pages, round_number)

    def were_written(self, pages: PageIds) -> None:
        """Notify every coder of what was written since the last time, in any order."""
        for coder in self._coders:
            coder.were_written(pages)


def _compact(sizes: ByteCounts, cpu_s: NDArray[np.float64] | None) -> PageSizes:
    """Return the sizes without an array where all pages have the same."""
    if not len(sizes):
        return PageSizes(0, 1.0)
    if sizes.min() == sizes.max():
        return PageSizes(len(sizes), float(sizes[0]), cpu_s=cpu_s)
    return PageSizes(len(sizes), 1.0, sizes, cpu_s)
