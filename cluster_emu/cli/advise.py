"""`cluster-emu advise`: which policy, strategy and parallelism should empty these hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import (
    Hosts,
    Racks,
    Uncertain,
    VMs,
    hosts_in_words,
    numbers,
    options_by_field,
)
from cluster_emu.cli.group import interruptible
from cluster_emu.cli.inputs import (
    attributed_to_options,
    check_given_once,
    check_stop_is_used,
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
from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_REPLICATIONS
from cluster_emu.wording import number

if TYPE_CHECKING:
    from cluster_emu.study import Advice, MaintenanceAdvice
    from cluster_emu.study.report.advice import AdviceReport, OptionReport

CAMPAIGN_OPTIONS = {
    "maintenance.order": "--orders",
    "maintenance.reboot_s": "--reboot",
    "maintenance.hosts": "--host",
    "maintenance.racks": "--rack",
    "hosts": "--host",
    "racks": "--rack",
    "orders": "--orders",
    "policies": "--policies",
    "transfer.policy": "--policies",
    "run.uncertain": "--uncertain",
}
"""Options of advice on campaigns by the field that each sets."""


def advise(
    scenario: options.Scenario,
    host: Hosts = None,
    rack: Racks = None,
    vm: VMs = None,
    max_downtime: Annotated[
        float,
        typer.Option(
            "--max-downtime",
            metavar="SECONDS",
            help="For how long any VM's service may be interrupted: downtime and stalls after it.",
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
        str | None,
        typer.Option(
            "--parallel", metavar="N[,N]", help="Migrations at once to try; 1,2,4,8 without it."
        ),
    ] = None,
    orders: Annotated[
        str | None,
        typer.Option(
            "--orders",
            metavar="ORDER[,ORDER]",
            help="Advise on a campaign that reboots all hosts, or those named: orders to try, such "
            "as 1-at-a-time,3-at-a-time,racks.",
        ),
    ] = None,
    reboot: Annotated[
        str | None,
        typer.Option(
            "--reboot", metavar="TIME", help="With --orders: how long a host reboots, such as 10m."
        ),
    ] = None,
    any_pair: Annotated[
        bool,
        typer.Option(
            "--any-pair", help="Also try post-copy with managers that do not have it as they are."
        ),
    ] = False,
    uncertain: Uncertain = None,
    replications: Annotated[
        int,
        options.whole_option(
            "--replications", 1, "Seeds of the options that are confirmed.", MOST_REPLICATIONS
        ),
    ] = 5,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 1,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    csv: options.Csv = True,
    as_json: options.Json = False,
) -> None:
    """Search policies, strategies and parallelism for the fastest drain with short breaks."""
    from cluster_emu.study import StudyInterrupted, advise_on_maintenance
    from cluster_emu.study import advise as advise_on

    interruptible()
    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    check_given_once(
        fields,
        {
            "workload.traces": traces and "--traces",
            "manager.max_per_cluster": None if orders else "--parallel",
            "run.uncertain": None if uncertain is None else "--uncertain",
        },
    )
    tried = [] if policies is None else split_strategies(policies)
    check_stop_is_used(fields, tried, "--policies")
    if orders is not None:
        with attributed_to_options(scenario, fields, CAMPAIGN_OPTIONS):
            chosen = chosen_scenario(scenario, fields, traces)
            if strategies is not None or parallel is not None or vm:
                option = "--vm" if vm else "--strategies" if strategies else "--parallel"
                raise ScenarioError("--orders", orders, f"no {option} beside it")
            with progress_bar(f"{chosen.name}, campaigns") as progress:
                campaigns = advise_on_maintenance(
                    chosen,
                    orders=[order.strip() for order in orders.split(",")],
                    policies=tried if policies is not None else None,
                    max_interrupted_s=max_downtime,
                    reboot_s=reboot,
                    hosts=host or (),
                    racks=rack or (),
                    uncertain=uncertain,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        _report_campaigns(campaigns, folder, as_json, csv=csv, overwrite=overwrite)
        return
    if reboot is not None:
        raise ScenarioError("--reboot", reboot, "only with --orders")
    at_once = numbers("--parallel", [parallel or "1,2,4,8"])
    typed = options_by_field(
        host or (),
        policy=policies and "--policies",
        strategy=strategies and "--strategies",
    )
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, drains") as progress:
                advice = advise_on(
                    chosen,
                    hosts=host or (),
                    racks=rack or (),
                    vms=vm or (),
                    max_downtime_s=max_downtime,
                    policies=tried if policies is not None else None,
                    strategies=None if strategies is None else split_strategies(strategies),
                    parallel=at_once,
                    any_pair=any_pair,
                    uncertain=uncertain,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json, csv=csv, overwrite=overwrite)
            raise
    _report(advice, folder, as_json, csv=csv, overwrite=overwrite)


def _report_campaigns(
    advice: MaintenanceAdvice, folder: Path | None, as_json: bool, *, csv: bool, overwrite: bool
) -> None:
    written = []
    if folder is not None:
        with writing_to(folder):
            written = advice.save(folder, csv=csv, overwrite=overwrite)
    report = advice.report()
    if as_json:
        write_json(report)
        return
    title = (
        f"{report.scenario}: campaigns with reboots of {report.reboot_s:g} s, "
        f"{report.replications} replications of each"
    )
    header = (
        *("policy", "order", "p95 s", "interrupted s"),
        *("migrations", "CPU out %", "hosts left"),
    )
    rows = [
        (
            *(way.policy, way.order, number(way.campaign_p95_s)),
            *(number(way.worst_interrupted_s), number(way.moves)),
            *(number(100 * way.capacity_out_share), str(way.hosts_left)),
        )
        for way in report.ways
    ]
    show_table(title, header, rows, text_columns=2)
    if report.recommended is not None:
        best = report.ways[report.recommended]
        show_lines("Recommended", [f"--order {best.order} --policy {best.policy}"])
    show_lines("Assumptions", report.assumptions)
    nothing = "nothing (--out DIR writes tables)"
    show_lines("Written", [str(path) for path in written] or [nothing])
    show_answer(report.answer)


def _report(
    advice: Advice, folder: Path | None, as_json: bool, *, csv: bool, overwrite: bool
) -> None:

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
    show_answer(report.answer)


def _show(report: AdviceReport) -> None:
    header = (
        *("policy", "strategy", "at once", "drain s", "its range s"),
        *("downtime s", "interrupted s", "data GB", "runs"),
    )
    title = (
        f"{report.scenario}: {report.vms_to_move} "
        f"{'VM leaves' if report.vms_to_move == 1 else 'VMs leave'} "
        f"{hosts_in_words(report.hosts, report.host_names)}; "
        f"Pareto front in drain time (p95), worst interruption and bytes of {report.comparison}"
    )
    first = [report.pareto[group[0]] for group in report.alike]
    show_table(title, header, [_row(one) for one in first], text_columns=2)
    show_lines("Alike within 1 %", [_alike(report, group) for group in report.alike])
    if report.tried < report.combinations:
        show_lines("Interrupted", [f"{report.tried} of {report.combinations} combinations ran"])
    chosen = report.recommendation
    command = f"--policy {chosen.policy} --strategy {chosen.strategy}"
    show_lines("Recommended", [f"{command} --parallel {chosen.parallel}", chosen.reason])
    show_lines("CPU traces", [report.traces])
    show_lines("Assumptions", report.assumptions)


def _alike(report: AdviceReport, group: tuple[int, ...]) -> str:
    """Return which ways of the front are shown by another one; empty if none is."""
    first, *others = (report.pareto[place] for place in group)
    if not others:
        return ""
    return f"{_name(first)}: also {'; '.join(map(_name, others))}"


def _name(one: OptionReport) -> str:
    at_once = one.possible_at_once if one.parallel is None else one.parallel
    return f"{one.policy}, {one.strategy}, {at_once} at once"


def _range(one: OptionReport) -> str:
    """Return the shortest and the longest drain, empty for one run."""
    if one.replications < 2:
        return ""
    return f"{number(one.drain_min_s)} to {number(one.drain_max_s)}"


def _row(one: OptionReport) -> tuple[str, ...]:
    from cluster_emu.study.evacuation.plan import at_once_in_words

    limit = one.possible_at_once if one.parallel is None else one.parallel
    return (
        one.policy,
        one.strategy,
        at_once_in_words(limit, one.possible_at_once),
        number(one.drain_p95_s),
        _range(one),
        number(one.worst_downtime_s),
        number(one.worst_interrupted_s),
        number(None if one.bytes is None else one.bytes * 1e-9),
        str(one.replications),
    )
