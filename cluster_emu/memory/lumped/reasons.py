"""What can be lumped, and why the rest cannot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from cluster_emu.encoding.contract import Encoder
from cluster_emu.memory.lumped.classes import PageClasses
from cluster_emu.strategies.contract import Decision, Strategy

ROUNDS_LOOKED_AT = 40
"""Rounds whose tables are looked at; no usual stop rule lets a migration have more."""
MOST_PAGES = 10**9
"""Pages above which numpy's hypergeometric draws give up."""


@runtime_checkable
class LumpableSource(Protocol):
    """A write source that can say how many pages are written how often."""

    @property
    def why_not_lumped(self) -> str:
        """Why its pages are not exchangeable within classes, or "" if they are."""
        ...

    def page_classes(self, page_count: int) -> PageClasses:
        """Return the write classes of a VM with so many pages."""
        ...


def why_not_lumped(
    source: object,
    strategy: Strategy,
    page_count: int,
    *,
    encoders: Sequence[Encoder] = (),
    track_versions: bool = False,
) -> str:
    """Return why a migration needs the pages engine, or "" if it can be lumped.

    Args:
        source: what writes the VM's pages.
        strategy: what is sent when.
        page_count: pages of the VM.
        encoders: who makes pages smaller on the wire.
        track_versions: whether page versions are to be kept.
    """
    if track_versions:
        return "run.track_versions keeps a version number per page"
    if encoders:
        return "encoders (transfer.encoders) look at each page's own content"
    if page_count >= MOST_PAGES:
        return f"a VM of {page_count} pages is too large"
    if reason := getattr(source, "why_not_lumped", ""):
        return str(reason)
    if not isinstance(source, LumpableSource):
        return f"the write source {type(source).__name__} has no write classes"
    return _why_not_cleared(strategy)


def _why_not_cleared(strategy: Strategy) -> str:
    """Return why a strategy that clears dirty bits in mid-round cannot be lumped, if so."""
    if strategy.clear_granularity == "round":
        return ""
    rounds = range(1, ROUNDS_LOOKED_AT + 1)
    sends_all = all(np.all(strategy.table(number)[1] == Decision.SEND) for number in rounds)
    if strategy.peek_batch_pages == 0 and sends_all:
        return ""
    return f"{strategy.name} clears dirty bits in mid-round and does not send every due page"
