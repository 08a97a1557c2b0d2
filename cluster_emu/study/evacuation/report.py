"""What emptying hosts comes to: drain time, downtime per VM, bytes, failures, slow-down."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.results.run_result import versions, write_parquet, write_text
from cluster_emu.study.evacuation.effects import effects, hosts_document, mean_effects
from cluster_emu.study.evacuation.plan import Drained, DrainPlan
from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.evacuation.settings import settings_in_words
from cluster_emu.study.statistics.estimates import Estimate, estimate
from cluster_emu.study.statistics.quantiles import quantile, values_needed

Document = dict[str, Any]

DRAIN_SHARES = {"p50": 0.5, "p95": 0.95}
VM_SHARES = {"p50": 0.5, "p95": 0.95, "max": 1.0}
PER_VM = ("downtime_s", "queue_wait_s", "guest_lost_s", "fault_stall_s", "cpu_lost_to_migration_s")
"""Columns of the table `vms` whose spread over the VMs is told, where there are such."""


class Replication(NamedTuple):
    """One replication: its number, what was to be run, and what came of it."""

    number: int
    plan: DrainPlan
    run: DrainRun


@dataclass(frozen=True, slots=True)
class Evacuation:
    """Hosts emptied under several seeds.

    Args:
        drain: the scenario with the drain in it.
        seed: the base seed.
        wanted: number of replications that were asked for.
        replications: those that ended, one at least, in the order of their seeds.
    """

    drain: Drained
    seed: int
    wanted: int
    replications: tuple[Replication, ...]

    @property
    def vms(self) -> pd.DataFrame:
        """One row per replication and VM that had to go."""
        tables = [self._labelled(one) for one in self._sound]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def service(self) -> pd.DataFrame:
        """One row per replication and VM of the cluster: CPU wanted and lost, `goes` or stays."""
        tables = [
            one.run.service.assign(
                replication=one.number,
                seed=one.plan.seed,
                goes=one.run.service["vm"].isin(one.run.vms["vm"]),
            )
            for one in self._sound
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    @property
    def warnings(self) -> list[str]:
        """What was run but is hardly meant, in words."""
        return list(dict.fromkeys(text for one in self.replications for text in one.plan.warnings))

    @property
    def drains(self) -> pd.DataFrame:
        """One row per replication: drain time (inf if a VM is left), and figures over its VMs."""
        return pd.DataFrame([_figures(one) for one in self.replications])

    @property
    def failures(self) -> list[Document]:
        """The VMs that did not get away: replication, VM, host, how its last attempt ended."""
        columns = ["replication", "seed", "vm", "source", "attempts", "outcome", "why"]
        vms = self.vms
        if not len(vms):
            return []
        left = vms.loc[~vms["moved"].astype(bool), columns]
        return [
            {str(name): value for name, value in row.items()} for row in left.to_dict("records")
        ]

    @property
    def errors(self) -> list[Document]:
        """The replications that failed: number, seed and error of each."""
        return [
            {"replication": one.number, "seed": one.plan.seed, "error": one.run.error}
            for one in self.replications
            if one.run.error
        ]

    @property
    def typical(self) -> Replication | None:
        """The replication with the median drain time, the lower of two; None if all failed."""
        ordered = sorted(self._sound, key=lambda one: (one.run.drain_s, one.number))
        return ordered[(len(ordered) - 1) // 2] if ordered else None

    @property
    def worst_downtime_s(self) -> float:
        """The longest downtime to reckon with.

        The longest that was seen or, if larger, the upper end of the interval of the mean over the
        replications; NaN where there is none.
        """
        longest = self._over_replications("downtime_s", 1.0)
        ends = [*longest, estimate(longest).high or math.nan]
        return float(np.nanmax(ends)) if np.isfinite(ends).any() else math.nan

    @property
    def drain_s(self) -> NDArray[np.float64]:
        """The drain time of every replication that did not fail, inf if a VM is left."""
        return np.array([one.run.drain_s for one in self._sound], dtype=np.float64)

    @property
    def bytes(self) -> Estimate:
        """Bytes sent per drain."""
        return estimate(np.array([one.run.migrations["bytes"].sum() for one in self._sound]))

    def document(self) -> Document:
        """Return everything but the tables as plain data for JSON; None for what there is not."""
        plan = self.replications[0].plan
        return {
            "scenario": self.drain.scenario.name,
            "traces": plan.traces,
            "hosts": list(plan.hosts),
            "policy": self.drain.policy,
            "strategy": self.drain.strategy,
            "parallel": plan.limits.per_cluster,
            "possible_at_once": plan.possible_at_once,
            "outbound_per_host": plan.limits.outbound_per_host,
            "inbound_per_host": plan.limits.inbound_per_host,
            "replications": len(self.replications),
            "replications_wanted": self.wanted,
            "seed": self.seed,
            "seeds": [one.plan.seed for one in self.replications],
            "vms_to_move": [one.plan.vms for one in self.replications],
            "drain_s": self._drain_document(),
            "per_vm": {name: self._spread(name) for name in PER_VM if name in self.vms},
            "bytes": _mean(self.bytes),
            "cluster": mean_effects([one.run for one in self._sound]),
            "hosts_emptied": hosts_document(plan.hosts, [one.run for one in self._sound]),
            "outcomes": self._outcomes(),
            "failures": self.failures,
            "errors": self.errors,
            "typical": self._typical_document(),
            "warnings": self.warnings,
            "notes": self._notes(),
            "assumptions": self._assumptions(),
            "versions": versions(),
        }

    def save(self, folder: Path) -> list[Path]:
        """Write evacuation.json and tables (Parquet, CSV), each atomically.

        `vms`, `service` and `drains` are of all replications, `migrations` and `rounds` of the
        typical one. Returns the files written.
        """
        tables = {"vms": self.vms, "service": self.service, "drains": self.drains}
        if self.typical is not None:
            run = self.typical.run
            tables |= {"migrations": run.migrations, "rounds": run.rounds}
        paths = [folder / "evacuation.json"]
        write_text(json.dumps(self.document(), indent=2, allow_nan=False) + "\n", paths[0])
        for name, table in tables.items():
            paths += [folder / f"{name}.parquet", folder / f"{name}.csv"]
            write_parquet(table, paths[-2])
            write_text(table.to_csv(index=False), paths[-1])
        return paths

    @property
    def _sound(self) -> list[Replication]:
        return [one for one in self.replications if not one.run.error]

    def _labelled(self, one: Replication) -> pd.DataFrame:
        labels = {
            "replication": one.number,
            "seed": one.plan.seed,
            "policy": self.drain.policy,
            "strategy": self.drain.strategy,
        }
        return pd.concat([pd.DataFrame(labels, index=one.run.vms.index), one.run.vms], axis=1)

    def _typical_document(self) -> Document | None:
        if self.typical is None:
            return None
        number, plan, run = self.typical
        return {"replication": number, "seed": plan.seed, "drain_s": _plain(run.drain_s)}

    def _drain_document(self) -> Document:
        found = self.drain_s
        over = found[np.isfinite(found)]
        return {
            "drained": len(over),
            "runs": len(found),
            **{name: _plain(quantile(found, s).document()) for name, s in DRAIN_SHARES.items()},
            "mean": _mean(estimate(found))
            if len(over) == len(found)
            else _mean(estimate(over[:0])),
        }

    def _spread(self, column: str) -> Document:
        """Return quantiles over all VMs, and over those of a replication: mean and interval."""
        pooled = self.vms[column].to_numpy(dtype=np.float64)
        known = pooled[~np.isnan(pooled)]
        return {
            name: {
                "all_vms": float(np.quantile(known, share)) if len(known) else None,
                **_mean(estimate(self._over_replications(column, share))),
            }
            for name, share in VM_SHARES.items()
        }

    def _over_replications(self, column: str, share: float) -> NDArray[np.float64]:
        return np.array([_quantile(one.run.vms, column, share) for one in self._sound])

    def _outcomes(self) -> list[Document]:
        """Return how many migrations of all replications ended how, the most frequent first."""
        counts: Counter[tuple[str, str]] = Counter()
        for one in self._sound:
            ends = one.run.migrations
            counts.update(zip(ends["outcome"], ends["why"], strict=True))
        order = sorted(counts, key=lambda kind: (-counts[kind], kind))
        return [
            {"outcome": outcome, "why": why, "migrations": counts[outcome, why]}
            for outcome, why in order
        ]

    def _notes(self) -> list[str]:
        return [
            f"replication {one.number}: {text}" for one in self._sound for text in one.run.notes
        ]

    def _assumptions(self) -> list[str]:
        plan = self.replications[0].plan
        packed = [str(one.number) for one in self.replications if one.plan.by_memory]
        said = [*plan.assumptions, *self.drain.assumptions, _at_once(plan)]
        said += settings_in_words(plan.scenario)
        if packed:
            said.append(
                f"Memory is so short in replications {', '.join(packed)} that it alone decides "
                "where VMs go, the largest first."
            )
        return [*said, *_how(self.drain, len(self._sound))]


def _at_once(plan: DrainPlan) -> str:
    """Say how many migrations may run at once."""
    limits = plan.limits
    told = (
        (limits.per_cluster, "in the cluster"),
        (limits.outbound_per_host, "away from a host"),
        (limits.inbound_per_host, "onto a host"),
    )
    known = [f"{limit} {where}" for limit, where in told if limit is not None]
    allowed = ", ".join(known) or "as many as there are"
    return f"Migrations at once: {allowed}; {plan.possible_at_once} possible."


def _how(drain: Drained, runs: int) -> list[str]:
    interval_s = drain.scenario.run.control_interval_s
    needed = {name: values_needed(share) for name, share in DRAIN_SHARES.items()}
    few = [f"{name} needs {count}" for name, count in needed.items() if runs < count]
    short = f"; with {runs} replications some ends are missing ({', '.join(few)})" if few else ""
    return [
        "Drain time runs from time 0, when the drain is asked for, until the last source host is "
        "rid of its last VM; a drain that leaves a VM behind counts as longer than all others.",
        "An aborted migration is asked for again by its policy, and every "
        f"{interval_s:g} s as long as others move; what is left when nothing moves has failed.",
        "A replication has its own seed for placement draw, CPU demand, profiles and writes.",
        f"Intervals of p50 and p95 of the drain time are 95 % order-statistic intervals{short}.",
        "Figures per VM: quantiles over the VMs of a replication, then their mean over the "
        "replications with its 95 % Student t interval. VMs that did not move have no downtime.",
    ]


def _figures(one: Replication) -> Document:
    vms = one.run.vms
    row: Document = {
        "replication": one.number,
        "seed": one.plan.seed,
        "error": one.run.error,
        "drain_s": one.run.drain_s,
        "vms": one.plan.vms,
        "by_memory": one.plan.by_memory,
    }
    if one.run.error:
        return row
    spreads = {
        f"{column.removesuffix('_s')}_{name}_s": _quantile(vms, column, share)
        for column in PER_VM
        if column in vms
        for name, share in VM_SHARES.items()
    }
    moved = int(vms["moved"].sum())
    sent = float(one.run.migrations["bytes"].sum())
    return {**row, "moved": moved, "bytes": sent, **spreads, **effects(one.run)}


def _quantile(vms: pd.DataFrame, column: str, share: float) -> float:
    return float(vms[column].quantile(share)) if len(vms) else math.nan


def _mean(found: Estimate) -> Document:
    """Return a mean of what is never negative, so neither is its interval."""
    low = None if found.low is None else max(found.low, 0.0)
    return {"mean": found.mean, "ci95": [low, found.high], "runs": found.count}


def _plain(value: Any) -> Any:
    """Return data with None in place of what is infinite: JSON has no such number."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
