"""Pages of zeros, which the encoder "zero-page" sends as a header and a byte, in counts.

A page is zero until it is written, and only a page that has not been sent yet has to be remembered
as zero: one that was sent is sent again only if it is written. So every write class is there
twice, and pages that are zero and were never sent are in the second one. A live round begins with
the sizes that pages have then, as encoders give them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.memory.lumped._kernels import PageStatus, Records
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.memory.lumped.draws import Draws

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ZeroContent(NamedTuple):
    """What of a VM's memory is zero when a migration begins.

    Args:
        share: share of the used pages, drawn at random.
        payload_bytes: bytes that follow the header of a page of zeros.
        unused_pages: further pages, which nothing writes.
    """

    share: float
    payload_bytes: int
    unused_pages: int = 0


class WireSizes:
    """What pages take on the wire by write class.

    Args:
        page_bytes: bytes of a page that is not zero, header included.
        zero_bytes: bytes of one that is.
        write_classes: number of write classes without those of zero pages; 0 if there are none.
    """

    def __init__(self, page_bytes: float, zero_bytes: float = 0.0, write_classes: int = 0) -> None:
        self.page_bytes = page_bytes
        self.zero_bytes = zero_bytes
        self._write_classes = write_classes

    @property
    def weight(self) -> float:
        """Bytes of a zero page over those of another page."""
        return self.zero_bytes / self.page_bytes

    def are_zero(self, write_class: Integers) -> NDArray[np.bool_]:
        """Return which classes, membership and first writers included, are of zero pages."""
        if not self._write_classes:
            return np.zeros(len(write_class), dtype=np.bool_)
        zero: NDArray[np.bool_] = write_class % (2 * self._write_classes) >= self._write_classes
        return zero

    def by_class(self, write_classes: int) -> Floats:
        """Return the bytes of a page of each write class, [write classes]."""
        zero = self.are_zero(np.arange(write_classes))
        return np.where(zero, self.zero_bytes, self.page_bytes)

    def zero_of(self, records: Records) -> float:
        """Return how many pages of `_kernels.GROUP` or `DUE_GROUP` are zero."""
        return float(records["pages"][self.are_zero(records["write_class"])].sum())

    def sizes(self, pages: float, zero: float) -> PageSizes:
        """Return what pages take on the wire, of which some are zero."""
        count, zeros = round(pages), round(zero)
        if not zeros:
            return PageSizes(count, self.page_bytes)
        in_all = (count - zeros) * self.page_bytes + zeros * self.zero_bytes
        return PageSizes(count, in_all / count, in_all_bytes=in_all)

    def after_reading(self, records: Records, is_dirty: Integers) -> Records:
        """Return groups after a reading of the log, in which written pages are not zero any more.

        Pages of which the target has the newest version are not kept as zero either.

        Args:
            records: `_kernels.GROUP`, [records].
            is_dirty: whether each was written, 0 or 1, [records].
        """
        known = (is_dirty == 1) | (records["status"] == PageStatus.CURRENT)
        records["write_class"] -= self._write_classes * (
            known & self.are_zero(records["write_class"])
        )
        return records


def divided(
    classes: PageClasses, content: ZeroContent, page_bytes: float, raw_bytes: float, draws: Draws
) -> tuple[PageClasses, WireSizes]:
    """Draw which pages are zero; return the classes twice, those of zero pages last.

    Args:
        classes: the VM's write classes; unused pages are in the one that is never written.
        content: which pages are zero.
        page_bytes: bytes of a page in memory.
        raw_bytes: bytes of a page on the wire that is not zero.
        draws: the stream to draw from, or the mean field.
    """
    unused = np.zeros(len(classes.pages))
    unused[classes.writes_per_page_s == 0.0] = content.unused_pages
    used = classes.pages - unused
    zero = unused + draws.without_replacement(used, round(content.share * used.sum()))
    pages = np.concatenate([classes.pages - zero, zero])
    if draws.is_random:
        pages = pages.astype(np.int64)
    doubled = PageClasses(
        pages,
        np.tile(classes.writes_per_page_s, 2),
        classes.dirty_probability,
        classes.hot,
    )
    zero_bytes = raw_bytes - page_bytes + content.payload_bytes
    return doubled, WireSizes(raw_bytes, zero_bytes, len(classes.pages))
