"""Which VM moves where and when: triggers, and the policies they are made of."""

from cluster_emu.consolidation.contract import (
    OverloadDetector,
    Placement,
    PlacementFilter,
    PlacementScorer,
    Policy,
    Trigger,
    UnderloadDetector,
    VMSelection,
    overload_detectors,
    placement_filters,
    placement_scorers,
    placements,
    underload_detectors,
    vm_selections,
)
from cluster_emu.consolidation.history import UtilisationHistory
from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import TriggerReport
from cluster_emu.consolidation.view import ClusterView, Watts

__all__ = [
    "ClusterView",
    "MigrationNetwork",
    "Move",
    "OverloadDetector",
    "Placement",
    "PlacementFilter",
    "PlacementScorer",
    "Plan",
    "Policy",
    "Priority",
    "Trigger",
    "TriggerReport",
    "UnderloadDetector",
    "UtilisationHistory",
    "VMSelection",
    "Watts",
    "overload_detectors",
    "placement_filters",
    "placement_scorers",
    "placements",
    "underload_detectors",
    "vm_selections",
]
