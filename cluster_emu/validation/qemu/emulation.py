"""Measured migrations emulated: one run for each seed and each group that ran together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from cluster_emu.validation.qemu.guest import SOCKET_BUFFER_BYTES, STOP_AND_RESUME_S
from cluster_emu.validation.qemu.rows import MeasuredMigration, Outcome
from cluster_emu.validation.qemu.scenarios import scenario_of

WIRE_BYTES = 4104
FIDELITIES = ("pages", "lumped")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A measured migration and what the emulator makes of it.

    Args:
        measured: the row.
        emulated: means over the seeds; the times are over those that converge.
    """

    measured: MeasuredMigration
    emulated: Outcome


def compare(
    migrations: Sequence[MeasuredMigration], fidelity: str, seeds: Iterable[int]
) -> tuple[list[Comparison], dict[str, str]]:
    """Emulate each migration, those of one group together.

    Returns:
        The comparisons, in the order given, and the rows that the memory model does not support,
        each with the reason.
    """
    runs = {seed: dict[str, Outcome]() for seed in seeds}
    skipped: dict[str, str] = {}
    by_group = sorted(migrations, key=lambda one: one.group)
    for _, members in groupby(by_group, key=lambda one: one.group):
        group = list(members)
        names = [one.configuration.name for one in group]
        scenario = scenario_of([one.configuration for one in group], fidelity)
        try:
            for seed, outcomes in runs.items():
                outcomes.update(zip(names, _run(scenario, seed), strict=True))
        except ScenarioError as error:
            if error.field != "run.fidelity":
                raise
            skipped.update(dict.fromkeys(names, str(error)))
    return [
        Comparison(one, _mean([found[name] for found in runs.values()]))
        for one in migrations
        if (name := one.configuration.name) not in skipped
    ], skipped


def _run(scenario: Scenario, seed: int) -> list[Outcome]:
    """Run a scenario; return what came of its migrations, by VM."""
    result = ClusterModel(scenario, rng=seed).run()
    rows = result.migrations.sort_values("vm").to_dict("records")
    return [
        Outcome(
            row["outcome"] == "completed",
            row["total_time_s"] - _in_buffers_s(row),
            row["downtime_s"],
            row["rounds"],
            row["bytes"],
        )
        for row in rows
    ]


def _in_buffers_s(row: Mapping[Hashable, Any]) -> float:
    """Return how much earlier QEMU's total time ends: once all is in the socket's buffers."""
    stopped_s = row["downtime_s"] - STOP_AND_RESUME_S.value
    stopped_bytes = row["pages_sent_stop"] * WIRE_BYTES
    buffered_bytes = min(SOCKET_BUFFER_BYTES.value, stopped_bytes)
    return float(buffered_bytes / stopped_bytes * stopped_s) if stopped_bytes else 0.0


def _mean(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the mean of those that converge, if most do, else of the others."""
    converged = 2 * sum(one.converged for one in outcomes) > len(outcomes)
    chosen = [one for one in outcomes if one.converged == converged]
    return Outcome(
        converged,
        *(
            float(np.mean([getattr(one, name) for one in chosen]))
            for name in ("total_time_s", "downtime_s", "rounds", "transferred_bytes")
        ),
    )
