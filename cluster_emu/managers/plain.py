"""No manager: a stop rule alone decides."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, SkipValidation
from pydantic.dataclasses import dataclass

from cluster_emu.managers.contract import ManagerPolicy
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.stop_rules import StopRule, StopRuleController


@dataclass(frozen=True, kw_only=True, config=ConfigDict(arbitrary_types_allowed=True))
class PlainPolicy(ManagerPolicy):
    """The policy of a scenario without one: its stop rule, and nothing else.

    Args:
        rule: when live rounds end.
    """

    name: ClassVar[str] = "none"
    summary: ClassVar[str] = "the stop rule alone"
    source: ClassVar[str] = "the scenario"

    rule: Annotated[StopRule, SkipValidation]

    @property
    def allows_post_copy(self) -> bool:
        """Return true: without a manager everything can be started."""
        return True

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return a controller that applies the rule."""
        return StopRuleController(self.rule)
