"""Field types for policies that contain other policies.

Such a field takes a built policy, a registered name ("static-threshold"), or a table with the name
and parameters ({"name": "static-threshold", "upper": 0.7}), so a scenario file can spell it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from cluster_emu.consolidation.contract import (
    OverloadDetector,
    Placement,
    PlacementFilter,
    PlacementScorer,
    UnderloadDetector,
    VMSelection,
    overload_detectors,
    placement_filters,
    placement_scorers,
    placements,
    underload_detectors,
    vm_selections,
)
from cluster_emu.errors import errors_at
from cluster_emu.part_text import parse_choice
from cluster_emu.plugins import Registry


def built_by(registry: Registry[Any]) -> Callable[[object, ValidationInfo], object]:
    """Return a validator that makes a policy of a text or a table, and returns other values."""

    def build(value: object, info: ValidationInfo) -> object:
        name, parameters = _name_and_parameters(value)
        if name is None:
            return value
        with errors_at(info.field_name or ""):
            return registry.create(name, **parameters)

    return build


def _name_and_parameters(value: object) -> tuple[str | None, dict[str, Any]]:
    if isinstance(value, str):
        value = parse_choice(value)
    if isinstance(value, Mapping) and isinstance(value.get("name"), str):
        return value["name"], {key: item for key, item in value.items() if key != "name"}
    return None, {}


OverloadField = Annotated[OverloadDetector, BeforeValidator(built_by(overload_detectors))]
UnderloadField = Annotated[UnderloadDetector, BeforeValidator(built_by(underload_detectors))]
SelectionField = Annotated[VMSelection, BeforeValidator(built_by(vm_selections))]
PlacementField = Annotated[Placement, BeforeValidator(built_by(placements))]
FilterField = Annotated[PlacementFilter, BeforeValidator(built_by(placement_filters))]
ScorerField = Annotated[PlacementScorer, BeforeValidator(built_by(placement_scorers))]
