"""Which matters more on a day of a cluster: the consolidation policy or the transfer strategy?

    python experiments/grid_cluster.py --traces PLANETLAB_DAY --out results/grid_cluster

Runs the scenario `cloudsim-planetlab` (800 hosts, 1,052 VMs) for a day under four consolidation
policies and four transfer strategies, each with the same seeds, and tells how much of the variance
of energy, migrations, interruption and service violation (ESV) each of the two explains: alone, and
with its interaction. The study is in experiments/studies; after an interruption the same command
continues. --hours shortens the day. --quick takes 16 hosts, 32 VMs, two hours and made-up traces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.planetlab import study_changes, with_traces

from cluster_emu import Batch, analyse_sensitivity, metric_catalogue, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import draw_sensitivity, save_figure

STUDY = Path(__file__).parent / "studies" / "grid_cluster.toml"
METRICS = ("energy_kwh", "migrations", "interrupted_s", "esv_kwh")
NAMES = {"variant": "policy"}


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the changes that the options make in the study."""
    changed = study_changes(args, STUDY, full=3, axes={})
    hours = 2.0 if args.quick else args.hours
    changed["fields"]["run.duration_s"] = 3600 * hours
    return changed


def shares(batch: Batch) -> pd.DataFrame:
    """Return the shares of the variance that policy and strategy explain, of every metric."""
    tables = []
    for name in METRICS:
        table = analyse_sensitivity(batch, name).to_frame()
        table.insert(0, "metric", metric_catalogue[name].label)
        tables.append(table.assign(factor=table["factor"].replace(NAMES)))
    return pd.concat(tables, ignore_index=True)


def sentences(batch: Batch, found: pd.DataFrame) -> Iterator[str]:
    """Yield the shares of each metric, and its lowest and highest mean."""
    means = batch.means
    for name in METRICS:
        metric = metric_catalogue[name]
        of = found[found["metric"] == metric.label].set_index("factor")
        words = [
            f"{factor} {100 * row['first']:.0f} %"
            + (f" [{100 * row['first_low']:.0f}, {100 * row['first_high']:.0f}]" * has_ends)
            for factor, row in of.iterrows()
            for has_ends in [bool(row["first_low"] == row["first_low"])]
        ]
        rows = means[means["metric"] == name].astype({"mean": float}).sort_values("mean")
        ends = [
            f"{metric.scale * row['mean']:.4g} {metric.unit}".rstrip()
            + f" ({row['variant']}, {row['strategy']})"
            for _, row in rows.iloc[[0, -1]].iterrows()
        ]
        yield f"{metric.label}: {', '.join(words)}; means from {ends[0]} to {ends[1]}."


def main() -> int:
    """Open the folder of the results, or continue there."""
    parser = study_options(__doc__, "grid_cluster")
    parser.add_argument("--hours", type=float, default=24.0, metavar="H", help="hours of the day")
    args = with_traces(parser)
    names = ["grid_cluster", "grid_cluster.csv", "grid_cluster.png"]
    with continued_result(args, "grid_cluster", names):
        return cluster(args)


def cluster(args: argparse.Namespace) -> int:
    """Run the study; write, draw and print which factor explains how much."""
    batch = run_batch(
        STUDY,
        out=args.out / "grid_cluster",
        jobs=how_often(args, full=3, quick=2)["jobs"],
        changes=changes(args),
        progress=show_progress,
    )
    if len(batch.failed):
        print(batch.failed.to_string(), file=sys.stderr)
        return 1
    found = shares(batch)
    figure = draw_sensitivity(found, "four figures of a day")
    files = [save_figure(figure, args.out / "grid_cluster.png"), args.out / "grid_cluster.csv"]
    write_csv(found, files[-1])
    complete_result(args.out)
    print(*sentences(batch, found), sep="\n")
    print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
