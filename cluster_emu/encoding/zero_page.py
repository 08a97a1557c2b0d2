"""Zero pages: a page of zeros is a header and one byte."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.encoding.contract import ByteCounts, Content, Encoder, PageIds, Stage, encoders
from cluster_emu.rng import Stream

PAYLOAD_BYTES = 1
"""Bytes that follow the header of a page of zeros."""


@encoders.register("zero-page")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ZeroPage(Encoder):
    """Send a header and one byte for a page that holds nothing but zeros.

    A page is zero until it is first written. The search for zeros costs no processor time.

    Args:
        share: share of the VM's used pages that are zero when the migration begins, scattered at
            random over its memory, in addition to those not in use. It depends on the guest; the
            default is an assumption.
    """

    name: ClassVar[str] = "zero-page"
    summary: ClassVar[str] = "a page of zeros takes its header and one byte"
    source: ClassVar[str] = "QEMU migration/ram.c, save_zero_page"

    share: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.25

    def coder(self, content: Content) -> ZeroPages:
        """Return the zero pages of one VM."""
        return ZeroPages(content, self.share)


class ZeroPages:
    """The pages of one VM that are still zero."""

    cpu_s_per_page = 0.0

    def __init__(self, content: Content, share: float) -> None:
        self._content = content
        self._share = share

    @cached_property
    def _is_zero(self) -> NDArray[np.bool_]:
        """Which pages are zero, [pages]; memory models that count pages never ask."""
        content, used = self._content, self._content.used
        count = round(self._share * len(used))
        rng = content.generator(Stream.ZERO_PAGES)
        # The order of the drawn pages does not matter, and a shuffle would cost more draws.
        zero = rng.choice(len(used), count, replace=False, shuffle=False)
        is_zero = np.ones(content.page_count, dtype=np.bool_)
        is_zero[used] = False
        is_zero[used[zero]] = True
        for first, last in content.zero_ranges:
            is_zero[first:last] = True
        return is_zero

    def payload_bytes(self, pages: PageIds, stage: Stage, round_number: int) -> ByteCounts:
        """Return 1 for each zero page."""
        return self._is_zero[pages] * np.int64(PAYLOAD_BYTES)

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Do nothing: sending does not change a page."""

    def were_written(self, pages: PageIds) -> None:
        """Count the pages as not zero any more."""
        self._is_zero[pages] = False
