"""What a live round starts from, for every way of drawing it."""

from __future__ import annotations

from typing import NamedTuple

from cluster_emu.memory.lumped.draws import Draws
from cluster_emu.memory.lumped.page_groups import DuePages, PageGroups
from cluster_emu.memory.lumped.strategy_rules import StrategyRules
from cluster_emu.memory.lumped.write_rates import WriteRates


class RoundSetup(NamedTuple):
    """What a live round starts from.

    Args:
        groups: all pages.
        due: the pages that are due.
        rates: how often pages are written, from the start of the round on.
        rules: what the strategy decides.
        page_bytes: bytes of a page on the wire.
        draws: the stream to draw from, or the mean field.
        unsent_pages: what the rounds before sent on average beyond the whole pages on the wire,
            from -1/2 up to 1/2; 0 where counts are whole.
    """

    groups: PageGroups
    due: DuePages
    rates: WriteRates
    rules: StrategyRules
    page_bytes: float
    draws: Draws
    unsent_pages: float = 0.0
