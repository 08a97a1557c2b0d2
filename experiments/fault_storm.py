"""What does a crash cost during a drain? Four strategies at rising fault rates.

    python experiments/fault_storm.py --out results/fault_storm

32 VMs leave two of ten hosts. Any of the ten hosts may crash at random, with the same crashes for
every strategy. A host is back after a minute on average, and its VMs restart elsewhere after 30 s.
A crash of the source or the target makes a pre-copy fail. After a post-copy has resumed, the memory
of the VM is at two hosts, and a crash of either loses the VM. Migrations that fail in the queue
count, too. VMs that are down with their host need no migration any more, so a drain does not get
longer. Real hosts crash once in months, not minutes: the rates are far higher than real ones, so
that some hundred runs show rare events. The study is in experiments/studies. After an interruption
the same command continues. --quick takes 3 of the 5 rates, with a quarter of the memory and links
of a quarter of the rate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.storm import PANELS, draw_storm

from cluster_emu import estimate, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import save_figure

STUDY = Path(__file__).parent / "studies" / "fault_storm.toml"
RATE = "crashes_per_host_hour"
RATES = (0, 2, 5, 10, 20)
QUICK_RATES = (0, 5, 20)


def cells_of(rate: int) -> str:
    """Return the name of the subfolder that holds the runs at this rate."""
    return f"rate_{rate}"


def changes(args: argparse.Namespace, rate: int) -> dict[str, Any]:
    """Return the changes that the options and the rate make in the study."""
    often = how_often(args, full=30, quick=3)
    fields: dict[str, Any] = {"faults.0.mtbf_s": 3600 / rate} if rate else {"faults": []}
    if args.quick:
        fields["topology.host_bps"] = "15.625 Mbit/s"
        fields |= {f"vms.{group}.memory_bytes": "8 MiB" for group in range(2)}
    return {"seed": often["seed"], "replications": often["replications"], "fields": fields}


def measures(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with figures in the units of the output."""
    failed = 1000 * runs["failed"] / runs["migrations"]
    return runs.assign(down_min=runs["vm_down_s"] / 60, failed_per_1000=failed)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return mean and 95 % interval of each figure, by rate and method."""
    rows = []
    for (rate, method), group in runs.groupby([RATE, "strategy"], sort=False):
        row: dict[str, Any] = {RATE: rate, "strategy": method, "runs": len(group)}
        for panel in PANELS:
            found = estimate(group[panel.column].to_numpy())
            row |= {panel.column: found.mean}
            row |= {f"{panel.column}_low": found.low, f"{panel.column}_high": found.high}
        rows.append(row)
    return pd.DataFrame(rows)


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = study_options(__doc__, "fault_storm").parse_args()
    rates = QUICK_RATES if args.quick else RATES
    names = ["fault_storm.png", "fault_storm.csv", *map(cells_of, rates)]
    with continued_result(args, "fault_storm", names):
        return storm(args, rates)


def storm(args: argparse.Namespace, rates: Sequence[int]) -> int:
    """Run the study at every rate; write, draw and print the results."""
    jobs = how_often(args, full=30, quick=3)["jobs"]
    found = []
    for rate in rates:
        batch = run_batch(
            STUDY,
            out=args.out / cells_of(rate),
            jobs=jobs,
            changes=changes(args, rate),
            progress=show_progress,
        )
        if len(batch.failed):
            print(batch.failed.to_string(), file=sys.stderr)
            return 1
        found.append(batch.table.assign(**{RATE: rate}))
    runs = measures(pd.concat(found, ignore_index=True))
    title = "32 VMs leave two of ten hosts while hosts crash (means, 95 % intervals)"
    files = [save_figure(draw_storm(runs, RATE, title), args.out / "fault_storm.png")]
    rows = summary(runs)
    files.append(args.out / "fault_storm.csv")
    write_csv(rows, files[-1])
    complete_result(args.out)
    shown = [RATE, "strategy", *(panel.column for panel in PANELS)]
    print(rows[shown].to_string(index=False, float_format="{:.3g}".format))
    print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
