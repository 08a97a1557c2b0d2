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
from typing import Any

import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from common.day import FIGURES, draw_day, sentences
from common.planetlab import POLICIES, SCENARIO, fields_of, with_traces
from common.shortcut import HOST_BPS, hidden

from cluster_emu import compare, estimate, load_scenario
from cluster_emu.results import write_csv
from cluster_emu.view import save_figure

STRATEGIES = ["pre-copy", "time-series", "history-majority", "post-copy"]
SHORTCUT_POLICY = "thr-mmt"
SHORTCUT_SEEDS = 3
QUICK_POLICIES = ("dvfs", "thr-mmt", "iqr-mmt", "iqr-cost")


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
    print(*sentences(table, hid, SHORTCUT_POLICY), sep="\n")
    print(written(args, files))
    for failure in failures:
        print(f"run failed: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    run(main)
