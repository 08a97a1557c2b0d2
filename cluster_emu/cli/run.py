"""`cluster-emu run`: one run of a scenario."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Hosts, Racks, VMs, options_by_field
from cluster_emu.cli.group import interruptible
from cluster_emu.cli.inputs import (
    WHICH,
    attributed_to_options,
    check_given_once,
    chosen_scenario,
    parse_settings,
    result_folder,
    writing_to,
)
from cluster_emu.cli.output import progress_bar, show_answer, show_lines, write_json, write_message

if TYPE_CHECKING:
    from cluster_emu.results.run_result import RunResult
    from cluster_emu.scenario import Scenario
    from cluster_emu.study.report.run import RunReport


def run(
    scenario: options.Scenario,
    host: Hosts = None,
    rack: Racks = None,
    vm: VMs = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Transfer strategy, such as time-series:threshold=3."),
    ] = None,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    overwrite: options.Overwrite = False,
    csv: options.Csv = False,
    as_json: options.Json = False,
) -> None:
    """Run a scenario once and show what its migrations did."""
    from cluster_emu.cli.tables import show_run
    from cluster_emu.results.result_folder import new_result
    from cluster_emu.study import RunInterrupted, simulate, variants

    interruptible()
    folder = result_folder(out, overwrite=overwrite)
    fields = parse_settings(settings)
    check_given_once(
        fields,
        {"workload.traces": traces and "--traces", "transfer.strategy": strategy and "--strategy"},
    )
    named = options_by_field(host or (), policy=None, strategy=strategy and "--strategy")
    typed = {field: option for field, option in named.items() if field not in WHICH}
    started = time.perf_counter()
    with attributed_to_options(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        with attributed_to_options(scenario, fields, named):
            chosen = with_drain(chosen, host or (), rack or (), vm or ())
        carried: tuple[str, ...] = ()
        if strategy is not None:
            (variant,) = variants(chosen, [strategy])
            chosen, carried = variant.scenario, variant.assumptions
        with progress_bar(f"{chosen.name}, simulated s") as progress:
            if folder is None:
                result = simulate(chosen, seed, progress)
            else:
                with (
                    writing_to(folder),
                    new_result(folder, "run", overwrite=overwrite) as place,
                ):
                    # CSV is written from tables in memory
                    try:
                        result = simulate(chosen, seed, progress, None if csv else place)
                    except RunInterrupted as interrupt:
                        _save_partial(interrupt.partial, place, folder, csv)
                        raise
                    result.save(place, csv=csv, wall_time_s=time.perf_counter() - started)
    report = _report(result, carried, folder)
    if as_json:
        write_json(report)
    else:
        show_run(report)
        where = "nothing (--out DIR writes them)" if folder is None else f"results in {folder}"
        show_lines("Written", [where])
        show_answer(report.answer)


def with_drain(
    scenario: Scenario, hosts: Sequence[str], racks: Sequence[str], vms: Sequence[str]
) -> Scenario:
    """Return the scenario with a drain before its own triggers, if something is to be emptied."""
    if not (hosts or racks or vms):
        return scenario
    from cluster_emu.study.evacuation.plan import named_in

    drain = {"name": "drain", **named_in(scenario, hosts=hosts, racks=racks, vms=vms)}
    own = [trigger.model_dump() for trigger in scenario.manager.triggers]
    return scenario.with_fields({"manager.triggers": [drain, *own]})


def _save_partial(result: RunResult, place: Path, folder: Path, csv: bool) -> None:
    """Save what an interrupted run has, and say where."""
    result.save(place, csv=csv)
    until = f"{result.interrupted_at_s:g} of {result.scenario['run']['duration_s']:g} simulated s"
    write_message(f"cluster-emu: interrupted at {until}; what there is until then is in {folder}")


def _report(result: RunResult, carried: tuple[str, ...], folder: Path | None) -> RunReport:
    from cluster_emu.scenario import Choice
    from cluster_emu.study import outcome_counts
    from cluster_emu.study.report.answers import run_answer
    from cluster_emu.study.report.figures import OutcomeCount
    from cluster_emu.study.report.limits import limits_sentence, running_limits, waits
    from cluster_emu.study.report.links import busiest_link, links_sentence
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
        limits=" ".join(
            sentence
            for sentence in (
                limits_sentence(running_limits(limits), waits(limits)),
                links_sentence(busiest_link(result)),
            )
            if sentence
        ),
        notes=result.notes,
        answer=run_answer(result.summary),
        assumptions=(*result.assumptions, *carried),
        out=None if folder is None else str(folder),
    )
