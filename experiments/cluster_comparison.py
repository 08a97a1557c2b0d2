"""Which transfer strategy suits a consolidated cluster? All of them on the scenario `cluster`.

    python experiments/cluster_comparison.py --traces PLANETLAB_DAY --replications 5

Each strategy runs four hours of consolidation on 32 hosts with 160 VMs, with the same seeds. So
placement, CPU demand and kinds of VMs are the same, and figures are compared run by run. Without
--traces the package's own synthetic CPU traces are replayed. --quick takes 4 hosts, 16 VMs with
half the memory, and 15 minutes. The full experiment takes ten minutes, half of them for post-copy.
"""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from common.forest import draw_forest

from cluster_emu import Comparison, compare, metric_catalogue
from cluster_emu.results import write_csv
from cluster_emu.strategies import strategies
from cluster_emu.view import save_figure

BASELINE = "time-series"
METHODS = [BASELINE, *(name for name in strategies.names() if name != BASELINE)]
SHOWN = ("total_time_s", "downtime_s", "bytes", "energy_kwh")
QUICK = {
    "topology.leaves": 2,
    "topology.hosts_per_leaf": 2,
    "hosts.0.count": 4,
    "vms.0.count": 12,
    "vms.0.memory_bytes": "512 MiB",
    "vms.1.count": 4,
    "vms.1.memory_bytes": "1 GiB",
    "run.duration_s": "15 min",
}


def differences(found: Comparison) -> pd.DataFrame:
    """Return a row per metric and method: its difference from the baseline, in percent too."""
    names = {"b": "strategy", "mean_difference": "difference"}
    names |= {"ci95_low": "low", "ci95_high": "high"}
    rows = found.paired.query("a == @BASELINE").drop(columns="a").rename(columns=names)
    baseline = found.means.query("strategy == @BASELINE").set_index("metric")["mean"]
    rows["baseline"] = rows["metric"].map(baseline)
    percent = rows[["difference", "low", "high"]].astype(float).div(rows["baseline"], axis=0) * 100
    rows[["percent", "low_percent", "high_percent"]] = percent
    return rows


def shown(percent: float) -> str:
    """Return a difference as text."""
    if math.isnan(percent):
        return "no figure"
    return "less than 0.01 %" if abs(percent) < 0.01 else f"{percent:+,.2f} %"


def sentences(rows: pd.DataFrame, found: Comparison) -> Iterator[str]:
    """Yield the differences as sentences."""
    yield f"Against {BASELINE}, {len(found.seeds)} runs each on {found.scenario} ({found.traces}):"
    for metric in SHOWN:
        parts = []
        for verdict, group in rows[rows["metric"] == metric].groupby("verdict"):
            pairs = zip(group["strategy"], group["percent"], strict=True)
            parts.append(f"{verdict} with {', '.join(f'{name} ({shown(x)})' for name, x in pairs)}")
        yield f"{metric_catalogue[metric].label}: {'; '.join(parts)}."
    yield "A VM that resumes before its pages arrive waits for them; downtime excludes this wait."


def main() -> int:
    """Compare, write and summarise."""
    parser = study_options(__doc__, "cluster_comparison")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder of PlanetLab CPU traces")
    args = parser.parse_args()
    fields: dict[str, Any] = dict(QUICK) if args.quick else {}
    if args.traces is not None:
        fields["workload.traces"] = args.traces
    how = how_often(args, full=5, quick=3)
    with result_of(args, "cluster_comparison") as folder:
        found = compare("cluster", METHODS, fields=fields, progress=show_progress, **how)
        rows = differences(found)
        title = f"Differences from {BASELINE} (its means in brackets) with 95 % intervals"
        figure = draw_forest(rows, SHOWN, f"{title}\nCPU traces: {found.traces}")
        files = [*found.save(folder), folder / "differences.csv"]
        write_csv(rows, files[-1])
        files.append(save_figure(figure, folder / "cluster_comparison.png"))
    print(textwrap.fill(" ".join(sentences(rows, found)), 100, break_on_hyphens=False))
    print(written(args, files))
    for failure in found.failures:
        print(f"run failed: {failure}", file=sys.stderr)
    return 1 if found.failures else 0


if __name__ == "__main__":
    run(main)
