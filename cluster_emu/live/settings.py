"""What may be changed on the page before a run begins: fields of the scenario, and the seed.

The settings stand in the address of the page as texts, ``?seed=3&strategy=qemu``, so that an
address is a view that can be shared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.live.source import Document
from cluster_emu.managers.contract import policies
from cluster_emu.numerals import whole_number
from cluster_emu.scenario import Scenario
from cluster_emu.strategies.contract import strategies
from cluster_emu.transfer.stop_rules.contract import stop_rules

SEED = "seed"
ACTIONS = "do"
"""Setting with the actions of an earlier run to do again: a list in JSON, each with `at_s`."""
MOST_ACTIONS = 200
MOST_TEXT = 200
"""Letters of one setting."""

FIELDS = {
    "strategy": "transfer.strategy",
    "stop": "transfer.stop",
    "policy": "transfer.policy",
    "cluster_limit": "manager.max_per_cluster",
    "outbound_limit": "manager.max_outbound_per_host",
    "inbound_limit": "manager.max_inbound_per_host",
    "bandwidth": "transfer.bandwidth_bps",
}
"""The field that each setting sets."""

LIMITS = ("cluster_limit", "outbound_limit", "inbound_limit")

COMPARED = {name: f"b_{name}" for name in ("strategy", "stop", "policy")}
"""Settings of lane 1, which is otherwise set as lane 0; it is there if one of them is given."""

KNOWN = frozenset({SEED, ACTIONS, *FIELDS, *COMPARED.values()})


def known_settings(given: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of an address without what else stands in it, such as the theme."""
    return {name: text for name, text in given.items() if name in KNOWN}


def controls(scenario: Scenario) -> list[Document]:
    """Return the settings as the page offers them.

    Each has `name`, `label`, `kind` ("number", "text", or "choice" with `options`), `value` as the
    scenario has it, `empty`, what an empty value stands for, and `hint`.
    """
    transfer, manager = scenario.transfer, scenario.manager
    by_policy = "as the policy says" if transfer.policy else "no limit"
    found: list[Document] = [
        _choice("strategy", "Strategy", transfer.strategy, strategies.names(), ""),
        _choice("stop", "Stop rule", transfer.stop, stop_rules.names(), "the strategy's own"),
        _choice("policy", "Policy", transfer.policy, policies.names(), "none"),
    ]
    for name, label in zip(
        LIMITS, ("Migrations at once", "Outbound per host", "Inbound per host"), strict=True
    ):
        value = getattr(manager, FIELDS[name].partition(".")[2])
        found.append(_text(name, label, value, by_policy, "a whole number, or unlimited"))
    hint = "such as 2 Gbit/s, or unlimited"
    cap = "as the policy says" if transfer.policy else "only the network limits"
    found.append(_text("bandwidth", "Bandwidth cap", transfer.bandwidth_bps, cap, hint))
    return found


def _choice(name: str, label: str, value: object, options: list[str], empty: str) -> Document:
    shown = "" if value is None else str(value)
    known = options if shown in options or not shown else [shown, *options]
    return {"name": name, "label": label, "kind": "choice", "value": shown, "options": known} | {
        "empty": empty,
        "hint": "",
    }


def _text(name: str, label: str, value: object, empty: str, hint: str) -> Document:
    shown = "" if value is None else str(value)
    if value == float("inf"):
        shown = "unlimited"
    elif isinstance(value, float) and value.is_integer():
        shown = str(int(value))
    return {"name": name, "label": label, "kind": "text", "value": shown} | {
        "empty": empty,
        "hint": hint,
    }


def seed_of(settings: Mapping[str, str]) -> int:
    """Return the seed, 0 without one.

    Raises:
        ScenarioError: if it is no whole number >= 0.
    """
    text = settings.get(SEED) or "0"
    number = whole_number(text)
    if number is None or number < 0:
        raise ScenarioError(SEED, text, "a whole number >= 0")
    return number


def actions_of(settings: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the actions to do again, in order of time.

    Raises:
        ScenarioError: if they are not such a list.
    """
    text = settings.get(ACTIONS)
    if not text:
        return []
    allowed = f'a list in JSON of at most {MOST_ACTIONS} actions, each with "at_s" and "do"'
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ScenarioError(ACTIONS, text[:MOST_TEXT], allowed) from error
    good = isinstance(found, list) and len(found) <= MOST_ACTIONS and all(map(_is_action, found))
    if not good:
        raise ScenarioError(ACTIONS, text[:MOST_TEXT], allowed)
    return sorted(found, key=lambda action: float(action["at_s"]))


def _is_action(action: object) -> bool:
    return (
        isinstance(action, dict)
        and isinstance(action.get("do"), str)
        and isinstance(action.get("at_s"), int | float)
        and 0 <= action["at_s"] < float("inf")
    )


def with_settings(scenario: Scenario, settings: Mapping[str, str]) -> Scenario:
    """Return the scenario with other values where settings give some; "none" unsets a field.

    Raises:
        ScenarioError: naming the field whose value is not allowed.
    """
    fields: dict[str, Any] = {}
    for name, field in FIELDS.items():
        text = settings.get(name, "").strip()
        if len(text) > MOST_TEXT:
            raise ScenarioError(field, text[:MOST_TEXT], f"at most {MOST_TEXT} letters")
        if text:
            number = whole_number(text) if name in LIMITS else None
            fields[field] = text if number is None else number
    if "transfer.stop" in fields and "transfer.policy" in fields:
        both = fields["transfer.policy"], fields["transfer.stop"]
        if "none" not in both:
            raise ScenarioError(
                "transfer.policy", both[0], f"none where the stop rule is {both[1]}"
            )
    if scenario.takes_default("run.fidelity"):
        fields["run.fidelity"] = "auto"
    fields["run.stop_when_idle"] = False  # somebody may drain a host at any time
    return scenario.with_fields(fields)


def compared_with(settings: Mapping[str, str]) -> dict[str, str] | None:
    """Return the settings of lane 1, None if there is nothing to compare with."""
    other = {name: settings[key] for name, key in COMPARED.items() if settings.get(key)}
    if not other:
        return None
    kept = dict(settings)
    if "stop" in other or "policy" in other:
        kept.pop("stop", None)
        kept.pop("policy", None)
    return {**kept, **other}
