"""`cluster-emu evacuate`: how long it takes to empty hosts, and what it costs their VMs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Hosts, Racks, Uncertain, VMs, options_by_field
from cluster_emu.cli.group import FAILED, interruptible
from cluster_emu.cli.inputs import (
    attributed_to_options,
    check_given_once,
    check_stop_is_used,
    chosen_scenario,
    parse_settings,
    result_folder,
    save_with_figures,
)
from cluster_emu.cli.output import (
    progress_bar,
    show_answer,
    show_lines,
    warn,
    write_json,
    write_message,
)

if TYPE_CHECKING:
    from cluster_emu.study import Evacuation

REPORT = "evacuation.json"
FIGURE = "evacuation"


def evacuate(
    scenario: options.Scenario,
    host: Hosts = None,
    rack: Racks = None,
    vm: VMs = None,
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy",
            help="A manager's policy, such as kubevirt, in place of the scenario's policy or stop "
            "rule; none for no policy.",
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Transfer strategy, such as time-series:threshold=3."),
    ] = None,
    parallel: Annotated[
        int | None, options.whole_option("--parallel", 1, "Migrations at once in the cluster.")
    ] = None,
    within: Annotated[
        float | None,
        typer.Option(
            "--within",
            metavar="TIME",
            parser=options.seconds("--within"),
            help="A window, such as 30m: the probability that the drain fits, and which VMs stand "
            "in the way.",
        ),
    ] = None,
    replications: options.Replications = 5,
    uncertain: Uncertain = None,
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
    """Empty hosts or racks: drain time, service interrupted per VM, bytes, VMs not drained."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import evacuate as evacuate_hosts

    interruptible()
    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    check_given_once(
        fields,
        {
            "workload.traces": traces and "--traces",
            "transfer.strategy": strategy and "--strategy",
            "transfer.policy": policy and "--policy",
            "manager.max_per_cluster": parallel and "--parallel",
            "run.uncertain": None if uncertain is None else "--uncertain",
        },
    )
    check_stop_is_used(fields, [policy] if policy else [], "--policy")
    typed = options_by_field(
        host or (), policy=policy and "--policy", strategy=strategy and "--strategy"
    )
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, drains") as progress:
                evacuation = evacuate_hosts(
                    chosen,
                    hosts=host or (),
                    racks=rack or (),
                    vms=vm or (),
                    policy=policy,
                    strategy=strategy,
                    parallel=parallel,
                    uncertain=uncertain,
                    within_s=within,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json, style, csv=csv, overwrite=overwrite)
            raise
    _report(evacuation, folder, as_json, style, csv=csv, overwrite=overwrite)
    if evacuation.errors:
        raise typer.Exit(FAILED)


def _report(
    evacuation: Evacuation,
    folder: Path | None,
    as_json: bool,
    style: options.FigureStyle,
    *,
    csv: bool,
    overwrite: bool,
) -> None:
    from cluster_emu.cli.evacuation_tables import show_evacuation

    written = save_with_figures(
        folder,
        "evacuate",
        lambda place: [*evacuation.save(place, csv=csv), *draw(place, place)],
        overwrite=overwrite,
        style=style,
        complete=len(evacuation.replications) == evacuation.wanted,
    )
    report = evacuation.report()
    if as_json:
        write_json(report)
    else:
        show_evacuation(report)
        nothing = "nothing (--out DIR writes tables and a figure)"
        show_lines("Written", [str(path) for path in written] or [nothing])
        show_answer(report.answer)
    warn(report.warnings)
    for one in report.errors:
        where = f"replication {one.replication}, seed {one.seed}"
        write_message(f"cluster-emu: run failed: {where}: {one.error}")


def draw(folder: Path, out: Path, kind: str | None = None) -> list[Path]:
    """Draw the median drain of a folder that `evacuate` wrote; return the files, if any."""
    import pandas as pd

    from cluster_emu.study.report.evacuation import EvacuationReport
    from cluster_emu.study.report.reading import read_report
    from cluster_emu.view import draw_drain, save_figure
    from cluster_emu.view.style import look

    report = read_report(EvacuationReport, folder / REPORT)
    median = report.median_replication
    if median is None:
        return []
    migrations, rounds = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("migrations", "rounds")
    )
    drain_s = math.inf if median.drain_s is None else median.drain_s
    which = f"replication {median.replication}, the median of {report.drain_s.runs}"
    figure = draw_drain(migrations, rounds, drain_s=drain_s, which=which)
    return [save_figure(figure, out / f"{FIGURE}.{kind or look().file_kind}")]
