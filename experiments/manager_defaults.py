"""Which defaults empty a host and a rack better: those of KubeVirt, or of its operator (HCO)?

    python experiments/manager_defaults.py --replications 10 --jobs 2

KubeVirt moves two VMs at a time off a host and gives each migration 150 s per GiB. The
HyperConverged Cluster Operator has moved one and given it 20 s per GiB since 2026. Both run with
post-copy allowed and not, on one host (20 VMs of 4 GiB) and on one rack (200 VMs) of the scenario
`evacuation` with links of 2 Gbit/s. A replication has the same placement and writes under each
preset, so differences are paired by seed. --quick takes 4 hosts and 12 VMs of 64 MiB.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from common.policies import draw_presets

from cluster_emu import Evacuation, estimate, evacuate
from cluster_emu.results import write_csv
from cluster_emu.view import save_figure

PRESETS = ("kubevirt", "kubevirt-hco")
MODES = {"pre-copy": "", "post-copy allowed": ":allow_post_copy=true"}
PLACES: dict[str, dict[str, Any]] = {"one host": {"hosts": [0]}, "one rack": {"racks": [0]}}
FULL: dict[str, Any] = {
    "topology.host_bps": "2 Gbit/s",
    "hosts.0.memory_bytes": "128 GiB",
    "vms.0.memory_bytes": "4 GiB",
    "run.fidelity": "auto",
    "run.duration_s": "2 h",
}
QUICK: dict[str, Any] = {
    "topology.leaves": 2,
    "topology.hosts_per_leaf": 2,
    "topology.host_bps": "1 Gbit/s",
    "hosts.0.count": 4,
    "vms.0.count": 12,
    "vms.0.memory_bytes": "64 MiB",
    "run.duration_s": "5 min",
}
FIGURES = ("drain_s", "downtime_max_s", "fault_stall_max_s", "gigabytes", "aborts", "stayed")


def figures(found: Evacuation) -> pd.DataFrame:
    """Return one row per replication; a drain time is missing where a VM stayed."""
    rows, vms = found.drains.set_index("replication"), found.vms
    rows["drain_s"] = rows["drain_s"].replace(np.inf, np.nan)
    rows["gigabytes"], rows["stayed"] = rows["bytes"] / 1e9, rows["vms"] - rows["moved"]
    attempts = vms.groupby("replication")["attempts"].sum()
    rows["aborts"] = attempts - rows["moved"]
    return rows


def compared(found: dict[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Return one row per figure: the mean of each preset, and the paired difference."""
    rows = []
    for name in FIGURES:
        values = {preset: found[preset][name].astype(float) for preset in PRESETS}
        apart = estimate((values[PRESETS[1]] - values[PRESETS[0]]).to_numpy())
        means = {preset: estimate(each.to_numpy()).mean for preset, each in values.items()}
        interval = {"difference": apart.mean, "low": apart.low, "high": apart.high}
        rows.append({"figure": name, **means, **interval, "pairs": apart.count})
    return rows


def main() -> int:
    """Drain under every preset, write, draw and print."""
    args = study_options(__doc__, "manager_defaults").parse_args()
    often: dict[str, Any] = how_often(args, full=10, quick=2)
    often |= {"fields": QUICK if args.quick else FULL, "progress": show_progress}
    seeds = f"{often['replications']} seeds, 95 % intervals"
    title = f"By how much kubevirt-hco has more than kubevirt: {seeds}"
    with result_of(args, "manager_defaults") as folder:
        rows, errors = [], []
        for place, hosts in PLACES.items():
            for mode, knobs in MODES.items():
                found = {}
                for preset in PRESETS:
                    each = evacuate("evacuation", policy=preset + knobs, **hosts, **often)
                    errors += [f"run failed: {preset}: {error}" for error in each.errors]
                    found[preset] = figures(each)
                rows += [{"place": place, "mode": mode, **row} for row in compared(found)]
        table = pd.DataFrame(rows)
        files = [folder / "differences.csv"]
        write_csv(table, files[0])
        files.append(save_figure(draw_presets(table, title), folder / "manager_defaults.png"))
    print(table.to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    print(written(args, files))
    for error in errors:
        print(error, file=sys.stderr)
    return int(bool(errors))


if __name__ == "__main__":
    run(main)
