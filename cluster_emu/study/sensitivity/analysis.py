"""The sensitivity of a study: of a full grid by ANOVA, of a sampled one by Sobol' indices."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.result_folder import read_manifest
from cluster_emu.study.grid.batch import Batch
from cluster_emu.study.grid.cell_store import DONE, RESULTS
from cluster_emu.study.grid.sampling import SAMPLE
from cluster_emu.study.saved_study import INCOMPLETE
from cluster_emu.study.sensitivity.anova import anova_shares
from cluster_emu.study.sensitivity.design import (
    factors_in,
    grid_values,
    point_values,
    sampled_groups,
    setting_columns,
)
from cluster_emu.study.sensitivity.shares import INTERACTIONS, SEEDS, FactorShare
from cluster_emu.study.sensitivity.sobol import sobol_shares
from cluster_emu.wording import counted, whole_percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ANOVA, SOBOL = "anova", "sobol"
WIDE = 0.4
"""Width of an interval of a share from which on it says little."""
TOO_WIDE = "Intervals are wide: more points or seeds would tell more."


@dataclass(frozen=True, slots=True)
class GroupShares:
    """The shares of a study, or of the part of it that has one combination of what is not drawn.

    Args:
        place: the combination, by column; empty for a full grid.
        settings: number of settings or points.
        seeds: number of seeds that have a value in each of them.
        shares: one per factor, the rest after them.
    """

    place: dict[str, Any]
    settings: int
    seeds: int
    shares: tuple[FactorShare, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Sensitivity(Displayed):
    """Which axis explains how much of the variance of a figure.

    Args:
        metric: the figure of the summary.
        method: "anova" for a full grid, "sobol" for a sampled one.
        groups: one for a full grid; for a sampled one, one for each combination of what was not
            drawn, such as each strategy.
    """

    metric: str
    method: str
    groups: tuple[GroupShares, ...]

    @property
    def headline(self) -> str:
        """The metric, the method, and how many settings there were."""
        settings = sum(group.settings for group in self.groups)
        return f"{self.metric} by {self.method}: {counted(settings, 'setting')}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per group and factor: place, factor, first, total, and their intervals."""
        return pd.DataFrame(
            [
                {**group.place, **asdict(share), "settings": group.settings, "seeds": group.seeds}
                for group in self.groups
                for share in group.shares
            ]
        )

    @property
    def answer(self) -> str:
        """Which factor explains most, in one sentence."""
        parts = [_most(group) for group in self.groups]
        label = metric_catalogue[self.metric].label if self.metric in metric_catalogue else ""
        text = f"Of the variance of {label or self.metric}, {'; '.join(parts)}."
        return f"{text} {TOO_WIDE}" if any(map(_is_wide, self.groups)) else text

    def plot(self) -> Figure:
        """Draw first and total shares of every factor with their intervals."""
        figure: Figure = view().draw_sensitivity(self.to_frame(), self.metric)
        return figure


def _is_wide(group: GroupShares) -> bool:
    return any(
        high - low > WIDE
        for one in group.shares
        for low, high in [(one.first_low, one.first_high), (one.total_low, one.total_high)]
    )


def _most(group: GroupShares) -> str:
    where = ", ".join(f"{name} = {value}" for name, value in group.place.items())
    of_factors = [one for one in group.shares if one.factor not in (INTERACTIONS, SEEDS)]
    ranked = sorted(of_factors, key=lambda one: -one.total)
    words = [
        f"{one.factor} explains {whole_percent(max(one.first, 0.0))} alone and "
        f"{whole_percent(max(one.total, 0.0))} with the others"
        for one in ranked[:2]
    ]
    words += [
        f"the seeds {whole_percent(one.first)}" for one in group.shares if one.factor == SEEDS
    ]
    text = ", ".join(words)
    return f"{text} ({where})" if where else text


def analyse_sensitivity(study: Path | Batch | pd.DataFrame, metric: str) -> Sensitivity:
    """Return which axis of a study explains how much of the variance of a figure.

    A full grid is analysed by the functional ANOVA, see `anova_shares`, with the strategy as one of
    its factors. A study whose axes were drawn by the method "saltelli" is analysed by Sobol'
    indices, see `sobol_shares`, for each combination of strategy and listed axes on its own.

    Args:
        study: the folder of its results, its `Batch`, or its table of results.
        metric: a figure of the summary, such as "downtime_s".

    Raises:
        ScenarioError: if there is no such figure, if cells are missing or failed, if a batch or a
            shard of it has not ended, or if the study is neither a full grid nor such a sample.
    """
    table = _table(study)
    columns = setting_columns(table)
    _check_metric(table, columns, metric)
    if (table["status"] != DONE).any() if "status" in table else False:
        count = int((table["status"] != DONE).sum())
        allowed = f"a study all of whose cells are done ({counted(count, 'cell')} are not)"
        raise ScenarioError("study", counted(len(table), "cell"), allowed)
    if SAMPLE in columns:
        return Sensitivity(metric, SOBOL, tuple(_sobol(table, columns, metric)))
    factors = factors_in(table, columns)
    if not factors:
        raise ScenarioError("study", columns, "a study with an axis or strategy of two values")
    values = grid_values(table, factors, metric)
    shares = anova_shares(values, [factor.name for factor in factors])
    settings = values.size // values.shape[-1]
    return Sensitivity(metric, ANOVA, (GroupShares({}, settings, values.shape[-1], tuple(shares)),))


def _sobol(table: pd.DataFrame, columns: list[str], metric: str) -> list[GroupShares]:
    found = []
    for place, drawn, rows in sampled_groups(table, columns):
        values = point_values(rows, metric)
        shares = tuple(sobol_shares(values, drawn))
        found.append(GroupShares(place, len(values), values.shape[1], shares))
    return found


def _table(study: Path | Batch | pd.DataFrame) -> pd.DataFrame:
    if isinstance(study, Batch):
        if study.left_to_others:
            allowed = f"a whole study ({counted(study.left_to_others, 'cell')} are left to others)"
            raise ScenarioError("study", study.study, allowed)
        return study.table
    if isinstance(study, pd.DataFrame):
        return study
    path = study / RESULTS[0]
    if not path.is_file():
        raise ScenarioError("study", str(study), "a folder of results that `batch` has written")
    manifest = read_manifest(study)
    if manifest is not None and not manifest.complete:
        raise ScenarioError("study", str(study), f"a complete one; {INCOMPLETE}")
    return pd.read_parquet(path)


def _check_metric(table: pd.DataFrame, columns: list[str], metric: str) -> None:
    known = [
        name
        for name in table.columns[len(columns) :]
        if pd.api.types.is_numeric_dtype(table[name]) and name not in ("replication", "seed")
    ]
    if metric not in known:
        raise ScenarioError("metric", metric, UnknownNameError("metric", metric, known).allowed)
