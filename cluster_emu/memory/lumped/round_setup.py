"""What a live round starts from, for every way of drawing it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.page_groups import DuePages, PageGroups
from cluster_emu.memory.lumped.strategy_rules import StrategyRules
from cluster_emu.memory.lumped.write_rates import WriteRates
from cluster_emu.memory.lumped.zero_pages import WireSizes

Floats = NDArray[np.float64]


class RoundSetup(NamedTuple):
    """What a live round starts from.

    Args:
        groups: all pages.
        due: the pages that are due.
        rates: how often pages are written, from the start of the round on.
        rules: what the strategy decides.
        wire: what pages take on the wire.
        has_zero: whether some of the due pages are zero, so that sizes differ.
        draws: the stream to draw from, or the mean field.
        unsent_pages: what the rounds before sent on average beyond the whole pages on the wire,
            from -1/2 up to 1/2; 0 where counts are whole.
        unsent_zero: the same of zero pages.
    """

    groups: PageGroups
    due: DuePages
    rates: WriteRates
    rules: StrategyRules
    wire: WireSizes
    has_zero: bool
    draws: Draws
    unsent_pages: float = 0.0
    unsent_zero: float = 0.0

    @property
    def weight(self) -> Floats:
        """Bytes of a page of each class over those of a page that is not zero, [classes]."""
        classes = len(self.rates.per_page_s)
        if not self.has_zero:
            return _ones(classes)
        return self.wire.by_class(classes) / self.wire.page_bytes


@lru_cache(maxsize=64)
def _ones(classes: int) -> Floats:
    return np.ones(classes)
