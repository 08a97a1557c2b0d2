"""Stop-and-copy: the oldest method, and the bound the others are measured against."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import Decision, Mode, Strategy, strategies


@strategies.register("stop-and-copy")
@dataclass(frozen=True, kw_only=True)
class StopAndCopy(Strategy):
    """Suspend the VM, send all of its memory once, resume it at the target.

    No method sends fewer pages and none has a longer downtime: V / B for V bytes at rate B.
    """

    name: ClassVar[str] = "stop-and-copy"
    summary: ClassVar[str] = "suspend, send every page once, resume"
    source: ClassVar[str] = "Xen xc_domain_save.c, non-live save"
    mode: ClassVar[Mode] = Mode.STOP_AND_COPY

    @property
    def stop_rule(self) -> str:
        """Return none: there are no live rounds."""
        return ""

    def decide(self, code: int, *, first_round: bool) -> Decision:
        """Return NOT_DUE: nothing is sent while the VM runs."""
        return Decision.NOT_DUE
