"""Xen's first toolstack: the rule of the sender alone, no manager's timeouts."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import Count, ManagerPolicy, policies
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.stop_rules import StopRuleController, XenLegacyStop


@policies.register("xen")
@dataclass(frozen=True, kw_only=True)
class XenPolicy(ManagerPolicy):
    """Stop after 29 rounds, a round of fewer than 50 pages, or more than 3 x memory sent.

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
