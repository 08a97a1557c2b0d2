"""Does the proposed history filter help a whole cluster? A PlanetLab day, by write intensity.

    python experiments/planetlab_history.py --traces PLANETLAB_DAY

The scenario `cloudsim-planetlab` consolidates 1,052 VMs on 800 hosts for a day, with some 700
migrations. The proposed filter, history-majority, runs against its baseline, the time series, and
against pre-copy without a filter. All have the same seeds, and so the same placement and demand,
and both filters have a history of five rounds. Write intensity follows the CPU demand, from
`workload.write_intensity.idle_share` for a VM that wants none to 1. PlanetLab VMs want little CPU,
so the share of 0.1 is a calm day and 1.0 one on which every VM writes at full intensity. Both stop
rules are used that the reference paper allows: a fixed number of rounds, as in its experiment, and
Xen's. The study is in experiments/studies. After an interruption the same command continues.
--quick takes 16 hosts, 32 VMs, an hour and made-up traces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.effects import draw_effects
from common.planetlab import study_changes, with_traces

from cluster_emu import metric_catalogue, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import save_figure

STUDY = Path(__file__).parent / "studies" / "planetlab_history.toml"
INTENSITY, STOP = "workload.write_intensity.idle_share", "transfer.stop"
PROPOSED = "history-majority"
FULL = 20
SHOWN = ("total_time_s", "downtime_s", "bytes", "degradation_by_migration", "energy_kwh")


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the changes that the options make in the study."""
    quick = {INTENSITY: [0.1, 1.0], STOP: ["fixed-rounds:rounds=5", "xen-legacy"]}
    changed = study_changes(args, STUDY, full=FULL, axes=quick)
    if args.quick:
        changed["fields"] |= {"run.duration_s": "1 h"}
    return changed


def effects(paired: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of the filter from the others, in percent of the latter, too."""
    rows = paired[paired["metric"].isin(SHOWN) & (paired["b"] == PROPOSED)]
    rows = rows.rename(columns={"a": "against"})
    base = means.rename(columns={"strategy": "against", "mean": "base_mean"})
    keys = [INTENSITY, STOP, "metric", "against"]
    rows = rows.merge(base[[*keys, "base_mean"]], on=keys, validate="one_to_one")
    names = {"mean_difference": "percent", "ci95_low": "low_percent", "ci95_high": "high_percent"}
    for absolute, relative in names.items():
        rows[relative] = 100 * rows[absolute].astype(float) / rows["base_mean"].astype(float)
    return rows


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what was found as sentences."""
    axes = [INTENSITY, STOP, "against"]
    for (intensity, stop, other), group in rows.groupby(axes, sort=False):
        parts = [
            f"{metric_catalogue[row.metric].label} {row.verdict} ({row.percent:+.2f} % "
            f"[{row.low_percent:+.2f}, {row.high_percent:+.2f}])"
            for row in group.itertuples()
        ]
        yield f"idle share {intensity:g}, {stop}, against {other}: {'; '.join(parts)}."


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = with_traces(study_options(__doc__, "planetlab_history"))
    names = ["planetlab_history.png", "effects.csv", "runs"]
    with continued_result(args, "planetlab_history", names):
        return study(args)


def study(args: argparse.Namespace) -> int:
    """Run the study; write, draw and print the differences."""
    batch = run_batch(
        STUDY,
        out=args.out / "runs",
        jobs=how_often(args, full=FULL, quick=2)["jobs"],
        changes=changes(args),
        progress=show_progress,
    )
    if len(batch.failed):
        print(batch.failed.to_string(), file=sys.stderr)
        return 1
    rows = effects(batch.paired, batch.means)
    replications = batch.table["replication"].nunique()
    title = f"The history filter against others ({replications} seeds, 95 % intervals)"
    lines = rows["against"] + ", " + rows[STOP].astype(str).str.partition(":")[0]
    figure = draw_effects(rows.assign(line=lines), SHOWN, INTENSITY, title)
    files = [save_figure(figure, args.out / "planetlab_history.png"), args.out / "effects.csv"]
    write_csv(rows, files[-1])
    complete_result(args.out)
    print(*sentences(rows), sep="\n")
    print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
