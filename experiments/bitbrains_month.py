"""How much depends on the assumed step from CPU use to writes? A month of Bitbrains VMs.

    python experiments/bitbrains_month.py --traces BITBRAINS

No public trace holds dirty rates, so every study that replays one assumes how fast a VM writes at a
CPU load. Here 50 VMs follow a month of Bitbrains fastStorage on ten hosts that are consolidated
once a day, some 300 migrations in all. Six mappings from CPU demand to write intensity run under
three transfer strategies, each with the same seeds, and so the same placement, profiles and moves.
The first table compares each mapping with the default one under the same strategy; the second
compares strategies under each mapping: whether the conclusion survives the assumption. The study
is in experiments/studies. After an interruption the same command continues. --quick replays
made-up traces for three days.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.mappings import draw_mappings, mapping_effects
from common.planetlab import with_traces

from cluster_emu import metric_catalogue, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import save_figure

STUDY = Path(__file__).parent / "studies" / "bitbrains_month.toml"
MADE_UP = Path(__file__).parents[1] / "tests" / "data" / "planetlab_made_up"
AXIS = "workload.write_intensity"
SHOWN = ("total_time_s", "downtime_s", "bytes")
SMALL = {"run.duration_s": "3 d", "vms.0.memory_bytes": "64 MiB"}
FULL = 8


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the changes that the options make in the study."""
    own = tomllib.loads(STUDY.read_text("utf-8"))
    often = how_often(args, full=FULL, quick=2)
    fields = own["fields"] | {"workload.traces": str((args.traces or MADE_UP).resolve())}
    changed: dict[str, Any] = {"seed": often["seed"], "replications": often["replications"]}
    if args.quick:
        fields |= SMALL
        changed["strategies"] = own["strategies"][:2]
        changed["axes"] = {AXIS: own["axes"]["workload"]["write_intensity"][:3]}
    return changed | {"fields": fields}


def strategy_effects(paired: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of strategies from the first one in percent, by mapping."""
    rows = paired[paired["metric"].isin(SHOWN) & (paired["a"] == paired["a"].iloc[0])]
    keys = [AXIS, "metric", "a"]
    base = means.rename(columns={"strategy": "a", "mean": "base_mean"})
    rows = rows.merge(base[[*keys, "base_mean"]], on=keys, validate="many_to_one")
    names = {"mean_difference": "percent", "ci95_low": "low_percent", "ci95_high": "high_percent"}
    for absolute, relative in names.items():
        rows[relative] = 100 * rows[absolute].astype(float) / rows["base_mean"].astype(float)
    return rows


def interval(row: Any) -> str:
    """Return a difference of a metric with its interval as text."""
    label = metric_catalogue[row.metric].label
    return f"{label} {row.percent:+.1f} % [{row.low_percent:+.1f}, {row.high_percent:+.1f}]"


def sentences(mappings: pd.DataFrame, strategies: pd.DataFrame) -> Iterator[str]:
    """Yield what was found as sentences."""
    for (strategy, mapping), group in mappings.groupby(["strategy", "mapping"], sort=False):
        parts = "; ".join(interval(row) for row in group.itertuples())
        yield f"{mapping} against the default, {strategy}: {parts}."
    for (mapping, a, b), group in strategies.groupby([AXIS, "a", "b"], sort=False):
        parts = "; ".join(interval(row) for row in group.itertuples())
        yield f"{b} against {a}, {mapping}: {parts}."


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = with_traces(study_options(__doc__, "bitbrains_month"), "a month of Bitbrains")
    names = ["bitbrains_month.png", "mappings.csv", "strategies.csv", "runs"]
    with continued_result(args, "bitbrains_month", names):
        jobs = how_often(args, full=FULL, quick=2)["jobs"]
        runs = args.out / "runs"
        study = changes(args)
        batch = run_batch(STUDY, out=runs, jobs=jobs, changes=study, progress=show_progress)
        if len(batch.failed):
            print(batch.failed.to_string(), file=sys.stderr)
            return 1
        mappings = mapping_effects(batch.table, AXIS, SHOWN)
        strategies = strategy_effects(batch.paired, batch.means)
        count = batch.table["replication"].nunique()
        title = f"Mappings against {batch.table[AXIS].iloc[0]} ({count} seeds, 95 % intervals)"
        figure = draw_mappings(mappings, SHOWN, title)
        files = [save_figure(figure, args.out / names[0]), *(args.out / n for n in names[1:3])]
        write_csv(mappings, files[1])
        write_csv(strategies, files[2])
        complete_result(args.out)
        print(*sentences(mappings, strategies), sep="\n")
        print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
