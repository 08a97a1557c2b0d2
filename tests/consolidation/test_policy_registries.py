from __future__ import annotations

import pytest

from cluster_emu.consolidation import contract as families
from cluster_emu.consolidation import (
    overload_detectors,
    placement_filters,
    placement_scorers,
    placements,
    underload_detectors,
    vm_selections,
)
from cluster_emu.consolidation.contract import triggers
from cluster_emu.consolidation.overload import StaticThreshold
from cluster_emu.consolidation.placement import MostFree
from cluster_emu.consolidation.triggers import Consolidation, LoadBalance
from cluster_emu.consolidation.underload import LeastUtilised
from cluster_emu.errors import ScenarioError

FAMILIES = [
    (
        overload_detectors,
        families.OverloadDetector,
        {
            "static-threshold",
            "interquartile-range",
            "median-absolute-deviation",
            "local-regression",
            "robust-local-regression",
        },
    ),
    (underload_detectors, families.UnderloadDetector, {"least-utilised", "last-n-average"}),
    (
        vm_selections,
        families.VMSelection,
        {
            "minimum-migration-time",
            "minimum-utilisation",
            "maximum-correlation",
            "random-selection",
            "least-cost",
        },
    ),
    (
        placements,
        families.Placement,
        {"first-fit", "best-fit", "most-free", "dot-product", "network-aware"},
    ),
    (
        placement_filters,
        families.PlacementFilter,
        {"cpu-allocation-ratio", "memory-allocation-ratio"},
    ),
    (placement_scorers, families.PlacementScorer, {"dot-product", "least-shared-bottleneck"}),
    (triggers, families.Trigger, {"consolidation", "load-balance", "drain"}),
]
NEEDED = {"drain": {"hosts": [0]}}


@pytest.mark.parametrize(("registry", "family", "expected"), FAMILIES)
def test_every_policy_keeps_its_contract(registry, family, expected):
    assert expected <= set(registry.names())
    for name in registry.names():
        policy = registry.create(name, **NEEDED.get(name, {}))
        assert isinstance(policy, family)
        assert policy.name == name
        assert policy.summary and "\n" not in policy.summary
        assert policy.source
        with pytest.raises(AttributeError):
            policy.anything = 1


def test_nested_policies_are_made_from_names_tables_or_objects():
    made = triggers.create(
        "consolidation",
        overload={"name": "static-threshold", "upper": 0.7},
        underload=LeastUtilised(max_hosts=2),
        placement="most-free",
    )
    assert made == Consolidation(
        overload=StaticThreshold(upper=0.7),
        underload=LeastUtilised(max_hosts=2),
        placement=MostFree(),
    )


@pytest.mark.parametrize(
    ("registry", "name", "parameters", "field", "allowed"),
    [
        (overload_detectors, "static-threshold", {"upper": 80}, "upper", "<= 4"),
        (overload_detectors, "static-threshold", {"upper": 0}, "upper", "> 0"),
        (overload_detectors, "static-threshold", {"upper": float("nan")}, "upper", "finite"),
        (overload_detectors, "static-threshold", {"uper": 0.7}, "uper", "a parameter of"),
        (underload_detectors, "least-utilised", {"below": 20}, "below", "<= 1"),
        (underload_detectors, "least-utilised", {"max_hosts": 0}, "max_hosts", "> 0"),
        (triggers, "consolidation", {"overload": "most-free"}, "overload", "static-threshold"),
        (triggers, "consolidation", {"overload": 0.8}, "overload", "OverloadDetector"),
        (
            triggers,
            "consolidation",
            {"overload": {"name": "static-threshold", "upper": 80}},
            "overload.upper",
            "<= 4",
        ),
        (triggers, "load-balance", {"measure": "variance"}, "measure", "'range' or 'stddev'"),
        (triggers, "load-balance", {"max_moves": 0}, "max_moves", "> 0"),
        (triggers, "drain", {"hosts": [0], "at_s": -1}, "at_s", ">= 0"),
        (triggers, "drain", {"hosts": ["a"]}, "hosts.0", "whole number"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(registry, name, parameters, field, allowed):
    with pytest.raises(ScenarioError) as error:
        registry.create(name, **parameters)
    assert error.value.field == field
    assert allowed in error.value.allowed


def test_unknown_parameters_are_refused_without_the_registry_too():
    with pytest.raises(ValueError, match="spred"):
        LoadBalance(spred=0.1)
