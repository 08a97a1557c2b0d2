"""What the scalar model knows of a VM's writes, and what it knows too little for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cluster_emu.encoding.contract import Encoder

PER_ROUND = "its sets of dirty pages are given per round, not in time"
"""Why a source cannot be scalar that has no rate."""


@dataclass(frozen=True, slots=True)
class ScalarWrites:
    """A VM's writes in two numbers.

    Args:
        pages_per_s: pages written per second at full intensity; a page written twice counts twice.
        working_set_pages: pages that are ever written.
    """

    pages_per_s: float
    working_set_pages: int


@runtime_checkable
class ScalarSource(Protocol):
    """A write source whose writes two numbers can stand for."""

    @property
    def why_not_scalar(self) -> str:
        """Why they cannot after all, or "" if they can."""
        ...

    def scalar_writes(self, page_count: int) -> ScalarWrites:
        """Return the two numbers of a VM with so many pages."""
        ...


def why_not_scalar(
    source: object, *, encoders: Sequence[Encoder] = (), track_versions: bool = False
) -> str:
    """Return why a migration needs pages, or "" if it can do with two numbers.

    Args:
        source: what writes the VM's pages.
        encoders: who makes pages smaller on the wire.
        track_versions: whether page versions are to be kept.
    """
    if track_versions:
        return "run.track_versions keeps a version number per page"
    if encoders:
        return "encoders (transfer.encoders) look at each page's own content"
    if reason := getattr(source, "why_not_scalar", ""):
        return str(reason)
    if not isinstance(source, ScalarSource):
        return f"the write source {type(source).__name__} has no scalar_writes"
    return ""
