"""`cluster-emu evacuate`: how long it takes to empty hosts, and what their VMs notice."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.drains import Hosts, Racks, blamed, numbers
from cluster_emu.cli.group import FAILED
from cluster_emu.cli.inputs import (
    blaming,
    chosen_scenario,
    parse_settings,
    usable_folder,
    writing_to,
)
from cluster_emu.cli.output import progress_bar, say, show_lines, warn, write_json

if TYPE_CHECKING:
    from cluster_emu.study import Evacuation

REPORT = "evacuation.json"
FIGURE = "evacuation.png"


def evacuate(
    scenario: options.Scenario,
    host: Hosts = None,
    rack: Racks = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="A manager's policy, such as kubevirt; none for none."),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option("--strategy", help="Transfer strategy, such as time-series:threshold=3."),
    ] = None,
    parallel: Annotated[
        int | None, options.whole_option("--parallel", 1, "Migrations at once in the cluster.")
    ] = None,
    replications: Annotated[int, options.whole_option("--replications", 1, "Number of seeds.")] = 5,
    settings: options.Settings = None,
    traces: options.Traces = None,
    seed: options.Seed = 0,
    jobs: options.Jobs = 1,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """Empty hosts or racks: drain time, downtime per VM, bytes, failures, slow-down."""
    from cluster_emu.study import StudyInterrupted
    from cluster_emu.study import evacuate as evacuate_hosts

    folder = usable_folder(out)
    fields = parse_settings(settings)
    hosts, racks = numbers("--host", host), numbers("--rack", rack)
    typed = blamed(hosts, policy=policy and "--policy", strategy=strategy and "--strategy")
    with blaming(scenario, fields, typed):
        chosen = chosen_scenario(scenario, fields, traces)
        try:
            with progress_bar(f"{chosen.name}, drains") as progress:
                evacuation = evacuate_hosts(
                    chosen,
                    hosts=hosts,
                    racks=racks,
                    policy=policy,
                    strategy=strategy,
                    parallel=parallel,
                    replications=replications,
                    seed=seed,
                    jobs=jobs,
                    progress=progress,
                )
        except StudyInterrupted as interrupt:
            _report(interrupt.partial, folder, as_json)
            raise
    _report(evacuation, folder, as_json)
    if evacuation.errors:
        raise typer.Exit(FAILED)


def _report(evacuation: Evacuation, folder: Path | None, as_json: bool) -> None:
    from cluster_emu.cli.evacuation_tables import show_evacuation

    written = []
    if folder is not None:
        with writing_to(folder):
            written = [*evacuation.save(folder), *draw(folder, folder)]
    if as_json:
        write_json(evacuation.document())
    else:
        show_evacuation(evacuation.document())
        nothing = "nothing (--out DIR writes tables and a figure)"
        show_lines("Written", [str(path) for path in written] or [nothing])
    warn(evacuation.warnings)
    for one in evacuation.errors:
        where = f"replication {one['replication']}, seed {one['seed']}"
        say(f"cluster-emu: run failed: {where}: {one['error']}")


def draw(folder: Path, out: Path) -> list[Path]:
    """Draw the typical drain of a folder that `evacuate` wrote; return the files, if any."""
    import pandas as pd

    from cluster_emu.view import draw_drain, save_figure

    document = json.loads((folder / REPORT).read_text("utf-8"))
    typical = document["typical"]
    if typical is None:
        return []
    migrations, rounds = (
        pd.read_parquet(folder / f"{name}.parquet") for name in ("migrations", "rounds")
    )
    drain_s = math.inf if typical["drain_s"] is None else typical["drain_s"]
    which = f"replication {typical['replication']}, the median of {document['drain_s']['runs']}"
    figure = draw_drain(migrations, rounds, drain_s=drain_s, which=which)
    return save_figure(figure, out / FIGURE)
