"""Pre-copy without a filter: a round sends what was written during the one before."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Strategy, strategies


@strategies.register("pre-copy")
@dataclass(frozen=True, kw_only=True)
class PreCopy(Strategy):
    """Send every page in round 1, then in each round the pages written during the last one.

    The basic loop of the paper, without its peek at the log of the round under way; with the peek
    it is `XenLegacy`.
    """

    name: ClassVar[str] = "pre-copy"
    summary: ClassVar[str] = "send every page written in the last round, without peeking"
    source: ClassVar[str] = "Clark et al., NSDI 2005, the basic pre-copy loop"

    @property
    def stop_rule(self) -> str:
        """Return the rule of the same paper."""
        return "clark"
