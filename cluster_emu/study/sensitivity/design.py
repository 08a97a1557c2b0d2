"""What kind of study a table of results is of: its factors, and whether it is a full grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.study.grid.sampling import SAMPLE
from cluster_emu.study.grid.settings import STRATEGY_COLUMN
from cluster_emu.wording import counted

RUN_COLUMNS = ("replication", "seed")


@dataclass(frozen=True, slots=True)
class Factor:
    """One column, or several that move together.

    Args:
        columns: the columns.
        levels: the row of values of each level.
    """

    columns: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]

    @property
    def name(self) -> str:
        """The columns in words."""
        return " & ".join(self.columns)


def setting_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that say which setting a row is of: all before `replication`.

    Raises:
        ScenarioError: if it is not a table of results of a study.
    """
    if not {STRATEGY_COLUMN, *RUN_COLUMNS} <= set(table):
        raise ScenarioError("table", list(table)[:8], "the results of a study, as `batch` writes")
    return list(table.columns[: list(table).index(RUN_COLUMNS[0])])


def factors_in(table: pd.DataFrame, columns: Sequence[str]) -> list[Factor]:
    """Return the factors with two levels or more; columns that move together are one.

    Args:
        table: the results.
        columns: the columns that say which setting a row is of.
    """
    codes = {name: pd.factorize(table[name], use_na_sentinel=False)[0] for name in columns}
    varied = [name for name in columns if codes[name].max(initial=0) > 0]
    groups: list[list[str]] = []
    for name in varied:
        same = next((group for group in groups if _one_to_one(codes[group[0]], codes[name])), None)
        if same is None:
            groups.append([name])
        else:
            same.append(name)
    return [
        Factor(
            tuple(group), tuple(table[group].drop_duplicates().itertuples(index=False, name=None))
        )
        for group in groups
    ]


def _one_to_one(a: NDArray[np.intp], b: NDArray[np.intp]) -> bool:
    pairs = len(np.unique(np.stack([a, b]), axis=1).T)
    return bool(pairs == a.max() + 1 == b.max() + 1)


def grid_values(table: pd.DataFrame, factors: Sequence[Factor], metric: str) -> NDArray[np.float64]:
    """Return a metric as an array of shape [levels of each factor ..., seeds].

    Seeds of which a setting has no value are left out for all settings.

    Raises:
        ScenarioError: if the grid is not full, or no seed has a value in every setting.
    """
    shape = [len(factor.levels) for factor in factors]
    places = [
        pd.factorize(table[factor.columns[0]], use_na_sentinel=False)[0] for factor in factors
    ]
    replications = table["replication"].to_numpy()
    values = np.full([*shape, int(replications.max()) + 1], np.nan)
    there = np.zeros(shape, dtype=bool)
    there[tuple(places)] = True
    if not there.all():
        of = int(np.prod(shape))
        allowed = (
            "a full grid, as shares of variance need every combination of the axes (this study "
            f'has {int(there.sum())} of {of}); or one with method = "saltelli"'
        )
        raise ScenarioError("study", counted(len(table), "cell"), allowed)
    values[(*places, replications)] = table[metric].to_numpy(dtype=np.float64)
    return _whole_seeds(values, metric)


def _whole_seeds(values: NDArray[np.float64], metric: str) -> NDArray[np.float64]:
    """Return the values of the seeds that have one in every setting."""
    flat = values.reshape(-1, values.shape[-1])
    whole = ~np.isnan(flat).any(axis=0)
    if not whole.any():
        missing = int(np.isnan(flat).sum())
        allowed = (
            "a metric that every setting has a value of under one seed at least "
            f"({counted(missing, 'cell')} of {flat.size} have none)"
        )
        raise ScenarioError("metric", metric, allowed)
    return np.asarray(values[..., whole])


def sampled_groups(
    table: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[dict[str, Any], list[str], pd.DataFrame]]:
    """Yield, for each combination of what was not drawn: it, the drawn axes, and its rows.

    Raises:
        ScenarioError: if the points are not those of the method "saltelli".
    """
    points = table.groupby(SAMPLE, sort=True)
    drawn = [
        name
        for name in columns
        if name not in (SAMPLE, STRATEGY_COLUMN)
        and points[name].nunique(dropna=False).max() == 1
        and table[name].nunique(dropna=False) > 1
    ]
    others = [name for name in columns if name not in (SAMPLE, *drawn)]
    for place, rows in table.groupby(others, sort=False, dropna=False):
        _check_saltelli(rows, drawn)
        values = place if isinstance(place, tuple) else (place,)
        yield dict(zip(others, values, strict=True)), drawn, rows


def _check_saltelli(rows: pd.DataFrame, drawn: Sequence[str]) -> None:
    """Refuse points that are not a, a with one value of b, ..., b, for each base point."""
    points = rows.drop_duplicates(SAMPLE).sort_values(SAMPLE)
    axes, count = len(drawn), len(points)
    numbers = points[SAMPLE].to_numpy()
    table = points[list(drawn)].to_numpy(dtype=np.float64)
    if axes and count % (axes + 2) == 0 and (numbers == np.arange(count)).all():
        blocks = table.reshape(-1, axes + 2, axes)
        a, b = blocks[:, :1], blocks[:, -1:]
        expected = np.where(np.eye(axes, dtype=bool)[None], b, a)
        if (blocks[:, 1:-1] == expected).all():
            return
    allowed = (
        'points of the method "saltelli", all of them there: [sample] with method = "saltelli" '
        "(Sobol' indices cannot be estimated from others)"
    )
    raise ScenarioError("sample", counted(count, "point"), allowed)


def point_values(rows: pd.DataFrame, metric: str) -> NDArray[np.float64]:
    """Return a metric as an array of shape [points, seeds], the points in their order.

    Raises:
        ScenarioError: if no seed has a value at every point.
    """
    points = rows[SAMPLE].to_numpy()
    replications = rows["replication"].to_numpy()
    values = np.full((int(points.max()) + 1, int(replications.max()) + 1), np.nan)
    values[points, replications] = rows[metric].to_numpy(dtype=np.float64)
    return _whole_seeds(values, metric)
