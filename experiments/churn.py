"""What do VMs that come and go do to consolidation, and to migrations in flight?

    python experiments/churn.py

A cluster is consolidated every five minutes, while VMs arrive and end. Two numbers vary: the mean
lifetime of a VM, from half an hour to a day, at the same mean number of VMs, so that fewer of them
come and go the longer they live; and the load, the mean number of VMs as a share of the places that
the memory of all hosts has. The table says, with 95 % intervals over the seeds, how many hosts were
on, how many migrations were requested, which share of these was in vain because their VM ended
first, which share of all bytes these had sent, and what became of VMs that arrived. --traces takes
a trace with lifetimes (Azure, Google, Alibaba, OpenDC) in place of both. --quick takes 8 hosts, one
hour, and lifetimes of 10 minutes and 2 hours.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from common import how_often, result_of, run, study_options, written
from common.churning import at, cluster

from cluster_emu import ClusterModel, estimate
from cluster_emu.results import write_csv
from cluster_emu.scenario import Scenario

FULL = 5
SHOWN = {
    "mean_hosts_on": "hosts on",
    "vms_arrived": "VMs arrived",
    "migrations": "migrations",
    "in_vain": "in vain (%)",
    "bytes_in_vain": "bytes in vain (%)",
    "mean_placement_wait_s": "wait for a host (s)",
    "rejected": "rejected (%)",
}


def figures(scenario: Scenario, seed: int) -> dict[str, float]:
    """Return the figures of one run."""
    result = ClusterModel(scenario, rng=seed).run()
    migrations = result.migrations
    in_vain = migrations["why"].str.startswith("VM ended")
    sent = max(migrations["bytes"].sum(), 1.0)
    shares = {
        "in_vain": 100 * float(in_vain.mean()) if len(migrations) else 0.0,
        "bytes_in_vain": 100 * float(migrations["bytes"][in_vain].sum()) / sent,
        "rejected": 100 * result.summary["rejected_share"],
    }
    return {name: {**result.summary, **shares}[name] for name in SHOWN}


def means(runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the mean of every figure, and its interval."""
    found = {name: estimate(np.array([each[name] for each in runs])) for name in SHOWN}
    ends = {f"{name}_{end}": getattr(found[name], end) for name in SHOWN for end in ("low", "high")}
    return {**{name: found[name].mean for name in SHOWN}, **ends}


def in_words(row: pd.Series) -> pd.Series:
    """Return the figures of a row as texts with their intervals."""
    ends = {name: f"[{row[name + '_low']:.3g}, {row[name + '_high']:.3g}]" for name in SHOWN}
    return pd.Series({SHOWN[name]: f"{row[name]:.3g} {ends[name]}" for name in SHOWN})


def cases(args: argparse.Namespace) -> dict[str, Scenario]:
    """Return the scenarios by what distinguishes them."""
    hosts, hours = (8, 1.0) if args.quick else (32, 12.0)
    if args.traces is not None:
        traces = {"demand": "trace", "traces": str(args.traces)}
        return {"trace": cluster(hosts, hours, {"process": "trace"}, workload=traces)}
    stays, loads = (
        ((1 / 6, 2.0), (0.5,)) if args.quick else ((0.5, 2.0, 8.0, 24.0), (0.3, 0.6, 0.9))
    )
    return {f"{s:.3g} h, load {x:g}": at(s, x, hosts, hours) for x in loads for s in stays}


def main() -> None:
    """Run every scenario with every seed, write and print the table."""
    parser = study_options(__doc__, "churn")
    parser.add_argument("--traces", type=Path, metavar="FILE", help="a trace with lifetimes")
    args = parser.parse_args()
    often, rows = how_often(args, full=FULL, quick=2), {}
    seeds = range(args.seed, args.seed + often["replications"])
    with (
        result_of(args, "churn") as place,
        ProcessPoolExecutor(often["jobs"], mp_context=get_context("spawn")) as pool,
    ):
        for name, scenario in cases(args).items():
            rows[name] = means(list(pool.map(partial(figures, scenario), seeds)))
        table = pd.DataFrame.from_dict(rows, orient="index")
        write_csv(table.rename_axis("case").reset_index(), place / "churn.csv")
    print(f"Means of {len(seeds)} seeds with 95 % intervals")
    print(table.apply(in_words, axis=1).T.to_string())
    print(written(args, [Path("churn.csv")]))


if __name__ == "__main__":
    run(main)
