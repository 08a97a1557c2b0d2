"""`cluster-emu advise`: which policy, strategy and parallelism should empty these hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Hosts, Racks, blamed, hosts_in_words, numbers
from cluster_emu.cli.inputs import (
    blaming,
    chosen_scenario,
    parse_settings,
    split_strategies,
    usable_folder,
    writing_to,
)
from cluster_emu.cli.output import number, progress_bar, show_lines, show_table, warn, write_json

if TYPE_CHECKING:
    from cluster_emu.study import Advice

Document = dict[str, Any]


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
        int, options.whole_option("--replications", 1, "Seeds of those closely looked at.")
    ] = 3,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 1,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Search policies, strategies and parallelism for the fastest drain with short downtimes."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import advise as advise_on

    folder = usable_folder(out)
    fields = parse_settings(settings)
    hosts, racks = numbers("--host", host), numbers("--rack", rack)
    at_once = numbers("--parallel", [parallel])
    typed = blamed(hosts, policy=policies and "--policies", strategy=strategies and "--strategies")
    with blaming(scenario, fields, typed):
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
            _report(interrupt.partial, folder, as_json)
            raise
    _report(advice, folder, as_json)


def _report(advice: Advice, folder: Path | None, as_json: bool) -> None:
    written = []
    warn(advice.recommended.evacuation.warnings)
    if folder is not None:
        with writing_to(folder):
            written = advice.save(folder)
    if as_json:
        write_json(advice.document())
        return
    _show(advice.document())
    nothing = "nothing (--out DIR writes tables)"
    show_lines("Written", [str(path) for path in written] or [nothing])


def _show(document: Document) -> None:
    header = ("policy", "strategy", "at once", "drain s", "downtime s", "data GB", "runs")
    title = (
        f"{document['scenario']}: {document['vms_to_move']} VMs leave "
        f"{hosts_in_words(document['hosts'])}; not beaten in drain time (p95), worst "
        f"downtime and bytes among {document['comparison']}"
    )
    show_table(title, header, [_row(one) for one in document["pareto"]], text_columns=2)
    if document["tried"] < document["combinations"]:
        show_lines("Broken off", [f"of {document['combinations']} ways there were to try"])
    chosen = document["recommendation"]
    command = f"--policy {chosen['policy']} --strategy {chosen['strategy']}"
    at_once = f"--parallel {chosen['parallel']}"
    show_lines("Recommended", [f"{command} {at_once}", chosen["reason"]])
    show_lines("CPU traces", [document["traces"]])
    show_lines("Assumptions", document["assumptions"])


def _row(one: Document) -> tuple[str, ...]:
    from cluster_emu.study.evacuation.plan import at_once_in_words

    sent = None if one["bytes"] is None else one["bytes"] * 1e-9
    return (
        one["policy"],
        one["strategy"],
        at_once_in_words(one["parallel"], one["possible_at_once"]),
        number(one["drain_p95_s"]),
        number(one["worst_downtime_s"]),
        number(sent),
        str(one["replications"]),
    )
