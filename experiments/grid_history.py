"""Where does a filter by page history pay? N x rounds x bandwidth x write profile.

    python experiments/grid_history.py --out results/grid_history

One VM of 1 GiB moves with every pre-copy strategy, with the majority filter of the reference paper
for a history of N = 2, 3, 4, 6 and 8 rounds, and with hybrid, post-copy and stop-and-copy. It is
stopped after a fixed number of live rounds, at three bandwidths, with five write profiles. At every
place the filter is compared with each other pre-copy strategy, paired by seed, in downtime, total
time and bytes sent. The map says where it is lower than every one of them, where it makes no
practical difference to the lowest, and where another one is lower, after Holm's correction for all
comparisons of a map. The left maps are for N = 4, the right ones for the N with the lowest mean at
each place, which favours the filter. A table has the shares of variance that profile, bandwidth,
rounds and strategy explain, of strategies with live rounds. The study is in experiments/studies.
After an interruption the same command continues. --quick takes 2 profiles, one bandwidth, 2 numbers
of rounds and 32 MiB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.history_map import OUTCOMES, against_others, draw_map, outcomes

from cluster_emu import analyse_sensitivity, metric_catalogue, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import save_figure

STUDY = Path(__file__).parent / "studies" / "grid_history.toml"
AXES = ("vms.0.profile", "topology.host_bps", "transfer.stop.rounds")
METRICS = ("downtime_s", "total_time_s", "bytes")
PRE_COPY = ("pre-copy", "xen-legacy", "time-series:history=5,threshold=4", "ma", "matrix-bitmap")
"""The strategies with live rounds, which the maps compare the filter with."""
NO_ROUNDS = ("hybrid", "post-copy", "stop-and-copy")
OWN = {"N = 4": "history-majority:history=4", "best N of each place": "best"}


def changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return the changes that the options make in the study."""
    often = how_often(args, full=10, quick=2)
    changed: dict[str, Any] = {"seed": often["seed"], "replications": often["replications"]}
    if args.quick:
        small = {"transfer.stop": "fixed-rounds:rounds=5", "vms.0.memory_bytes": "32 MiB"}
        changed["fields"] = small | {"run.fidelity": "auto"}
        changed["axes"] = {AXES[0]: ["web", "cache"], AXES[1]: ["62.5 Mbit/s"], AXES[2]: [3, 10]}
    return changed


def sentences(maps: dict[str, pd.DataFrame], pairs: pd.DataFrame) -> Iterator[str]:
    """Yield in how many places the filter is the lowest, and against which strategies it is not."""
    for name, table in maps.items():
        for metric, group in table.groupby("metric", sort=False):
            counts = group["outcome"].value_counts()
            words = [f"{counts.get(key, 0)} {text}" for key, (text, _) in OUTCOMES.items()]
            label = metric_catalogue[str(metric)].label
            yield f"{name}, {label}: of {len(group)} places {', '.join(words)}."
    for (metric, other), group in pairs.groupby(["metric", "other"], sort=False):
        counts = group["verdict"].value_counts().to_dict()
        words = ", ".join(f"{verdict} in {count}" for verdict, count in counts.items())
        label = metric_catalogue[str(metric)].label
        yield f"N = 4 against {other}, {label}: {words} of {len(group)} places."


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = study_options(__doc__, "grid_history").parse_args()
    files = ("grid_history.csv", "grid_history_shares.csv", "grid_history.png")
    names = ["grid_history", *files]
    with continued_result(args, "grid_history", names):
        return history(args)


def history(args: argparse.Namespace) -> int:
    """Run the study, compare the filter with the others, write, draw and summarise."""
    batch = run_batch(
        STUDY,
        out=args.out / "grid_history",
        jobs=how_often(args, full=10, quick=2)["jobs"],
        changes=changes(args),
        progress=show_progress,
    )
    if len(batch.failed):
        print(batch.failed.to_string(), file=sys.stderr)
        return 1
    pairs = {
        name: against_others(batch.table, AXES, own, PRE_COPY, METRICS) for name, own in OWN.items()
    }
    maps = {name: outcomes(table, AXES) for name, table in pairs.items()}
    title = "History filter against five other pre-copy strategies (number: N; paired by seed)"
    files = [save_figure(draw_map(maps, AXES, METRICS, title), args.out / "grid_history.png")]
    others = (*PRE_COPY, *NO_ROUNDS)
    four = against_others(batch.table, AXES, OWN["N = 4"], others, METRICS)
    rows = pd.concat([four, pairs["best N of each place"].assign(best=True)], ignore_index=True)
    files.append(args.out / "grid_history.csv")
    write_csv(rows.assign(best=rows["best"].notna()), files[-1])
    live = batch.table[~batch.table["strategy"].isin(NO_ROUNDS)]
    explained = [analyse_sensitivity(live, metric) for metric in METRICS]
    shares = [found.to_frame().assign(metric=found.metric) for found in explained]
    files.append(args.out / "grid_history_shares.csv")
    write_csv(pd.concat(shares, ignore_index=True), files[-1])
    complete_result(args.out)
    print(*sentences(maps, four), *(found.answer for found in explained), sep="\n")
    print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
