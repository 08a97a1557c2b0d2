"""What happens in each round of one migration? The scenario `single` in detail.

    python experiments/one_migration.py --strategy xen-legacy --profile oltp

A VM of 1 GiB (--quick: 64 MiB) moves over 1 Gbit/s with a transfer strategy and a write profile of
your choice. `cluster-emu list strategies` lists the strategies. Every round is a row of the table
and a bar of the figure: pages due at its start, pages sent, skipped and deferred, and pages dirtied
during the round.
"""

from __future__ import annotations

import argparse

from common import options, result_of, run, written

from cluster_emu import ClusterModel, RunResult
from cluster_emu.results import write_csv
from cluster_emu.view import draw_anatomy, save_figure

COLUMNS = ["phase", "round", "start_s", "end_s", "due", "sent", "skipped", "deferred", "dirtied"]


def migrate(args: argparse.Namespace) -> RunResult:
    """Run the scenario with the options."""
    fields = {"vms.0.profile": args.profile}
    if args.quick:
        fields["vms.0.memory_bytes"] = "64 MiB"
    return ClusterModel("single", strategy=args.strategy, rng=args.seed, **fields).run()


def main() -> None:
    """Run the migration, print and write its tables."""
    parser = options(__doc__, "one_migration")
    parser.add_argument("--strategy", default="history-majority", help="name:key=value,...")
    parser.add_argument("--profile", default="web", help="idle, web, oltp, memory-hog, ...")
    args = parser.parse_args()
    with result_of(args, "one_migration") as folder:
        result = migrate(args)
        migration = result.migrations.iloc[0]
        print(result.rounds[COLUMNS].to_string(index=False, float_format="{:.3f}".format))
        print(
            f"\n{migration['strategy']}, {args.profile}: "
            f"{migration['outcome']} ({migration['why']}); "
            f"total time {migration['total_time_s']:.3f} s, downtime "
            f"{1000 * migration['downtime_s']:.1f} ms, {migration['bytes'] / 1e6:.1f} MB sent"
        )
        for sentence in (*result.assumptions, *result.notes):
            print(sentence)
        files = [save_figure(draw_anatomy(result.rounds, migration), folder / "one_migration.png")]
        for name, table in (("rounds", result.rounds), ("migrations", result.migrations)):
            files.append(folder / f"{name}.csv")
            write_csv(table, files[-1])
    print(written(args, files))


if __name__ == "__main__":
    run(main)
