"""Conditions that leave cells of a study out: equal to a value, or above, below another one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from cluster_emu.errors import UnknownNameError
from cluster_emu.study.grid.labels import number_of, text_of

Label = str | int | float | bool


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfAxis(_Table):
    """The value that another axis has in the same cell.

    Args:
        axis: the column of the axis.
    """

    axis: str


Bound = int | float | str | OfAxis


class Comparison(_Table):
    """What the value of a column is compared with; all that are given must hold.

    Args:
        above: it is larger than that.
        below: it is smaller.
        at_least: it is equal or larger.
        at_most: it is equal or smaller.
        other_than: it is none of these (one value, or a list of them).
    """

    above: Bound | None = None
    below: Bound | None = None
    at_least: Bound | None = None
    at_most: Bound | None = None
    other_than: Any = None

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(f"one or more of {', '.join(type(self).model_fields)}")
        return self


COMPARISONS = frozenset(Comparison.model_fields)

Condition = Comparison | Any
Conditions = dict[str, Any]


def is_comparison(value: Any) -> bool:
    """Return whether a table compares, and is not a step of a dotted path in TOML."""
    return isinstance(value, dict) and bool(value) and value.keys() <= COMPARISONS


class LeaveOut:
    """One row of `leave_out`: a cell that meets all its conditions is left out.

    Args:
        row: by column, the value, a list of values, or a `Comparison`.
        columns: by column, the values that it has in the study; empty for those that are drawn.

    Raises:
        ValueError: if a column is unknown, or a bound is not one of its kind.
    """

    def __init__(self, row: Mapping[str, Any], columns: Mapping[str, Sequence[Label]]) -> None:
        self._tests = [self._test(name, value, columns) for name, value in row.items()]

    def holds(self, labels: Mapping[str, Label]) -> bool:
        """Return whether a cell, by its labels, is to be left out."""
        return all(
            _compares(
                sign, labels[name], labels[bound.axis] if isinstance(bound, OfAxis) else bound
            )
            for name, tests in self._tests
            for sign, bound in tests
        )

    def _test(
        self, name: str, value: Any, columns: Mapping[str, Sequence[Label]]
    ) -> tuple[str, list[tuple[str, Any]]]:
        _check_known(name, columns)
        texts = any(isinstance(each, str) for each in columns[name])

        def label(each: Any) -> Any:
            if isinstance(each, OfAxis):
                _check_known(each.axis, columns)
                return each
            found = text_of(each) if texts else number_of(name, each)
            if found is None:
                raise ValueError(f"a number for {name} (not {each!r})")
            return found

        if not isinstance(value, Comparison):
            return name, [("one_of", [label(each) for each in _listed(value)])]
        given = {sign: getattr(value, sign) for sign in sorted(value.model_fields_set)}
        if texts and given.keys() - {"other_than"}:
            raise ValueError(f"other_than alone for {name}, whose values are texts")
        return name, [
            (
                sign,
                [label(each) for each in _listed(bound)] if sign == "other_than" else label(bound),
            )
            for sign, bound in given.items()
        ]


def _check_known(name: str, columns: Mapping[str, Sequence[Label]]) -> None:
    if name not in columns:
        raise ValueError(UnknownNameError("column", name, columns).allowed)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _compares(sign: str, value: Any, bound: Any) -> bool:
    match sign:
        case "one_of":
            return any(_equal(value, each) for each in bound)
        case "other_than":
            return not any(_equal(value, each) for each in bound)
        case "above":
            return bool(value > bound)
        case "below":
            return bool(value < bound)
        case "at_least":
            return bool(value >= bound)
        case _:
            return bool(value <= bound)


def _equal(value: Any, other: Any) -> bool:
    both_unset = value != value and other != other
    return both_unset or (_kind(value) == _kind(other) and value == other)


def _kind(value: Any) -> str:
    return "text" if isinstance(value, str) else "number"
