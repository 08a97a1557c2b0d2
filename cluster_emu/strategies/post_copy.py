"""Post-copy: resume first, send each page once afterwards."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Decision, Mode, strategies
from cluster_emu.strategies.demand_paging import DemandPaging


@strategies.register("post-copy")
@dataclass(frozen=True, kw_only=True)
class PostCopy(DemandPaging):
    """Move the processor state, resume, then fetch pages on fault and push the rest."""

    name: ClassVar[str] = "post-copy"
    summary: ClassVar[str] = "resume at the target first, then fetch and push each page once"
    source: ClassVar[str] = "Hines and Gopalan, VEE 2009"
    mode: ClassVar[Mode] = Mode.POST_COPY

    @property
    def stop_rule(self) -> str:
        """Return none: there are no live rounds."""
        return ""

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return NOT_DUE: nothing is sent while the VM runs at the source."""
        return Decision.NOT_DUE
