"""The settings of a study: every combination of its axes, less what it leaves out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.study.grid.axes import Axis
from cluster_emu.study.grid.conditions import Label, LeaveOut
from cluster_emu.study.grid.labels import labels_of
from cluster_emu.study.grid.sampling import SAMPLE
from cluster_emu.study.grid.study_file import POLICY, Study, check_cells

VARIANT = "variant"
POLICY_COLUMN = "policy"
STRATEGY_COLUMN = "strategy"

Labels = dict[str, Label]


@dataclass(frozen=True, slots=True)
class Setting:
    """One combination of the axes.

    Args:
        place: where it is, by column.
        fields: what it sets in the scenario, by dotted path.
    """

    place: Labels
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Factor:
    """Columns whose values move together, such as one axis, zipped axes or the variants.

    Args:
        columns: the columns' names.
        levels: the settings of these columns alone.
    """

    columns: tuple[str, ...]
    levels: tuple[Setting, ...]


def columns_of(study: Study) -> tuple[str, ...]:
    """Return the columns that say which setting a row of the results is of, without strategy."""
    sampled = (SAMPLE, *study.drawn_axes) if study.drawn_axes else ()
    listed = [path for path, axis in study.axes.items() if not axis.is_drawn]
    zipped = [path for group in study.zip for path in group]
    variant = (VARIANT,) if study.variants else ()
    policy = (POLICY_COLUMN,) if study.policies else ()
    return (*sampled, *listed, *zipped, *variant, *policy)


def factors_of(study: Study) -> tuple[Factor, ...]:
    """Return the factors of a study, in the order of their columns in the tables."""
    factors = [_sampled(study)] if study.sample is not None else []
    for path, axis in study.axes.items():
        if not axis.is_drawn:
            factors.append(_listed({path: axis.values_of(path)}))
    factors += [_listed(group) for group in study.zip]
    if study.variants:
        levels = [Setting({VARIANT: name}, fields) for name, fields in study.variants.items()]
        factors.append(Factor((VARIANT,), tuple(levels)))
    if study.policies:
        texts = [text.strip() for text in study.policies]
        policies = [Setting({POLICY_COLUMN: text}, {POLICY: text}) for text in texts]
        factors.append(Factor((POLICY_COLUMN,), tuple(policies)))
    return tuple(factors)


def settings_of(study: Study) -> Iterator[Setting]:
    """Yield every combination of the factors, the last of which changes fastest."""
    for combination in product(*(factor.levels for factor in factors_of(study))):
        place: Labels = {}
        fields: dict[str, Any] = {}
        for level in combination:
            place |= level.place
            fields |= level.fields
        yield Setting(place, fields)


def cells_before_leaving_out(study: Study) -> int:
    """Return how many cells there would be if none were left out.

    Raises:
        ScenarioError: if these are too many.
    """
    drawn = study.drawn_axes
    counts = [len(study.strategies), study.replications]
    counts += [len(study.policies) or 1, len(study.variants) or 1]
    counts += [len(next(iter(group.values()))) for group in study.zip]
    counts += [len(axis.values_of(path)) for path, axis in study.axes.items() if not axis.is_drawn]
    counts += [study.sample.points(len(drawn))] if study.sample is not None else []
    try:
        check_cells(counts)
    except ValueError as error:
        raise ScenarioError("axes", list(columns_of(study)), str(error)) from None
    total = 1
    for count in counts:
        total *= count
    return total


class LeftOut:
    """Which cells a study leaves out.

    Args:
        study: the study.

    Raises:
        ScenarioError: if a condition names an unknown column or compares with what it cannot.
    """

    def __init__(self, study: Study) -> None:
        columns: dict[str, Sequence[Label]] = {
            column: [level.place[column] for level in factor.levels]
            for factor in factors_of(study)
            for column in factor.columns
        }
        columns[STRATEGY_COLUMN] = [text.strip() for text in study.strategies]
        self._rows = []
        self._given = study.leave_out
        self._drawn = bool(study.drawn_axes)
        for number, row in enumerate(study.leave_out):
            try:
                self._rows.append(LeaveOut(row, columns))
            except ValueError as error:
                raise ScenarioError(f"leave_out.{number}", _plain(row), str(error)) from None
        self._used = [False] * len(self._rows)

    def has(self, labels: Labels) -> bool:
        """Return whether a cell, by place and strategy, is left out."""
        found = [row.holds(labels) for row in self._rows]
        self._used = [used or holds for used, holds in zip(self._used, found, strict=True)]
        return any(found)

    def check_all_used(self) -> None:
        """Refuse conditions that no cell has met; those on values that are drawn may have none.

        Raises:
            ScenarioError: naming the first one.
        """
        for number, used in enumerate(self._used):
            if not used and not self._drawn:
                allowed = "conditions that a cell of the study meets (none does)"
                raise ScenarioError(f"leave_out.{number}", _plain(self._given[number]), allowed)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.model_dump(exclude_unset=True) if hasattr(value, "model_dump") else value
        for name, value in row.items()
    }


def _listed(group: dict[str, tuple[Any, ...]]) -> Factor:
    """Return the factor of one axis, or of several that move together."""
    shown = [labels_of(path, values) for path, values in group.items()]
    levels = [
        Setting(dict(zip(group, labels, strict=True)), dict(zip(group, values, strict=True)))
        for labels, values in zip(
            zip(*shown, strict=True), zip(*group.values(), strict=True), strict=True
        )
    ]
    return Factor(tuple(group), tuple(levels))


def _sampled(study: Study) -> Factor:
    axes: dict[str, Axis] = study.drawn_axes
    assert study.sample is not None
    points = study.sample.drawn(axes, study.seed)
    # a column of numbers is of one kind: whole if the axis is, else with a fraction
    kinds = {path: int if axis.whole else float for path, axis in axes.items()}
    levels = [
        Setting(
            {SAMPLE: number, **{path: kinds[path](value) for path, value in point.items()}},
            dict(point),
        )
        for number, point in enumerate(points)
    ]
    return Factor((SAMPLE, *axes), tuple(levels))
