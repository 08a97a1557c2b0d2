"""Parts of every family with good or mutated parameters, made from the registries."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any

from cluster_emu.part_parameters import ParameterDescription
from cluster_emu.plugins import families
from cluster_emu.scenario import (
    BackgroundGroup,
    Costs,
    HighAvailability,
    HostGroup,
    Manager,
    Request,
    Run,
    Scenario,
    Transfer,
    VMGroup,
    Workload,
)
from cluster_emu.scenario.manager import Preparing
from tests.fuzz import hostile
from tests.fuzz.writing import toml_value

GOOD: dict[str, Any] = {
    "at_s": 0.01,
    "between": [0, 4],
    "deadline_s": 5,
    "degree": 2,
    "downtime_limit_s": 0.1,
    "duration_s": 1,
    "file": "writes.json",
    "history": 4,
    "host": 1,
    "host_bps": "1 Gbit/s",
    "hosts": 4,
    "hosts_per_leaf": 2,
    "hosts_per_rack": 1,
    "hosts_per_switch": 1,
    "k": 2,
    "leaves": 2,
    "link_bps": "1 Gbit/s",
    "mtbf_s": 5,
    "mttr_s": 1,
    "path": "net.graphml",
    "pods": 2,
    "racks_per_pod": 2,
    "spines": 2,
    "switches": 4,
    "threshold": 2,
    "uplink_bps": "1 Gbit/s",
    "writes_per_page_s": 1.0,
}
"""Values that are allowed for parameters of these names, in every part that has them."""

CHOSEN = ("at_s", "between", "host", "path")
"""Parameters with a default that is of no use: a fault at no time, a network without a file."""

INNER = {
    "overload detector": "overload-detectors",
    "underload detector": "underload-detectors",
    "VM selection": "vm-selections",
    "placement": "placements",
    "placement filter": "placement-filters",
    "placement scorer": "placement-scorers",
}
"""The family of a parameter that is itself a part, by its type in words."""


@cache
def known_parts() -> dict[str, tuple[str, ...]]:
    """Return the names of the parts of every family."""
    return {family: tuple(registry.names()) for family, registry in families().items()}


@cache
def parameters(family: str, name: str) -> tuple[ParameterDescription, ...]:
    """Return the parameters of a part."""
    return families()[family].describe(name).parameters


def good_part(random: Random, family: str, name: str | None = None) -> dict[str, Any]:
    """Return a part with allowed parameters: those that must be given, and some of the others."""
    name = name or random.choice(known_parts()[family])
    table: dict[str, Any] = {"kind" if family == "fault-kinds" else "name": name}
    for each in parameters(family, name):
        needed = each.default is None or each.name in CHOSEN
        if each.name in GOOD and (needed or random.random() < 0.1):
            table[each.name] = GOOD[each.name]
    if name == "leaf-spine":
        table["uplink_bps"] = GOOD["uplink_bps"]
    return table


def mutate_part(random: Random, family: str, part: dict[str, Any]) -> str:
    """Give a parameter of the part, or one it does not have, a hostile value; say which."""
    label = "kind" if family == "fault-kinds" else "name"
    name = part[label]
    known = parameters(family, name) if name in known_parts()[family] else ()
    if not known or random.random() < 0.1:
        key = random.choice((label, *hostile.KEYS))
        part[key] = hostile.value(random)
        return f"{family} {name}: {key!r}"
    chosen = random.choice(known)
    part[chosen.name] = _parameter(random, chosen)
    return f"{family} {name}: {chosen.name}"


def _parameter(random: Random, chosen: ParameterDescription) -> Any:
    """Return a value for a parameter: at its limits, a part of its family, or a hostile one."""
    draw = random.random()
    words = chosen.type.replace(",", "").split()
    limits = [float(word) for word in words if word[0].isdigit()]
    if limits and draw < 0.4:
        limit = random.choice(limits)
        near = (limit, limit - 1, limit + 1, limit * (1 - 1e-16), limit * 1.001, -limit)
        value = random.choice(near)
        return int(value) if "whole" in words and random.random() < 0.8 else value
    family = next((INNER[word] for word in INNER if word in chosen.type), None)
    if family and draw < 0.7:
        inner = good_part(random, family)
        mutate_part(random, family, inner)
        return random.choice((inner, [inner], as_text(inner), [inner, inner]))
    if '"' in chosen.type and draw < 0.3:
        return random.choice(chosen.type.split('"')[1::2])
    if chosen.default is not None and draw < 0.5:
        return hostile.neighbour(random, chosen.default)
    return hostile.value(random)


def as_text(part: dict[str, Any]) -> str:
    """Return a part as ``name:key=value,key=value``, which need not be legal."""
    label, *keys = part
    head = part[label] if isinstance(part[label], str) else toml_value(part[label])
    pairs = ",".join(f"{key}={toml_value(part[key])}" for key in keys)
    return f"{head}:{pairs}" if pairs else head


LISTS = ("hosts", "vms", "migrations", "background", "faults")
SECTIONS = {
    (): Scenario,
    ("run",): Run,
    ("hosts",): HostGroup,
    ("vms",): VMGroup,
    ("workload",): Workload,
    ("transfer",): Transfer,
    ("costs",): Costs,
    ("manager",): Manager,
    ("manager", "preparing"): Preparing,
    ("migrations",): Request,
    ("background",): BackgroundGroup,
    ("high_availability",): HighAvailability,
}


@cache
def fields_of_scenarios() -> tuple[tuple[tuple[str, ...], str], ...]:
    """Return every field of a scenario as its section and its name."""
    return tuple((at, name) for at, model in SECTIONS.items() for name in model.model_fields)
