"""What does the network do when one control instant asks for hundreds of migrations?

    python experiments/consolidation_storm.py --traces PLANETLAB_DAY

The VMs of the scenario `cloudsim-planetlab` begin spread over its 800 hosts. The first control
instant of the day empties as many hosts as it can, so it requests some hundred migrations at once.
Nothing else is planned until they have ended. Two studies limit how many of them run at once: 4 to
1,024 in the cluster, where 1,024 is no limit, or 1 to 16 towards one host. Both are run with links
of 1 and of 10 Gbit/s, and with Xen's stop rule for every strategy, so that every migration ends.
The output says, per strategy and network, which limit empties the hosts soonest and which
interrupts the VMs least. The studies are in experiments/studies. After an interruption the same
command continues. --quick takes 16 hosts, 32 VMs, two limits and made-up traces.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.limits import best_limits, sentences
from common.planetlab import study_changes, with_traces
from common.sweep import Row, draw_sweep

from cluster_emu import run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.view import save_figure

STUDIES = {
    "storm_cluster_limit": ("manager.max_per_cluster", "at once in the cluster"),
    "storm_host_limit": ("manager.max_inbound_per_host", "at once towards one host"),
}
"""The axis of each study, and what it limits."""
FOLDER = Path(__file__).parent / "studies"
NETWORK = "topology.host_bps"
FULL = 5
SHOWN = (
    Row("makespan_s", "until the last\nhost is empty (s)", 1.0, True),
    Row("interrupted_p95_s", "service interrupted,\n95th percentile (ms)", 1e3, True),
    Row("total_bytes", "data sent (TB)", 1e-12, False),
)
QUICK_LIMITS = {"manager.max_per_cluster": [2, 16], "manager.max_inbound_per_host": [1, 4]}


def network_title(bps: float) -> str:
    """Return the title of the panels of a network."""
    return f"{bps / 1e9:g} Gbit/s per host"


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = with_traces(study_options(__doc__, "consolidation_storm"))
    names = ["best_limits.csv", *STUDIES, *(f"{study}.png" for study in STUDIES)]
    with continued_result(args, "consolidation_storm", names):
        return storm(args)


def storm(args: argparse.Namespace) -> int:
    """Run both studies; write, draw and print the results."""
    jobs = how_often(args, full=FULL, quick=2)["jobs"]
    found, files = [], []
    for study, (axis, limited) in STUDIES.items():
        file = FOLDER / f"{study}.toml"
        quick = {axis: QUICK_LIMITS[axis], NETWORK: ["100 Mbit/s", "1 Gbit/s"]}
        batch = run_batch(
            file,
            out=args.out / study,
            jobs=jobs,
            changes=study_changes(args, file, full=FULL, axes=quick),
            progress=show_progress,
        )
        if len(batch.failed):
            print(batch.failed.to_string(), file=sys.stderr)
            return 1
        figure = draw_sweep(
            batch.table,
            axis,
            NETWORK,
            "One control instant empties hosts (means and 95 % intervals)",
            named=network_title,
            rows=SHOWN,
            at_once_label=f"migrations {limited}",
        )
        files.append(save_figure(figure, args.out / f"{study}.png"))
        found.append(best_limits(batch.table, axis, NETWORK))
    rows = pd.concat(found, ignore_index=True)
    files.append(args.out / "best_limits.csv")
    write_csv(rows, files[-1])
    complete_result(args.out)
    print(*sentences(rows), sep="\n")
    print("\nWritten", *files, sep="\n")
    return 0


if __name__ == "__main__":
    run(main)
