"""`cluster-emu sensitivity`: which axis of a study explains how much of a figure's variance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import usable_folder, writing_to
from cluster_emu.cli.output import show_answer, show_lines, show_table, write_json
from cluster_emu.errors import ScenarioError
from cluster_emu.file_names import file_name
from cluster_emu.input_files import exists

if TYPE_CHECKING:
    from cluster_emu.study.sensitivity.analysis import GroupShares, Sensitivity
    from cluster_emu.study.sensitivity.shares import FactorShare


def sensitivity(
    study_dir: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY_DIR",
            parser=options.path("STUDY_DIR"),
            help="Folder of the results of a study.",
        ),
    ],
    metric: Annotated[
        str,
        typer.Option("--metric", metavar="NAME", help="A figure of results.csv."),
    ] = "downtime_s",
    as_json: options.Json = False,
) -> None:
    """Tell which axis of a study explains how much of the variance of a figure; write it as CSV."""
    from cluster_emu.results.folder_lock import locked
    from cluster_emu.results.result_folder import added_files
    from cluster_emu.results.writing import write_csv
    from cluster_emu.study.sensitivity.analysis import analyse_sensitivity
    from cluster_emu.view import draw_sensitivity, save_figure

    if not (exists(study_dir) and study_dir.is_dir()):
        raise ScenarioError("STUDY_DIR", str(study_dir), "the folder of the results of a study")
    try:
        found = analyse_sensitivity(study_dir, metric)
    except ScenarioError as error:
        names = {"study": "STUDY_DIR", "sample": "STUDY_DIR", "metric": "--metric"}
        field = names.get(error.field, error.field)
        raise ScenarioError(field, error.value, error.allowed) from error
    usable_folder(study_dir)
    table, stem = found.to_frame(), f"sensitivity_{file_name(metric)}"
    with (
        writing_to(study_dir),
        locked(study_dir, field="STUDY_DIR"),
        added_files(study_dir) as place,
    ):
        write_csv(table, place / f"{stem}.csv")
        save_figure(draw_sensitivity(table, metric), place / f"{stem}.png")
    if as_json:
        write_json(found)
        return
    for group in found.groups:
        _show(found, group)
    show_lines("Written", [str(study_dir / f"{stem}.{kind}") for kind in ("csv", "png")])
    show_answer(found.answer)


def _show(found: Sensitivity, group: GroupShares) -> None:
    where = "".join(f", {name} = {value}" for name, value in group.place.items())
    rows = [
        (
            one.factor,
            _percent(one.first),
            _interval(one.first_low, one.first_high),
            _percent(one.total),
            _interval(one.total_low, one.total_high),
            _p_value(one),
        )
        for one in group.shares
    ]
    show_table(
        f"Shares of the variance of {found.metric}{where}: {group.settings} settings, "
        f"{group.seeds} seeds, {found.method}",
        ("factor", "alone %", "95 % interval", "with interactions %", "95 % interval", "p"),
        rows,
    )


def _percent(share: float) -> str:
    return "" if math.isnan(share) else f"{100 * share:.1f}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"[{_percent(low)}, {_percent(high)}]"


def _p_value(one: FactorShare) -> str:
    from cluster_emu.wording import p_value

    return "" if math.isnan(one.p_value) else p_value(one.p_value)
