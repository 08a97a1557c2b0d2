"""`cluster-emu run`: one run of a scenario."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import (
    attributed_to_options,
    chosen_scenario,
    parse_settings,
    usable_folder,
    writing_to,
)
from cluster_emu.cli.output import progress_bar, show_lines, write_json

if TYPE_CHECKING:
    from cluster_emu.results.run_result import RunResult
    from cluster_emu.study.report.run import RunReport


def run(
    scenario: options.Scenario,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Transfer strategy, such as time-series:threshold=3."),
    ] = None,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    csv: Annotated[bool, typer.Option("--csv", help="Also write the tables as CSV.")] = False,
    as_json: options.Json = False,
) -> None:
    """Run a scenario once and show what its migrations did."""
    from cluster_emu.cli.tables import show_run
    from cluster_emu.study import simulate, variants

    folder = usable_folder(out)
    fields = parse_settings(settings)
    started = time.perf_counter()
    with attributed_to_options(scenario, fields, {"strategies": "--strategy"}):
        chosen = chosen_scenario(scenario, fields, traces)
        carried: tuple[str, ...] = ()
        if strategy is not None:
            (variant,) = variants(chosen, [strategy])
            chosen, carried = variant.scenario, variant.assumptions
        # CSV is written from tables in memory
        stream_to = None if csv else folder
        with (
            progress_bar(f"{chosen.name}, simulated s") as progress,
            nullcontext() if stream_to is None else writing_to(stream_to),
        ):
            result = simulate(chosen, seed, progress, stream_to)
    if folder is not None:
        with writing_to(folder):
            result.save(folder, csv=csv, wall_time_s=time.perf_counter() - started)
    report = _report(result, carried, folder)
    if as_json:
        write_json(report)
    else:
        show_run(report)
        where = "nothing (--out DIR writes them)" if folder is None else f"results in {folder}"
        show_lines("Written", [where])


def _report(result: RunResult, carried: tuple[str, ...], folder: Path | None) -> RunReport:
    from cluster_emu.scenario import Choice
    from cluster_emu.study import outcome_counts
    from cluster_emu.study.report.figures import OutcomeCount
    from cluster_emu.study.report.limits import limits_sentence, running_limits, waits
    from cluster_emu.study.report.run import RunReport

    limits = [result.tables["limits"]]
    return RunReport(
        scenario=result.scenario["name"],
        strategy=str(Choice.model_validate(result.scenario["transfer"]["strategy"])),
        seed=result.seed,
        traces=result.traces,
        summary=result.summary,
        outcomes=tuple(
            OutcomeCount(outcome, why, count)
            for (outcome, why), count in sorted(outcome_counts(result).items())
        ),
        limits=limits_sentence(running_limits(limits), waits(limits)),
        notes=result.notes,
        assumptions=(*result.assumptions, *carried),
        out=None if folder is None else str(folder),
    )
