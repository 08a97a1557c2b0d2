"""`cluster-emu compare`: strategies on one scenario, paired by seed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import FAILED, interruptible
from cluster_emu.cli.inputs import (
    attributed_to_options,
    check_given_once,
    chosen_scenario,
    parse_settings,
    parse_smallest_differences,
    result_folder,
    save_with_figures,
    split_strategies,
)
from cluster_emu.cli.output import progress_bar, show_answer, show_lines, write_json, write_message

if TYPE_CHECKING:
    from cluster_emu.study import Comparison
    from cluster_emu.study.report.comparison import ComparisonReport

FIGURE = "comparison"


def compare(
    scenario: options.Scenario,
    strategies: Annotated[
        str,
        typer.Option(
            "--strategies",
            "--strategy",
            help="Transfer strategies with commas between them, such as "
            "time-series:threshold=3,history=5,history-majority.",
        ),
    ],
    replications: options.Replications = 10,
    until: options.Until = None,
    smallest: options.SmallestDifferences = None,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 1,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    csv: options.Csv = True,
    style: options.Style = options.FigureStyle.LIGHT,
    as_json: options.Json = False,
) -> None:
    """Compare transfer strategies with the same seeds: means, paired differences, verdicts."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import compare as compare_strategies

    interruptible()
    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    check_given_once(fields, {"workload.traces": traces and "--traces"})
    typed = {
        "strategies": "--strategies",
        "smallest_differences": "--smallest-difference",
        "until": "--until",
    }
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, runs") as progress:
                comparison = compare_strategies(
                    chosen,
                    split_strategies(strategies),
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    smallest_differences=parse_smallest_differences(smallest),
                    until=until or (),
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json, style, csv=csv, overwrite=overwrite)
            raise
    _report(comparison, folder, as_json, style, csv=csv, overwrite=overwrite)
    if comparison.failures:
        raise typer.Exit(FAILED)


def _report(
    comparison: Comparison,
    folder: Path | None,
    as_json: bool,
    style: options.FigureStyle,
    *,
    csv: bool,
    overwrite: bool,
) -> None:
    from cluster_emu.cli.tables import show_comparison

    report = comparison.report()
    written = save_with_figures(
        folder,
        "compare",
        lambda place: [*comparison.save(place, csv=csv), draw(report, place)],
        overwrite=overwrite,
        style=style,
        complete=report.replications == report.replications_wanted,
    )
    if as_json:
        write_json(report)
    else:
        show_comparison(report)
        nothing = "nothing (--out DIR writes tables and a figure)"
        show_lines("Written", [str(path) for path in written] or [nothing])
        show_answer(report.answer)
    for one in report.failures:
        where = f"{one.strategy}, replication {one.replication}, seed {one.seed}"
        write_message(f"cluster-emu: run failed: {where}: {one.error}")


def draw(report: ComparisonReport, folder: Path, kind: str | None = None) -> Path:
    """Draw the comparison into the folder and return the figure's path."""
    from cluster_emu.view import draw_comparison, save_figure
    from cluster_emu.view.style import look

    return save_figure(draw_comparison(report), folder / f"{FIGURE}.{kind or look().file_kind}")
