"""No manager: a stop rule alone decides."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import ConfigDict, SkipValidation
from pydantic.dataclasses import dataclass

from cluster_emu.managers.base import ManagerPolicy
from cluster_emu.transfer.controller import MigrationController, StopRuleController
from cluster_emu.transfer.stopping import StopRule


@dataclass(frozen=True, kw_only=True, config=ConfigDict(arbitrary_types_allowed=True))
class PlainPolicy(ManagerPolicy):
    """What a scenario without a policy gets: its stop rule, and nothing else.

    Args:
        rule: when live rounds end.
    """

    name: ClassVar[str] = "none"
    summary: ClassVar[str] = "the stop rule alone"
    source: ClassVar[str] = "the scenario"

    rule: Annotated[StopRule, SkipValidation]

    def steer(self, memory_bytes: float) -> MigrationController:
        """Return the steering that only asks the rule."""
        return StopRuleController(self.rule)
