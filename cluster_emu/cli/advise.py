"""`cluster-emu advise`: which policy, strategy and parallelism should empty these hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Hosts, Racks, hosts_in_words, numbers, options_by_field
from cluster_emu.cli.inputs import (
    attributed_to_options,
    chosen_scenario,
    parse_settings,
    result_folder,
    split_strategies,
    writing_to,
)
from cluster_emu.cli.output import (
    progress_bar,
    show_answer,
    show_lines,
    show_table,
    warn,
    write_json,
)
from cluster_emu.wording import number

if TYPE_CHECKING:
    from cluster_emu.study import Advice
    from cluster_emu.study.report.advice import AdviceReport, OptionReport


def advise(
    scenario: options.Scenario,
    host: Hosts = None,
    rack: Racks = None,
    max_downtime: Annotated[
        float,
        typer.Option(
            "--max-downtime", metavar="SECONDS", help="The longest downtime any VM may have."
        ),
    ] = 0.5,
    policies: Annotated[
        str | None,
        typer.Option(
            "--policies",
            help="Managers' policies with commas between them; by default the scenario's own and "
            "kubevirt, nova, ovirt-minimal-downtime, proxmox, vmotion.",
        ),
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(
            "--strategies",
            help="Transfer strategies with commas between them; by default the scenario's own and "
            "qemu, history-majority, hybrid.",
        ),
    ] = None,
    parallel: Annotated[
        str, typer.Option("--parallel", metavar="N[,N]", help="Migrations at once to try.")
    ] = "1,2,4,8",
    replications: Annotated[
        int, options.whole_option("--replications", 1, "Seeds of the options that are confirmed.")
    ] = 3,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 1,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    csv: options.Csv = True,
    as_json: options.Json = False,
) -> None:
    """Search policies, strategies and parallelism for the fastest drain with short downtimes."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import advise as advise_on

    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    hosts, racks = numbers("--host", host), numbers("--rack", rack)
    at_once = numbers("--parallel", [parallel])
    typed = options_by_field(
        hosts,
        policy=policies and "--policies",
        strategy=strategies and "--strategies",
    )
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, drains") as progress:
                advice = advise_on(
                    chosen,
                    hosts=hosts,
                    racks=racks,
                    max_downtime_s=max_downtime,
                    policies=None if policies is None else split_strategies(policies),
                    strategies=None if strategies is None else split_strategies(strategies),
                    parallel=at_once,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json, csv=csv, overwrite=overwrite)
            raise
    _report(advice, folder, as_json, csv=csv, overwrite=overwrite)


def _report(
    advice: Advice, folder: Path | None, as_json: bool, *, csv: bool, overwrite: bool
) -> None:
    from cluster_emu.study.report.answers import advice_answer

    written = []
    warn(advice.recommended.evacuation.warnings)
    if folder is not None:
        with writing_to(folder):
            written = advice.save(folder, csv=csv, overwrite=overwrite)
    report = advice.report()
    if as_json:
        write_json(report)
        return
    _show(report)
    nothing = "nothing (--out DIR writes tables)"
    show_lines("Written", [str(path) for path in written] or [nothing])
    show_answer(advice_answer(report))


def _show(report: AdviceReport) -> None:
    header = ("policy", "strategy", "at once", "drain s", "downtime s", "data GB", "runs")
    title = (
        f"{report.scenario}: {report.vms_to_move} VMs leave {hosts_in_words(report.hosts)}; "
        f"Pareto front in drain time (p95), worst downtime and bytes of {report.comparison}"
    )
    show_table(title, header, [_row(one) for one in report.pareto], text_columns=2)
    if report.tried < report.combinations:
        show_lines("Interrupted", [f"{report.tried} of {report.combinations} combinations ran"])
    chosen = report.recommendation
    command = f"--policy {chosen.policy} --strategy {chosen.strategy}"
    show_lines("Recommended", [f"{command} --parallel {chosen.parallel}", chosen.reason])
    show_lines("CPU traces", [report.traces])
    show_lines("Assumptions", report.assumptions)


def _row(one: OptionReport) -> tuple[str, ...]:
    from cluster_emu.study.evacuation.plan import at_once_in_words

    limit = one.possible_at_once if one.parallel is None else one.parallel
    return (
        one.policy,
        one.strategy,
        at_once_in_words(limit, one.possible_at_once),
        number(one.drain_p95_s),
        number(one.worst_downtime_s),
        number(None if one.bytes is None else one.bytes * 1e-9),
        str(one.replications),
    )
