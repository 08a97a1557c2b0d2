"""The scenario `cloudsim-planetlab` in experiments: its traces, and a small size of it."""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path
from typing import Any

from common import how_often

SCENARIO = "cloudsim-planetlab"
SMALL: dict[str, Any] = {
    "topology.leaves": 2,
    "topology.spines": 2,
    "topology.hosts_per_leaf": 8,
    **{f"hosts.{group}.count": 8 for group in range(2)},
    **{f"vms.{group}.count": 8 for group in range(4)},
    **{f"vms.{group}.memory_bytes": "64 MiB" for group in range(4)},
}
"""Fields of a scenario of 16 hosts and 32 VMs."""


def with_traces(
    parser: argparse.ArgumentParser, what: str = "folder of a day's PlanetLab CPU traces"
) -> argparse.Namespace:
    """Return what was given to a parser with the option --traces, too; only --quick needs none."""
    parser.add_argument(
        "--traces",
        type=Path,
        metavar="DIR",
        help=f"{what}; --quick replays made-up ones without it",
    )
    args = parser.parse_args()
    if args.traces is None and not args.quick:
        parser.error("the following arguments are required: --traces (or --quick)")
    return args


def fields_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return the fields that the options of `with_traces` set in the scenario."""
    fields = dict(SMALL) if args.quick else {}
    if args.traces is None:
        return fields | {"workload.needs_traces": False}
    return fields | {"workload.traces": str(args.traces.resolve())}


def study_changes(
    args: argparse.Namespace, study: Path, *, full: int, axes: dict[str, list[Any]]
) -> dict[str, Any]:
    """Return the changes that the options of `with_traces` make in a study of the scenario.

    Args:
        args: the options.
        study: the study's file; its own fields are kept.
        full: replications without --quick.
        axes: the axes with --quick.
    """
    often = how_often(args, full=full, quick=2)
    own = tomllib.loads(study.read_text("utf-8"))
    changed: dict[str, Any] = {"seed": often["seed"], "replications": often["replications"]}
    if args.quick:
        changed["axes"] = axes
    return changed | {"fields": own["fields"] | fields_of(args)}


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
