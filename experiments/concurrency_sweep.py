"""How many migrations should run at once? 1 to 32, for four strategies and write intensities.

    python experiments/concurrency_sweep.py --out results/concurrency_sweep

32 VMs of 256 MiB leave one host (they share its network card), or the eight hosts of a rack (they
share its uplinks). Each migration is prepared for one second before its first byte. With several at
once, one prepares while another copies. But a shared link makes each copy slower, so VMs write more
pages during it. The write intensity is the mean number of writes per page during one copy of the VM
alone on the link. A tenth of the pages takes four fifths of the writes. The two studies are in
experiments/studies. After an interruption the same command continues. --quick takes 3 of 6 numbers
at once, 2 of 4 intensities, and memory and links of a sixteenth of the size.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
from common import continued_result, how_often, run, show_progress, study_options
from common.sweep import draw_sweep

from cluster_emu import metric_catalogue, run_batch
from cluster_emu.results import complete_result, write_csv
from cluster_emu.study import Verdict, paired_effect
from cluster_emu.view import save_figure

STUDIES = {"one host": ("concurrency_one_host", 1), "one rack": ("concurrency_one_rack", 8)}
"""The study's file and the number of its groups of VMs, by what is drained."""
FOLDER = Path(__file__).parent / "studies"
AT_ONCE, INTENSITY = "manager.max_per_cluster", "workload.demand.share"


def changes(args: argparse.Namespace, groups: int) -> dict[str, Any]:
    """Return the changes that the options make in a study with `groups` groups of VMs."""
    often = how_often(args, full=5, quick=2)
    changed: dict[str, Any] = {"seed": often["seed"], "replications": often["replications"]}
    if args.quick:
        changed["axes"] = {AT_ONCE: [1, 4, 32], INTENSITY: [0.1, 0.5]}
        changed["fields"] = {f"vms.{i}.memory_bytes": "16 MiB" for i in range(groups)}
        changed["fields"]["topology.host_bps"] = "62.5 Mbit/s"
    return changed


def crossovers(table: pd.DataFrame) -> pd.DataFrame:
    """Return, per strategy and intensity, the best number at once and where more are a loss.

    A number at once loses to one at a time if its makespan is higher, by the verdict on paired
    differences. `loses_from` is the smallest number from which all larger ones lose.
    """
    rows, smallest = [], metric_catalogue["makespan_s"].smallest_difference
    for (method, intensity), group in table.groupby(["strategy", INTENSITY], sort=False):
        times = group.pivot(index="replication", columns=AT_ONCE, values="makespan_s")
        effects = {n: paired_effect(*times[[1, n]].to_numpy().T, smallest) for n in times}
        kept = [n for n, effect in effects.items() if effect.verdict != Verdict.HIGHER]
        after = [n for n in times if n > max(kept)]
        mean = times.mean()
        rows.append(
            {
                "strategy": method,
                "writes_per_page": intensity,
                "best_at_once": int(mean.idxmin()),
                "best_s": mean.min(),
                "one_at_a_time_s": mean[1],
                "loses_from": min(after, default=None),
            }
        )
    return pd.DataFrame(rows).astype({"loses_from": "Int64"})


def level_title(intensity: float) -> str:
    """Return the title of the panels of a write intensity."""
    return f"{intensity:g} writes per page\nand copy"


def main() -> int:
    """Open the folder of the results, or continue there."""
    args = study_options(__doc__, "concurrency_sweep").parse_args()
    studies = [study for study, _ in STUDIES.values()]
    names = ["crossovers.csv", *studies, *(f"{study}.png" for study in studies)]
    with continued_result(args, "concurrency_sweep", names):
        return sweep(args)


def sweep(args: argparse.Namespace) -> int:
    """Run both studies, write and draw them, print from which number on concurrency is a loss."""
    jobs = how_often(args, full=5, quick=2)["jobs"]
    found, files, failed = [], [], 0
    for drained, (study, groups) in STUDIES.items():
        batch = run_batch(
            FOLDER / f"{study}.toml",
            out=args.out / study,
            jobs=jobs,
            changes=changes(args, groups),
            progress=show_progress,
        )
        failed += len(batch.failed)
        title = f"32 VMs leave {drained}: means and 95 % intervals"
        figure = draw_sweep(batch.table, AT_ONCE, INTENSITY, title, named=level_title)
        files.append(save_figure(figure, args.out / f"{study}.png"))
        found.append(crossovers(batch.table).assign(drained=drained))
    rows = pd.concat(found, ignore_index=True)
    files.append(args.out / "crossovers.csv")
    write_csv(rows, files[-1])
    complete_result(args.out)
    print("Numbers at once that take longer than one at a time (95 %, paired by seed):")
    print(rows.to_string(index=False, na_rep="never", float_format="{:.4g}".format))
    print("\nWritten", *files, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    run(main)
