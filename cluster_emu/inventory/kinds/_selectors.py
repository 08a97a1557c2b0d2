"""Kubernetes selectors: which labels they take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster_emu.inventory.documents import at, labels, tables, text

Labels = Mapping[str, str]


def matches(selector: Any, given: Labels) -> bool:
    """Return whether a labelSelector takes these labels; an empty one takes all."""
    wanted = labels(selector, "matchLabels")
    return all(given.get(key) == value for key, value in wanted.items()) and all(
        _holds(one, given) for one in tables(selector, "matchExpressions")
    )


def node_matches(term: Any, given: Labels, name: str) -> bool:
    """Return whether a nodeSelectorTerm takes a node; one without conditions takes none."""
    expressions = list(tables(term, "matchExpressions"))
    fields = list(tables(term, "matchFields"))
    if not expressions and not fields:
        return False
    return all(_holds(one, given) for one in expressions) and all(
        _holds(one, {"metadata.name": name}) for one in fields
    )


def in_words(selector: Any) -> str:
    """Return a selector as a short text, the same for equal ones."""
    wanted = [f"{key}={value}" for key, value in sorted(labels(selector, "matchLabels").items())]
    for one in tables(selector, "matchExpressions"):
        values = ",".join(_values(one))
        wanted.append(f"{text(one, 'key')} {text(one, 'operator')} {values}".strip())
    return " ".join(wanted)


def _values(expression: Any) -> list[str]:
    found = at(expression, "values")
    return [str(value) for value in found] if isinstance(found, list) else []


def _holds(expression: Any, given: Labels) -> bool:
    value = given.get(text(expression, "key"))
    values = _values(expression)
    operators: dict[str, Callable[[], bool]] = {
        "In": lambda: value in values,
        "NotIn": lambda: value not in values,
        "Exists": lambda: value is not None,
        "DoesNotExist": lambda: value is None,
        "Gt": lambda: _number(value) > _number(values[0] if values else None),
        "Lt": lambda: _number(value) < _number(values[0] if values else None),
    }
    return operators.get(text(expression, "operator"), lambda: True)()


def _number(value: str | None) -> float:
    try:
        return float(value or "nan")
    except ValueError:
        return float("nan")
