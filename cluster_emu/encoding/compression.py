"""Compression: fewer bytes for processor time."""

from __future__ import annotations

import math
from dataclasses import dataclass as plain_dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.encoding.contract import ByteCounts, Content, Encoder, PageIds, Stage, encoders


@encoders.register("compression")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Compression(Encoder):
    """Compress every page, at the speed of one processor core per channel.

    Compressing and sending overlap: what is sent together takes the longer of the time to compress
    it and the time to send it, so max(page / c, wire / B) for each page at c bytes/s per core and
    B bytes/s on the wire, where every page is compressed.

    Args:
        ratio: bytes of a page on the wire, its header not counted, per byte in memory; 0.5 halves
            it. It depends on what the guest holds; the default is an assumption.
        cpu_bytes_per_s: bytes of memory that one core compresses in a second. It depends on codec
            and machine; the default is an assumption.
    """

    name: ClassVar[str] = "compression"
    summary: ClassVar[str] = "every page shrinks by one ratio, as fast as the channels' cores can"
    source: ClassVar[str] = "QEMU multifd-compression; Jin et al., CLUSTER 2009 (MECOM)"
    takes_every_page: ClassVar[bool] = True

    ratio: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.5
    cpu_bytes_per_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 400e6

    def coder(self, content: Content) -> Compressed:
        """Return what compression makes of a page of this VM."""
        return Compressed(
            payload=math.ceil(self.ratio * content.page_bytes),
            cpu_s_per_page=content.page_bytes / self.cpu_bytes_per_s,
        )


@plain_dataclass(frozen=True, slots=True)
class Compressed:
    """Pages of one size after compression, and what compressing one takes."""

    payload: int
    cpu_s_per_page: float

    def payload_bytes(self, pages: PageIds, stage: Stage, round_number: int) -> ByteCounts:
        """Return the compressed size of each page."""
        return np.full(len(pages), self.payload, dtype=np.int64)

    def were_sent(self, pages: PageIds, round_number: int) -> None:
        """Do nothing: nothing is remembered."""

    def were_written(self, pages: PageIds) -> None:
        """Do nothing: pages compress alike, independent of their content."""
