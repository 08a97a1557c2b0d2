"""The axes of a study: values listed, in equal steps or ratios, or drawn between two ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator

from cluster_emu.numerals import is_in_range
from cluster_emu.study.grid.labels import labels_of
from cluster_emu.units import read_quantity

Number = int | float
MOST_VALUES = 1_000_000
"""The most values of an axis; a study has no more cells than that."""
DIGITS = 12
"""Significant digits of a value that is computed, so that every machine computes the same one."""
ENDS = frozenset({"low", "high", "scale", "whole"})
"""Entries of an axis whose values are drawn."""
KINDS = (
    "a list of values, or a table with range = { from, to, step }, "
    "logrange = { from, to, values }, or low and high"
)


class _Table(BaseModel):
    """A table of a study file, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


Quantity = Annotated[int, Field(strict=True)] | Annotated[float, Field(strict=True)] | str
"""A number, or a text with a unit that the axis's field takes, such as ``"1 Gbit/s"``."""


class Range(_Table):
    """Values in equal steps, from the first to the last one, which is a value where a step ends.

    Args:
        start: the first value (in a file: `from`).
        to: no value is above it (or below it, if the step is negative).
        step: from one value to the next.
        values: how many values there are, both ends among them; in place of a step.
    """

    start: Annotated[Quantity, Field(alias="from")]
    to: Quantity
    step: Quantity | None = None
    values: Annotated[int, Field(ge=2, le=MOST_VALUES, strict=True)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.step is None) == (self.values is None):
            raise ValueError("a step, or a number of values, and not both")
        return self

    def values_of(self, path: str) -> tuple[Number, ...]:
        """Return the values, for the field at a path.

        Raises:
            ValueError: if an end or the step is not what the field takes, or leads nowhere.
        """
        start, to = (_exact(path, value) for value in (self.start, self.to))
        if self.step is None:
            count = self.values or 2
            step = (to - start) / (count - 1)
        else:
            step = _exact(path, self.step)
            if not step or (to - start) / step < 0:
                raise ValueError(f"a step that leads from {self.start!r} to {self.to!r}")
            count = math.floor((to - start) / step) + 1
        if count > MOST_VALUES:
            raise ValueError(f"at most {MOST_VALUES:,} values (these are {count:,})")
        return tuple(_number(start + number * step) for number in range(count))


class LogRange(_Table):
    """Values in equal ratios, both ends among them.

    Args:
        start: the first value (in a file: `from`), above 0.
        to: the last value, above 0.
        values: how many values there are.
        whole: whether each is rounded to a whole number.
    """

    start: Annotated[Quantity, Field(alias="from")]
    to: Quantity
    values: Annotated[int, Field(ge=2, le=MOST_VALUES, strict=True)]
    whole: bool = False

    def values_of(self, path: str) -> tuple[Number, ...]:
        """Return the values, for the field at a path.

        Raises:
            ValueError: if an end is not what the field takes, or is not above 0.
        """
        start, to = (_exact(path, value) for value in (self.start, self.to))
        if start <= 0 or to <= 0:
            raise ValueError("two ends above 0, as the values are in equal ratios")
        logs = [math.log(start), math.log(to)]
        step = (logs[1] - logs[0]) / (self.values - 1)
        between = (math.exp(logs[0] + number * step) for number in range(1, self.values - 1))
        inner = [_rounded(value, whole=self.whole) for value in between]
        ends = [
            _rounded(float(end), whole=True) if self.whole else _number(end) for end in (start, to)
        ]
        return (ends[0], *inner, ends[1])


class Axis(_Table):
    """The values of one axis: a list of them, a range, or two ends between which they are drawn.

    Args:
        listed: the values, where the axis is a list.
        range: values in equal steps.
        logrange: values in equal ratios.
        low: the lower end, where `[sample]` of the study draws the values.
        high: the upper end.
        scale: "linear" where values are drawn evenly, "log" where their logarithms are.
        whole: whether the values drawn are whole numbers, both ends among them.
    """

    listed: tuple[Any, ...] | None = None
    range: Range | None = None
    logrange: LogRange | None = None
    low: Quantity | None = None
    high: Quantity | None = None
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False

    @model_validator(mode="before")
    @classmethod
    def _read(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {"listed": tuple(value)}
        if isinstance(value, Axis) or (isinstance(value, dict) and "listed" not in value):
            return value
        raise ValueError(KINDS)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [self.listed, self.range, self.logrange]
        ends = [end for end in (self.low, self.high) if end is not None]
        given = sum(kind is not None for kind in kinds) + bool(ends)
        if given != 1 or len(ends) == 1:
            raise ValueError(KINDS)
        if not ends and {"scale", "whole"} & self.model_fields_set:
            raise ValueError("scale and whole beside low and high only")
        return self

    @property
    def is_drawn(self) -> bool:
        """Whether `[sample]` of the study draws the values."""
        return self.low is not None

    def values_of(self, path: str) -> tuple[Any, ...]:
        """Return the values for the field at a path; none where they are drawn.

        Raises:
            ValueError: if a range has an end or step that the field does not take.
        """
        kind = self.range or self.logrange
        return kind.values_of(path) if kind else self.listed or ()

    def drawn(self, path: str, share: float) -> Number:
        """Return the value that lies at a share of the way from the lower to the upper end.

        Args:
            path: the field.
            share: from 0 to 1.
        """
        low, high = self.ends(path)
        if self.scale == "log":
            exact = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
            return _rounded(exact, whole=self.whole)
        if self.whole:  # the ends are as likely as any number between them
            return min(int(low) + math.floor(share * (int(high) - int(low) + 1)), int(high))
        return _rounded(low + share * (high - low))

    def ends(self, path: str) -> tuple[float, float]:
        """Return the ends between which values are drawn, for the field at a path.

        Raises:
            ValueError: if they are not what the field takes, or not in this order.
        """
        low, high = (float(_exact(path, end or 0)) for end in (self.low, self.high))
        if not low < high:
            raise ValueError(f"a low end below the high one, not {self.low!r} and {self.high!r}")
        if self.scale == "log" and low <= 0:
            raise ValueError('a low end above 0, as scale is "log"')
        if self.whole and not (low.is_integer() and high.is_integer()):
            raise ValueError("whole ends, as the values are whole")
        return low, high

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Describe what stands in a file: a list, or a table with one of the other kinds."""
        inner = dict(handler.resolve_ref_schema(handler(schema)))
        properties = {key: each for key, each in inner["properties"].items() if key != "listed"}
        table = {"type": "object", "properties": properties, "additionalProperties": False}
        kinds = [["range"], ["logrange"], ["low", "high"]]
        return {
            "anyOf": [
                {"type": "array", "items": {}, "minItems": 1},
                *({**table, "required": required} for required in kinds),
            ]
        }


def is_axis_table(value: Any) -> bool:
    """Return whether a table is that of an axis, not a step of a dotted path in TOML."""
    if not isinstance(value, dict) or not value:
        return False
    if isinstance(value.get("range"), dict) or isinstance(value.get("logrange"), dict):
        return True
    scalars = not any(isinstance(each, dict | list) for each in value.values())
    return scalars and value.keys() <= ENDS and bool({"low", "high"} & value.keys())


def check_each_once(path: str, values: tuple[Any, ...]) -> None:
    """Refuse two values that are one, such as ``0.2`` and ``"0.2"``, or 1024 and ``"1 KiB"``.

    Raises:
        ValueError: naming both.
    """
    found: dict[Any, Any] = {}
    for label, value in zip(labels_of(path, values), values, strict=True):
        if label in found:
            pair = f"{found[label]!r} and {value!r} are one"
            raise ValueError(f"every value once on the axis {path} ({pair})")
        found[label] = value


def for_each(axes: Mapping[str, Axis], work: Callable[[str, Axis], Any]) -> dict[str, Any]:
    """Return what a function gives for each axis.

    Raises:
        ValueError: as the function, with the axis before what it says.
    """
    found = {}
    for path, axis in axes.items():
        try:
            found[path] = work(path, axis)
        except ValueError as error:
            raise ValueError(f"{error} (on the axis {path})") from None
    return found


def _exact(path: str, value: Quantity) -> Fraction:
    """Return a quantity as the decimal that was written, in the unit of the field at a path.

    Raises:
        ValueError: if it is no number, or has a unit that the field does not take.
    """
    found = read_quantity(path, value, shares=True)
    if isinstance(found, bool) or not isinstance(found, int | float) or not is_in_range(found):
        raise ValueError("a finite number, alone or with a unit of its field")
    return Fraction(repr(found))


def _number(exact: Fraction) -> Number:
    return int(exact) if exact.denominator == 1 else _rounded(float(exact))


def _rounded(value: float, *, whole: bool = False) -> Number:
    found = round(value) if whole else float(f"{value:.{DIGITS}g}")
    return int(found) if float(found).is_integer() and abs(found) < 2**53 else found
