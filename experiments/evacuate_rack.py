"""Which manager's policy drains a rack best? All of them on the scenario `evacuation`.

    python experiments/evacuate_rack.py --replications 5 --jobs 2

200 of 800 VMs (1 GiB each) leave 10 of 40 hosts under every policy, with its real defaults: limits,
downtime, timeouts, throttling, retries. The number of migrations at once is part of a policy. There
are two figures: all policies, and the drain of the fastest policy that moves every VM. --quick
takes 4 hosts and 16 VMs of 64 MiB.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from common import how_often, result_of, run, show_progress, study_options, written
from common.policies import draw_policies

from cluster_emu import Evacuation, evacuate, policies
from cluster_emu.results import write_csv
from cluster_emu.study import EvacuationReport
from cluster_emu.view import draw_drain, save_figure

QUICK = {
    "topology.leaves": 2,
    "topology.hosts_per_leaf": 2,
    "topology.host_bps": "1 Gbit/s",
    "hosts.0.count": 4,
    "vms.0.count": 16,
    "vms.0.memory_bytes": "64 MiB",
}


def at_once(limits: EvacuationReport) -> str:
    """Return how many migrations may run at once: in total, per source, per target."""
    numbers = (limits.parallel, limits.outbound_per_host, limits.inbound_per_host)
    named = zip(numbers, ("", " a source", " a target"), strict=True)
    return ", ".join(f"{limit}{where}" for limit, where in named if limit) or "all"


def row(policy: str, found: Evacuation) -> dict[str, Any]:
    """Return the figures of a policy's drains."""
    report = found.report()
    drain, downtime = report.drain_s.p50, report.per_vm["downtime_s"]
    low, high = drain.ci95
    return {
        "policy": policy,
        "at_once": at_once(report),
        "drain_p50_s": drain.value,
        "drain_low_s": low,
        "drain_high_s": high,
        "downtime_p50_s": downtime.p50.mean,
        "downtime_p95_s": downtime.p95.mean,
        "downtime_max_s": downtime.max.mean,
        "guest_lost_s": report.per_vm["guest_lost_s"].p95.mean,
        "gigabytes": report.bytes.mean / 1e9,
        "not_moved": len(found.failures),
    }


def main() -> int:
    """Evacuate under every policy, write and draw."""
    args = study_options(__doc__, "evacuate_rack").parse_args()
    fields = QUICK if args.quick else {}
    often = how_often(args, full=5, quick=2)
    with result_of(args, "evacuate_rack") as folder:
        found = {
            policy: evacuate(
                "evacuation",
                racks=[0],
                policy=policy,
                fields=fields,
                progress=show_progress,
                **often,
            )
            for policy in policies.names()
        }
        for policy, each in found.items():
            for error in each.errors:
                print(f"run failed: {policy}: {error}", file=sys.stderr)
        rows = pd.DataFrame([row(*item) for item in found.items() if item[1].median_replication])
        rows = rows.astype({"drain_p50_s": float, "drain_low_s": float, "drain_high_s": float})
        rows = rows.sort_values("drain_p50_s", na_position="last", ignore_index=True)
        title = f"A rack of {len(next(iter(found.values())).report().hosts)} hosts emptied"
        files = [folder / "policies.csv"]
        write_csv(rows, files[0])
        files.append(save_figure(draw_policies(rows, title), folder / "policies.png"))
        drained = rows[(rows["not_moved"] == 0) & np.isfinite(rows["drain_p50_s"])]
        if len(drained):
            best = str(drained["policy"].iloc[0])
            median = found[best].median_replication
            assert median is not None, "a policy with a drain time has a median replication"
            drain = median.run
            figure = draw_drain(drain.migrations, drain.rounds, drain_s=drain.drain_s, which=best)
            files.append(save_figure(figure, folder / "fastest.png"))
    print(rows.to_string(index=False, na_rep="-", float_format="{:.4g}".format))
    print(written(args, files))
    return 1 if any(each.errors for each in found.values()) else 0


if __name__ == "__main__":
    run(main)
