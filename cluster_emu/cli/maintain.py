"""`cluster-emu maintain`: a rolling campaign that reboots all hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Uncertain
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
    show_table,
    write_json,
    write_message,
)
from cluster_emu.wording import interval, number

if TYPE_CHECKING:
    from cluster_emu.study.maintenance.result import CampaignStudy
    from cluster_emu.study.report.figures import MeanFigure
    from cluster_emu.study.report.maintenance import MaintenanceReport

FIGURE = "maintenance"
MOST_LINES = 10

LABELS = {
    "campaign_s": ("until the last host is back", "s"),
    "moves": ("migrations", ""),
    "moves_per_vm": ("migrations per VM", ""),
    "most_moves_of_a_vm": ("migrations of the VM that moves most", ""),
    "capacity_out_share": ("CPU out of service, mean", "share"),
    "reduced_share": ("time with a host out of service", "share"),
    "downtime_max_s": ("downtime of a VM over all its moves, largest", "s"),
    "interrupted_max_s": ("service of a VM interrupted, largest", "s"),
    "interrupted_p50_s": ("service of a VM that moved interrupted, median", "s"),
    "vms_lost": ("VMs lost", ""),
}


def maintain(
    scenario: options.Scenario,
    order: Annotated[
        str | None,
        typer.Option(
            "--order",
            metavar="ORDER",
            help="racks, or how many hosts at a time: 3-at-a-time. The scenario's own, or "
            "1-at-a-time.",
        ),
    ] = None,
    reboot: Annotated[
        str | None,
        typer.Option("--reboot", metavar="TIME", help="How long a host reboots, such as 10m."),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="HOST", help="Hosts of the campaign; all if none is given."),
    ] = None,
    rack: Annotated[
        list[str] | None,
        typer.Option("--rack", metavar="RACK", help="Racks of the campaign, likewise."),
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="A manager's policy, such as kubevirt; none for no policy."),
    ] = None,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help="Transfer strategy, such as post-copy.")
    ] = None,
    parallel: Annotated[
        int | None, options.whole_option("--parallel", 1, "Migrations at once in the cluster.")
    ] = None,
    naive: Annotated[
        bool,
        typer.Option(
            help="Also run the campaigns without avoiding hosts that are emptied next, to compare."
        ),
    ] = True,
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
    """Empty and reboot all hosts, N at a time or by racks: time, moves, interruption per VM."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import maintain as maintain_hosts

    interruptible()
    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    given = {
        "workload.traces": traces and "--traces",
        "transfer.strategy": strategy and "--strategy",
        "transfer.policy": policy and "--policy",
        "manager.max_per_cluster": parallel and "--parallel",
        "maintenance.order": order and "--order",
        "maintenance.reboot_s": reboot and "--reboot",
        "run.uncertain": None if uncertain is None else "--uncertain",
    }
    check_given_once(fields, given)
    check_stop_is_used(fields, [policy] if policy else [], "--policy")
    typed = {field: option for field, option in given.items() if option}
    typed |= {"hosts": "--host", "racks": "--rack", "maintenance.hosts": "--host"}
    typed |= {"maintenance.racks": "--rack"}
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, campaigns") as progress:
                found = maintain_hosts(
                    chosen,
                    order=order,
                    reboot_s=reboot,
                    hosts=host or (),
                    racks=rack or (),
                    policy=policy,
                    strategy=strategy,
                    parallel=parallel,
                    uncertain=uncertain,
                    compare_naive=naive,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json, style, csv=csv, overwrite=overwrite)
            raise
    _report(found, folder, as_json, style, csv=csv, overwrite=overwrite)
    if found.errors:
        raise typer.Exit(FAILED)


def _report(
    found: CampaignStudy,
    folder: Path | None,
    as_json: bool,
    style: options.FigureStyle,
    *,
    csv: bool,
    overwrite: bool,
) -> None:
    written = save_with_figures(
        folder,
        "maintain",
        lambda place: [*found.save(place, csv=csv), *draw(place, place)],
        overwrite=overwrite,
        style=style,
        complete=len(found.runs) == len(found.seeds),
    )
    report = found.report()
    if as_json:
        write_json(report)
    else:
        _show(report)
        nothing = "nothing (--out DIR writes tables and a figure)"
        show_lines("Written", [str(path) for path in written] or [nothing])
        show_answer(report.answer)
    for one in report.errors:
        where = f"replication {one.replication}, seed {one.seed}"
        write_message(f"cluster-emu: run failed: {where}: {one.error}")


def _show(report: MaintenanceReport) -> None:
    title = (
        f"{report.scenario}: {report.hosts} hosts, {report.order}, "
        f"reboot of {report.reboot_s:g} s; "
        f"policy {report.policy}, strategy {report.strategy}, {report.replications} replications"
    )
    rows = [(*LABELS[name], *_cells(getattr(report, name))) for name in LABELS]
    if report.naive is not None:
        saved = "migrations saved by avoiding hosts that are next"
        rows.append((saved, "", *_cells(report.naive.moves_saved)))
        rows.append(("how much longer that takes", "s", *_cells(report.naive.longer_s)))
    show_table(title, ("per campaign", "unit", "mean", "95 % interval"), rows, text_columns=2)
    show_table(
        "VMs interrupted longest, means over the replications",
        ("VM", "migrations", "downtime s", "interrupted s", "largest"),
        [
            (
                each.name or str(each.vm),
                number(each.moves),
                number(each.downtime_s),
                number(each.interrupted_s),
                number(each.longest_interrupted_s),
            )
            for each in report.worst_vms
        ],
        text_columns=1,
    )
    left = [
        f"host {each.name or each.host}, {each.phase} in {len(each.replications)} of "
        f"{report.replications} replications: {each.why or 'the run ended'}"
        for each in report.hosts_left[:MOST_LINES]
    ]
    if (rest := len(report.hosts_left) - MOST_LINES) > 0:
        left.append(f"and {rest} more (maintenance.json has them all)")
    show_lines("Hosts left", left or ["none"])
    show_lines("Assumptions", report.assumptions)


def _cells(figure: MeanFigure) -> tuple[str, str]:
    return number(figure.mean), interval(*figure.ci95)


def draw(folder: Path, out: Path, kind: str | None = None) -> list[Path]:
    """Draw the timeline of a folder that `maintain` wrote; return the files, if any."""
    import pandas as pd

    from cluster_emu.view import draw_maintenance, save_figure
    from cluster_emu.view.style import look

    hosts = pd.read_parquet(folder / "hosts.parquet")
    if not len(hosts):
        return []
    first = hosts[hosts["replication"] == hosts["replication"].iloc[0]]
    which = f"replication {hosts['replication'].iloc[0]}"
    return [
        save_figure(
            draw_maintenance(first, which=which), out / f"{FIGURE}.{kind or look().file_kind}"
        )
    ]
