"""Hybrid: a few live rounds, then post-copy of what is stale."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Mode, strategies
from cluster_emu.strategies.demand_paging import DemandPaging


@strategies.register("hybrid")
@dataclass(frozen=True, kw_only=True)
class Hybrid(DemandPaging):
    """Send every page of to_send for some live rounds, then resume and fetch the stale pages.

    After one round at most V + stale pages are sent, each stale one once more.

    Args:
        live_rounds: rounds before the switch to post-copy at the latest; a stop rule may end them
            sooner.
    """

    name: ClassVar[str] = "hybrid"
    summary: ClassVar[str] = "pre-copy for a round or more, then post-copy of the stale pages"
    source: ClassVar[str] = "Hines and Gopalan, VEE 2009; QEMU postcopy-ram"
    mode: ClassVar[Mode] = Mode.HYBRID

    live_rounds: int = Field(default=1, ge=1)

    @property
    def stop_rule(self) -> str:
        """Return the number of live rounds, after which it switches to post-copy."""
        return f"fixed-rounds:rounds={self.live_rounds}"
