"""What of CloudSim's consolidation benchmark is real? Its oddities switched off, one by one.

    python experiments/cloudsim_benchmark.py --traces PLANETLAB_DAY

CloudSim deletes VMs that are idle twice, never checks memory, plans some VMs twice in a tick, books
VMs that arrive as a lack of CPU, and gives each migration half of a network card, however many run.
The day runs with all of this, as in CloudSim, then without each, and without any, by the same
planner. "saved" is the energy that migrations save, compared with the same VMs without migrations
(DVFS). Nothing is drawn at random, so there is one run of each. --quick takes 48 made-up traces in
tests/data, on 40 hosts.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from common import options, result_of, run, written
from common.quirks import draw_quirks

from cluster_emu.results import write_csv
from cluster_emu.validation import Quirks, validate_cloudsim
from cluster_emu.view import save_figure

MADE_UP = Path(__file__).parents[1] / "tests" / "data" / "planetlab_made_up"

IDLE, MEMORY, TWICE = "idle VMs kept", "memory enforced", "no VM planned twice"
VARIANTS = {
    "as in CloudSim": Quirks(),
    IDLE: Quirks(delete_idle_vms=False),
    MEMORY: Quirks(ignore_memory=False),
    f"{IDLE}, {MEMORY}": Quirks(delete_idle_vms=False, ignore_memory=False),
    TWICE: Quirks(plan_twice=False),
    "only a lack of CPU in SLATAH": Quirks(book_arrivals_in_full=False),
    "links shared": Quirks(ignore_shared_links=False),
    "all of these": Quirks(False, False, False, False, False),
}
"""The rows of the table: what is switched off."""


def row(name: str, quirks: Quirks, given: dict[str, Any], policy: str) -> dict[str, Any]:
    """Return the figures of a day, compared with the same VMs without migrations."""
    day = validate_cloudsim(policy=policy, quirks=quirks, **given).day
    still = validate_cloudsim(policy="dvfs", quirks=quirks, **given).day
    return {
        "switched_off": name,
        "energy_kwh": day.energy_kwh,
        "without_migrations_kwh": still.energy_kwh,
        "saved": 1.0 - day.energy_kwh / still.energy_kwh,
        "migrations": day.migrations,
        "planned_twice": day.planned_twice,
        "slatah": day.slatah,
        "pdm": day.pdm,
        "arrivals_of_slatah": day.slatah_by_cause.arrivals,
        "cpu_of_slatah": day.slatah_by_cause.cpu_shortage,
        "host_shutdowns": day.host_shutdowns,
        "mean_active_hosts": day.mean_active_hosts,
        "mean_migration_s": day.mean_migration_s,
        "longest_migration_s": day.longest_migration_s,
        "late_migrations": day.late_migrations,
    }


def arguments() -> argparse.Namespace:
    """Return what was typed."""
    parser = options(__doc__, "cloudsim_benchmark")
    parser.add_argument("--traces", type=Path, metavar="DIR", help="folder of PlanetLab traces")
    parser.add_argument("--policy", default="iqr-mmt", metavar="NAME")
    args = parser.parse_args()
    if args.traces is None and not args.quick:
        parser.error("--traces DIR is required: a folder of PlanetLab traces; or --quick")
    return args


def main() -> int:
    """Run, write, draw and print all variants."""
    args = arguments()
    given = {"folder": args.traces or MADE_UP, "hosts": 40 if args.quick else 800}
    with result_of(args, "cloudsim_benchmark") as folder:
        rows = [row(name, quirks, given, args.policy) for name, quirks in VARIANTS.items()]
        table = pd.DataFrame(rows)
        files = [folder / "quirks.csv"]
        write_csv(table, files[0])
        title = f"{args.policy} on {given['hosts']} hosts, traces of {given['folder'].name}"
        files.append(save_figure(draw_quirks(table, title), folder / "quirks.png"))
    print(table.to_string(index=False, float_format="{:.4g}".format))
    print(written(args, files))
    return 0


if __name__ == "__main__":
    run(main)
