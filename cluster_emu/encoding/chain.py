"""A chain of encoders at work on one migration: each page goes to the first one that takes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.encoding.contract import ByteCounts, Coder, PageIds, Stage
from cluster_emu.encoding.sizes import PageSizes


class Encoding:
    """Sizes on the wire of a VM's pages during one migration.

    A page takes its header and a payload. The first coder that takes the page decides the payload;
    a page that none takes is sent as it is. Without coders every page has the same size.

    Args:
        page_bytes: bytes of a page in memory.
        header_bytes: bytes that go with every page; a whole number where there are coders.
        coders: the encoders at work, in the order in which they are asked.

    Raises:
        ValueError: if there are coders and the header is not a whole number of bytes.
    """

    def __init__(
        self, page_bytes: float, header_bytes: float = 0.0, coders: Sequence[Coder] = ()
    ) -> None:
        self.raw_bytes = page_bytes + header_bytes
        self._page_bytes = page_bytes
        self._header_bytes = header_bytes
        self._coders = coders
        if coders and not (float(page_bytes).is_integer() and float(header_bytes).is_integer()):
            raise ValueError(
                f"page of {page_bytes} and header of {header_bytes} bytes: allowed with encoders "
                "are whole numbers"
            )

    @property
    def is_raw(self) -> bool:
        """Whether every page is always sent as it is."""
        return not self._coders

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
            open_ = np.flatnonzero(payload == 0)
            found = coder.payload_bytes(pages[open_], stage, round_number)
            payload[open_] = found
            if coder.cpu_s_per_page > 0:
                cpu_s[open_[found > 0]] = coder.cpu_s_per_page
        payload[payload == 0] = int(self._page_bytes)
        return _compact(payload + int(self._header_bytes), cpu_s if cpu_s.any() else None)

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Tell every coder what a live round has sent, in that order."""
        for coder in self._coders:
            coder.were_sent(pages, round_number)

    def were_written(self, pages: PageIds) -> None:
        """Tell every coder what was written since the last time, in any order."""
        for coder in self._coders:
            coder.were_written(pages)


def _compact(
    sizes: ByteCounts, cpu_s: np.ndarray[tuple[int], np.dtype[np.float64]] | None
) -> PageSizes:
    """Return the sizes without an array where all pages have the same."""
    if not len(sizes):
        return PageSizes(0, 1.0)
    if sizes.min() == sizes.max():
        return PageSizes(len(sizes), float(sizes[0]), cpu_s=cpu_s)
    return PageSizes(len(sizes), 1.0, sizes, cpu_s)
