"""Cui and Song's matrix bitmap: several peeks at the log decide on a page."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Decision, PageCount, Strategy, strategies


@strategies.register("matrix-bitmap")
@dataclass(frozen=True, kw_only=True)
class MatrixBitmap(Strategy):
    """Send a page iff at most `theta` of `peeks` peeks at this round's log found it dirty.

    The abstract leaves order, spacing and number of the peeks open. Here the log is read, not
    cleared, `peeks` times between the start of the round and the page's visit, evenly spaced, the
    last time at the visit itself; the peeks overlap with sending, so they cost no time. A page once
    dirty stays so in later peeks: with ``theta = 0`` the decision is that of `XenLegacy` with a
    peek per page, and a larger theta forgives writes late in that span.

    Args:
        peeks: peeks at the log per page (s).
        theta: peeks that may find the page dirty, less than `peeks`.
        peek_batch_pages: pages sent per such series of peeks.
    """

    name: ClassVar[str] = "matrix-bitmap"
    summary: ClassVar[str] = "send a page that was clean in enough of several peeks at the log"
    source: ClassVar[str] = "Cui and Song, Web Society 2010, abstract"

    peeks: int = Field(default=4, ge=1, le=16)
    theta: int = Field(default=0, ge=0)
    peek_batch_pages: PageCount = 1

    @field_validator("theta")
    @classmethod
    def _less_than_peeks(cls, theta: int, info: ValidationInfo) -> int:
        peeks = info.data.get("peeks")
        if peeks is not None and theta >= peeks:
            raise ValueError(f"0 to {peeks - 1}, less than the {peeks} peeks")
        return theta

    @property
    def history(self) -> int:
        """Return the number of peeks, which is what the code holds."""
        return self.peeks

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return SEND for a page that few enough peeks found dirty."""
        return Decision.SEND if code.bit_count() <= self.theta else Decision.SKIP
