"""What do consolidation policies save, and what do their migrations cost? A PlanetLab day.

    python experiments/planetlab_consolidation.py --traces PLANETLAB_DAY

Runs the scenario `cloudsim-planetlab` (800 hosts, 1,052 VMs, a leaf-spine network of 1 Gbit/s) for
a day under ten policies and four transfer strategies, each with the same seeds. `dvfs` never
migrates. The others relieve overloaded hosts and empty underloaded ones. Their names say the
overload detector (a static threshold, interquartile range, median absolute deviation, local
regression, or its robust form) and which VMs leave first (least migration time, least utilisation,
highest correlation, at random, or most CPU relieved per byte sent).

A second table says what is not seen where a migration takes memory over half of the line rate,
whatever else the network carries. It has the migrations of the first policy with their real times:
how many have not ended at the next control instant, how many share a link, the downtime, and the
CPU that migrations take from VMs, beside the 10 % of the literature.

--quick takes 16 hosts, 32 VMs, two hours, four policies and made-up traces.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from common.day import draw_day
from common.planetlab import SCENARIO, fields_of, with_traces

from cluster_emu import Scenario, compare, estimate, load_scenario, simulate
from cluster_emu.results import write_csv
from cluster_emu.view import save_figure

STRATEGIES = ["pre-copy", "time-series", "history-majority", "post-copy"]
SHORTCUT_POLICY = "thr-mmt"
SHORTCUT_SEEDS = 3
HOST_BPS = 1e9
FIGURES = (
    "energy_kwh",
    "migrations",
    "host_shutdowns",
    "total_time_s",
    "interrupted_s",
    "interrupted_p95_s",
    "slatah",
    "degradation_by_migration",
    "degradation_by_ten_percent_rule",
    "slav",
    "esv_kwh",
)
QUICK_POLICIES = ("dvfs", "thr-mmt", "iqr-mmt", "iqr-cost")


def consolidation(overload: str, selection: str) -> list[dict[str, Any]]:
    """Return the triggers of a policy."""
    return [{"name": "consolidation", "overload": overload, "selection": selection}]


POLICIES: dict[str, list[dict[str, Any]]] = {
    "dvfs": [],
    "thr-mmt": consolidation("static-threshold", "minimum-migration-time"),
    "iqr-mmt": consolidation("interquartile-range", "minimum-migration-time"),
    "mad-mmt": consolidation("median-absolute-deviation", "minimum-migration-time"),
    "lr-mmt": consolidation("local-regression", "minimum-migration-time"),
    "lrr-mmt": consolidation("robust-local-regression", "minimum-migration-time"),
    "iqr-mu": consolidation("interquartile-range", "minimum-utilisation"),
    "iqr-mc": consolidation("interquartile-range", "maximum-correlation"),
    "iqr-rs": consolidation("interquartile-range", "random-selection"),
    "iqr-cost": consolidation("interquartile-range", "least-cost"),
}


def day(args: argparse.Namespace, policy: str) -> dict[str, Any]:
    """Return the fields of the scenario under a policy."""
    short = {"run.duration_s": "2 h"} if args.quick else {}
    own = {"manager.triggers": POLICIES[policy], "topology.host_bps": HOST_BPS}
    return fields_of(args) | short | own


def policy_figures(args: argparse.Namespace, policies: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Return mean and interval of every figure by policy and strategy, and the failed runs."""
    rows, failures = [], []
    for policy in policies:
        methods = STRATEGIES if POLICIES[policy] else STRATEGIES[:1]
        often = how_often(args, full=3, quick=2)
        found = compare(
            SCENARIO, methods, fields=day(args, policy), progress=show_progress, **often
        )
        failures += found.failures
        chosen = found.means[found.means["metric"].isin(FIGURES)]
        rows.append(chosen.assign(policy=policy))
        print(f"{policy}: {len(found.seeds)} runs of each strategy", file=sys.stderr, flush=True)
    table = pd.concat(rows, ignore_index=True)
    return table[["policy", *(name for name in table if name != "policy")]], failures


def shortcut(args: argparse.Namespace) -> pd.DataFrame:
    """Return, by strategy, what an instantaneous rule for migration times does not show."""
    rows = []
    base = load_scenario(SCENARIO).with_fields(day(args, SHORTCUT_POLICY))
    seeds = [args.seed + number for number in range(2 if args.quick else SHORTCUT_SEEDS)]
    for method in STRATEGIES:
        scenario = base.with_fields({"transfer.strategy": method})
        runs = pd.DataFrame([hidden(scenario, seed) for seed in seeds])
        for figure in runs:
            found = estimate(runs[figure].to_numpy(float))
            rows.append(
                {
                    "strategy": method,
                    "figure": figure,
                    "mean": found.mean,
                    "ci95_low": found.low,
                    "ci95_high": found.high,
                    "seeds": len(seeds),
                }
            )
    return pd.DataFrame(rows)


def hidden(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run a scenario and return the figures that the instantaneous rule does not show."""
    result = simulate(scenario, seed)
    moves = result.migrations
    groups = scenario.vms
    memory = np.repeat([group.memory_bytes for group in groups], [group.count for group in groups])
    ruled_s = memory[moves["vm"]] / (HOST_BPS / 8 / 2)
    taken_s = moves["end_s"] - moves["queued_s"]
    interval_s = scenario.run.control_interval_s
    beside = most_beside(moves)
    return {
        "migrations": len(moves),
        "ruled_s": float(np.mean(ruled_s)),
        "total_time_s": moves["total_time_s"].mean(),
        "longest_s": taken_s.max(),
        "twice_the_rule_share": float(np.mean(taken_s > 2 * ruled_s)),
        "past_next_instant_share": float(np.mean(~(taken_s <= interval_s))),
        "shared_link_share": float(np.mean(beside > 0)),
        "most_on_one_link": float(1 + beside.max(initial=0)),
        "downtime_s": moves["downtime_s"].mean(),
        "interrupted_s": moves["interrupted_s"].mean(),
        "interrupted_max_s": moves["interrupted_s"].max(),
        "slatah": result.summary["slatah"],
        "pdm": result.summary["degradation_by_migration"],
        "pdm_by_ten_percent_rule": result.summary["degradation_by_ten_percent_rule"],
    }


def most_beside(moves: pd.DataFrame) -> np.ndarray:
    """Return how many others, at most, each migration meets on one of its links, [migrations]."""
    started = moves["start_s"].notna()
    ends_s = moves["end_s"].fillna(np.inf).to_numpy()
    begins_s = moves["start_s"].to_numpy()
    on_link: dict[int, list[int]] = {}
    for place in np.flatnonzero(started):
        for link in moves["route"].iloc[place]:
            on_link.setdefault(int(link), []).append(int(place))
    most = np.zeros(len(moves), dtype=np.int64)
    for places in on_link.values():
        some = np.array(places)
        for place in places:
            # The number at once changes where one begins, so the most is reached at a beginning.
            inside = some[(begins_s[some] >= begins_s[place]) & (begins_s[some] < ends_s[place])]
            at_once = [
                np.count_nonzero((begins_s[some] <= begins_s[one]) & (ends_s[some] > begins_s[one]))
                for one in inside
            ]
            most[place] = max(most[place], max(at_once) - 1)
    return most


def sentences(table: pd.DataFrame, hid: pd.DataFrame) -> Iterator[str]:
    """Yield what was found as sentences."""
    means = table.pivot_table(index=["policy", "strategy"], columns="metric", values="mean")
    alone = means.xs("dvfs").iloc[0]["energy_kwh"]
    yield f"dvfs alone takes {alone:.1f} kWh."
    for policy, group in means.drop(index="dvfs").groupby(level="policy", sort=False):
        saved = 1 - group["energy_kwh"].mean() / alone
        worst, best = group["interrupted_s"].idxmax()[1], group["interrupted_s"].idxmin()[1]
        interrupted_s = group["interrupted_s"]
        yield (
            f"{policy} saves {100 * saved:.1f} % with {group['migrations'].mean():,.0f} "
            f"migrations; each interrupts a VM for {interrupted_s.min():.3g} s ({best}) to "
            f"{interrupted_s.max():.3g} s ({worst})."
        )
    of = hid.pivot_table(index="strategy", columns="figure", values="mean", sort=False)
    for method, row in of.iterrows():
        yield (
            f"{SHORTCUT_POLICY}, {method}: the rule says {row['ruled_s']:.1f} s per migration, the "
            f"network takes {row['total_time_s']:.1f} s; {100 * row['shared_link_share']:.0f} % "
            f"share a link, {100 * row['past_next_instant_share']:.1f} % have not ended at the "
            f"next control instant; migrations take {100 * row['pdm']:.4f} % of the CPU "
            f"({100 * row['pdm_by_ten_percent_rule']:.4f} % by the 10 % rule)."
        )


def main() -> int:
    """Run the day under every policy and strategy; write, draw and summarise."""
    args = with_traces(study_options(__doc__, "planetlab_consolidation"))
    policies = list(QUICK_POLICIES if args.quick else POLICIES)
    with result_of(args, "planetlab_consolidation") as folder:
        table, failures = policy_figures(args, policies)
        hid = shortcut(args)
        files = [folder / "policies.csv", folder / "shortcut.csv"]
        write_csv(table, files[0])
        write_csv(hid, files[1])
        title = "A PlanetLab day under consolidation policies (means, 95 % intervals)"
        files.append(save_figure(draw_day(table, title), folder / "planetlab_consolidation.png"))
    print(*sentences(table, hid), sep="\n")
    print(written(args, files))
    for failure in failures:
        print(f"run failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    run(main)
