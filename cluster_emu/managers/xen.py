"""Xen's two toolstacks: the rule of the sender alone, no manager's timeouts."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import Count, ManagerPolicy, policies
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.stop_rules import StopRuleController, XenLegacyStop, XenV2Stop


@policies.register("xen")
@dataclass(frozen=True, kw_only=True)
class XenPolicy(ManagerPolicy):
    """Stop after 29 rounds, a round of fewer than 50 pages, or more than 3 x memory sent.

    Xen up to 4.5 (2015); `xen-v2` is what came after.

    Args:
        max_rounds: live rounds at most.
        min_pages: a round that sent and skipped fewer is the last one.
        max_factor: memory sizes that may have been sent.
    """

    name: ClassVar[str] = "xen"
    summary: ClassVar[str] = "Xen's legacy stop rule: every migration ends, at any downtime"
    source: ClassVar[str] = XenLegacyStop.source

    max_rounds: Count = 29
    min_pages: Annotated[int, Field(ge=0)] = 50
    max_factor: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 3.0

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        rule = XenLegacyStop(
            max_rounds=self.max_rounds, min_pages=self.min_pages, max_factor=self.max_factor
        )
        return StopRuleController(rule)


@policies.register("xen-v2")
@dataclass(frozen=True, kw_only=True)
class XenV2Policy(ManagerPolicy):
    """Stop after 5 rounds, or one round after fewer than 50 pages are dirty; Xen since 4.6.

    Args:
        max_rounds: live rounds after which no more are begun.
        min_pages: fewer dirty pages than this are the last to be sent live.
    """

    name: ClassVar[str] = "xen-v2"
    summary: ClassVar[str] = "Xen's present stop rule: five rounds, at any downtime"
    source: ClassVar[str] = XenV2Stop.source

    max_rounds: Count = 5
    min_pages: Annotated[int, Field(ge=0)] = 50

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration."""
        return StopRuleController(XenV2Stop(max_rounds=self.max_rounds, min_pages=self.min_pages))
