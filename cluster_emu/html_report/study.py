"""The page of a study: means, differences and quantiles by place on the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cluster_emu.html_report.metric_cells import (
    PAIRED_HEADER,
    PAIRED_NOTE,
    named,
    paired_cells,
    scaled,
    with_interval,
)
from cluster_emu.html_report.page import Card, Page, Picture, Section, Table
from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.results.result_folder import read_manifest
from cluster_emu.results.writing import read_csv
from cluster_emu.study.grid.cell_store import ANSWER, PRECISION
from cluster_emu.study.report.answers import HEADLINE, axis_names, axis_value
from cluster_emu.study.report.comparison import PairedDifference
from cluster_emu.study.report.figures import MeanFigure
from cluster_emu.study.report.grid import BatchAnswer, GroupDifference, GroupMeans
from cluster_emu.study.report.reading import read_report
from cluster_emu.study.statistics.verdicts import Verdict
from cluster_emu.view import draw_study
from cluster_emu.view.study import METRICS
from cluster_emu.wording import counted, listed, number

MEANS, PAIRED, QUANTILES = "means.csv", "paired.csv", "quantiles.csv"
RESULTS = "results.parquet"
DIFFERENT = (Verdict.LOWER, Verdict.HIGHER)
MOST_VALUES = 12
SAMPLE = "sample"
"""The column with the number of a sampled point."""
MOST_AXES = 4
"""Axes of a sample that are drawn."""


def study_page(folder: Path) -> Page:
    """Return the page of a folder that `batch` wrote."""
    means, paired = read_csv(folder / MEANS), _read_paired(folder / PAIRED)
    results = pd.read_parquet(folder / RESULTS)
    axes = [str(name) for name in means.columns[: list(means.columns).index("strategy")]]
    strategies = [str(name) for name in means["strategy"].unique()]
    groups, differences = _groups(means, axes), _differences(paired, axes)
    shown = [
        metric_catalogue[name]
        for name in (*HEADLINE, "makespan_s")
        if any(one.means[name].mean for one in groups if name in one.means)
    ]
    manifest = read_manifest(folder)
    name = folder.name if manifest is None else manifest.name
    failed = results[results["status"] != "done"]
    found = read_report(BatchAnswer, folder / ANSWER)
    seeds = [int(seed) for seed in results["seed"].drop_duplicates()]
    sections = [Section("Means over the axes", _means(groups, axes, shown, means))]
    if differences:
        sections.append(
            Section(
                "Differences and verdicts",
                [
                    _verdicts(differences, axes, shown),
                    *_headline_pairs(differences, axes, shown, paired),
                ],
                PAIRED_NOTE,
            )
        )
    if (folder / PRECISION).is_file():
        sections.append(Section("Precision", [_precision(read_csv(folder / PRECISION), axes)]))
    sections.append(
        Section(
            "Spread over the replications",
            [_quantiles(folder / QUANTILES, axes, shown), _cells(results, axes, shown)],
        )
    )
    return Page(
        kind="Study",
        title=f"Study “{name}”",
        question=_question(axes, strategies),
        answer=found.answer,
        cards=_cards(differences, results, groups),
        facts=[
            ("Study", name),
            ("Strategies", listed(strategies)),
            *((f"Axis {axis}", _values(means[axis])) for axis in axes),
            ("Replications", _replications(results, axes)),
            ("Cells", f"{len(results):,}, {len(failed):,} of them failed"),
        ],
        sections=sections,
        assumptions=found.assumptions,
        seeds=seeds,
        warnings=_failures(failed),
    )


def _question(axes: Sequence[str], strategies: Sequence[str]) -> str:
    at = f" at which {listed(axis_names(axes))}" if axes else ""
    if len(strategies) == 1:
        return f"How do migrations with {strategies[0]} go{at}?"
    return f"Which of {listed(strategies)} is better{at}, and by how much?"


def _values(column: pd.Series) -> str:
    values = [axis_value(_plain(value)) for value in column.drop_duplicates()]
    more = len(values) - MOST_VALUES
    return ", ".join(values[:MOST_VALUES]) + (f" and {more} more" if more > 0 else "")


def _replications(results: pd.DataFrame, axes: Sequence[str]) -> str:
    """Return how many seeds the strategies of each place share."""
    places = results.groupby(list(axes), dropna=False) if axes else [((), results)]
    counts = sorted({int(rows["seed"].nunique()) for _, rows in places})
    if len(counts) > 1:
        return f"{counts[0]} to {counts[-1]} seeds at a place, the same for every strategy"
    return ", ".join(counted(one, "seed") for one in counts) + ", the same for every strategy"


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _place(row: Any, axes: Sequence[str]) -> dict[str, Any]:
    return {axis: _plain(row[axis]) for axis in axes}


def _groups(means: pd.DataFrame, axes: list[str]) -> list[GroupMeans]:
    groups = []
    for _, rows in means.groupby([*axes, "strategy"], sort=False, dropna=False):
        found = {str(row["metric"]): _mean(row) for row in rows.to_dict("records")}
        first = rows.iloc[0]
        groups.append(GroupMeans(_place(first, axes), str(first["strategy"]), found))
    return groups


def _mean(row: Mapping[Any, Any]) -> MeanFigure:
    ends = (_known(row["ci95_low"]), _known(row["ci95_high"]))
    return MeanFigure(_known(row["mean"]), ends, int(row["runs"]))


def _known(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)


def _read_paired(file: Path) -> pd.DataFrame:
    """Return the table of paired differences, which is empty for a single strategy."""
    return read_csv(file) if file.is_file() and file.stat().st_size > 1 else pd.DataFrame()


def _differences(paired: pd.DataFrame, axes: list[str]) -> list[GroupDifference]:
    return [
        GroupDifference(_place(row, axes), _difference(row)) for row in paired.to_dict("records")
    ]


def _difference(row: Mapping[Any, Any]) -> PairedDifference:
    known = {
        name: _known(row.get(name))
        for name in (
            "mean_difference",
            "relative_difference",
            "smallest_difference",
            "effect_size",
            "p_value",
            "p_holm",
            "p_equivalence",
        )
    }
    return PairedDifference(
        metric=str(row["metric"]),
        a=str(row["a"]),
        b=str(row["b"]),
        pairs=int(row["pairs"]),
        pairs_left_out=int(row["pairs_left_out"]),
        verdict=str(row["verdict"]),
        ci95=(_known(row["ci95_low"]), _known(row["ci95_high"])),
        bca95=(_known(row.get("bca95_low")), _known(row.get("bca95_high"))),
        **known,
    )


def _cards(
    differences: Sequence[GroupDifference], results: pd.DataFrame, groups: Sequence[GroupMeans]
) -> list[Card]:
    cards = [
        Card("Cells run", f"{len(results):,}"),
        Card("Places on the axes", f"{len({str(one.axes) for one in groups}):,}"),
    ]
    if differences:
        claimed = sum(one.difference.verdict in DIFFERENT for one in differences)
        tested = sum(bool(one.difference.mean_difference) for one in differences)
        note = f"of {tested:,} tested together (Holm)"
        cards.append(Card("Differences that hold", f"{claimed:,}", note))
    return cards


def _means(
    groups: Sequence[GroupMeans], axes: Sequence[str], shown: Sequence[Metric], means: pd.DataFrame
) -> list[Picture | Table]:
    rows = [
        (
            *_cells_of(one.axes),
            one.strategy,
            *(with_interval(one.means[each.name], each) for each in shown),
        )
        for one in groups
    ]
    header = (*axis_names(axes), "strategy", *map(named, shown))
    table = Table(
        "means", "Mean [95 % interval] at each place", header, rows, len(axes) + 1, data=means
    )
    if not any((means["metric"] == name).any() for name in METRICS):
        return [table]
    if SAMPLE in axes:
        return [*_over_sampled_axes(axes, means), table]
    picture = Picture(
        "study",
        "Means over the axes with 95 % intervals, one line per strategy",
        f"Small multiples: a row of panels per metric ({listed([one.label for one in shown])}), "
        "one line per strategy over the first numeric axis, one column per place of the others. "
        "The table below has all of its numbers.",
        lambda: draw_study(means),
    )
    return [picture, table]


def _over_sampled_axes(axes: Sequence[str], means: pd.DataFrame) -> list[Picture]:
    """Return a figure for each axis: every sampled point has values of its own on all of them."""
    numbers = [
        axis for axis in axes if axis != SAMPLE and pd.api.types.is_numeric_dtype(means[axis])
    ]
    return [
        Picture(
            f"study-{place}",
            f"Means over {axis} with 95 % intervals; the other axes vary from point to point",
            f"A panel per metric: the means of every strategy at each sampled value of {axis}. The "
            "table below has all of its numbers.",
            partial(draw_study, means.drop(columns=[one for one in axes if one != axis])),
        )
        for place, axis in enumerate(numbers[:MOST_AXES], start=1)
    ]


def _cells_of(place: Mapping[str, Any]) -> list[str]:
    return [axis_value(value) for value in place.values()]


def _verdicts(
    differences: Sequence[GroupDifference], axes: Sequence[str], shown: Sequence[Metric]
) -> Table:
    """Return a map of verdicts: a row per place and pair, a column per metric."""
    by_pair: dict[tuple[str, ...], dict[str, PairedDifference]] = {}
    for one in differences:
        key = (*_cells_of(one.axes), one.difference.b, one.difference.a)
        by_pair.setdefault(key, {})[one.difference.metric] = one.difference
    rows = [(*key, *(found[each.name].verdict for each in shown)) for key, found in by_pair.items()]
    header = (*axis_names(axes), "strategy", "against", *(each.label for each in shown))
    caption = "What the strategy is in each metric against the other one"
    return Table("verdicts", caption, header, rows, len(header), verdicts=True, most_rows=60)


def _headline_pairs(
    differences: Sequence[GroupDifference],
    axes: Sequence[str],
    shown: Sequence[Metric],
    paired: pd.DataFrame,
) -> list[Table]:
    tables = []
    for metric in shown:
        rows = [
            (
                *_cells_of(one.axes),
                f"{one.difference.b} − {one.difference.a}",
                *paired_cells(one.difference, metric),
            )
            for one in differences
            if one.difference.metric == metric.name
        ]
        header = (*axis_names(axes), "strategies", *PAIRED_HEADER)
        data = paired[paired["metric"] == metric.name]
        caption = f"Paired differences in {named(metric)}"
        tables.append(
            Table(
                f"differences-{metric.name}",
                caption,
                header,
                rows,
                len(axes) + 2,
                data=data,
                verdicts=True,
            )
        )
    return tables


def _precision(table: pd.DataFrame, axes: Sequence[str]) -> Table:
    rows = []
    for row in table.to_dict("records"):
        half = _known(row["relative_half_width"])
        rows.append(
            (
                *_cells_of(_place(row, axes)),
                str(row["strategy"]),
                metric_catalogue[str(row["metric"])].label,
                str(row["goal"]),
                "reached" if row["reached"] else "not reached",
                number(None if half is None else 100 * half),
                str(row["replications"]),
            )
        )
    header = (
        *axis_names(axes),
        "strategy",
        "metric",
        "goal",
        "result",
        "half-width, %",
        "replications",
    )
    caption = "How narrow the intervals are that the stopping rule asked for"
    return Table("precision", caption, header, rows, len(axes) + 4, data=table)


def _quantiles(file: Path, axes: Sequence[str], shown: Sequence[Metric]) -> Table:
    table = read_csv(file) if file.is_file() else pd.DataFrame()
    rows: list[tuple[str, ...]] = []
    if len(table):
        names = {metric.name: metric for metric in shown}
        keys = [*axes, "strategy", "metric"]
        chosen = table[table["metric"].isin(names)]
        for _, found in chosen.groupby(keys, sort=False, dropna=False):
            first = found.iloc[0]
            metric = names[str(first["metric"])]
            values = {
                str(row["quantile"]): scaled(_known(row["value"]), metric)
                for row in found.to_dict("records")
            }
            place = _cells_of(_place(first, axes))
            rows.append((*place, str(first["strategy"]), named(metric), *values.values()))
    header = (*axis_names(axes), "strategy", "metric", "p50", "p90", "p95")
    caption = "Quantiles over the replications (intervals are in the file)"
    return Table("quantiles", caption, header, rows, len(axes) + 2, data=table)


def _cells(results: pd.DataFrame, axes: Sequence[str], shown: Sequence[Metric]) -> Table:
    rows = [
        (
            *_cells_of(_place(row, axes)),
            str(row["strategy"]),
            str(row["seed"]),
            *(scaled(_known(row.get(metric.name)), metric) for metric in shown),
        )
        for row in results.head(200).to_dict("records")
    ]
    header = (*axis_names(axes), "strategy", "seed", *map(named, shown))
    caption = f"The first of {counted(len(results), 'cell')}"
    return Table("cells", caption, header, rows, len(axes) + 2, data=results, most_rows=12)


def _failures(failed: pd.DataFrame) -> list[str]:
    counts = failed.groupby("error").size()
    return [f"{counted(int(count), 'cell')} failed: {error}" for error, count in counts.items()]
