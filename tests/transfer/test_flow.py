"""Rates of many migrations at once: the results are those of each migration by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.memory.base import RateDependence, RoundCounts
from cluster_emu.memory.scalar.engine import ScalarEngine
from cluster_emu.model import ClusterModel
from cluster_emu.network import FluidLoop
from cluster_emu.strategies.pre_copy import PreCopy
from cluster_emu.transfer import flow
from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import MigrationRecord, Phase
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import FixedRounds, StopRuleController
from tests._support.small_scenarios import BPS, PAGE, scenario

MANY = 10**9
DIRTY = {
    "name": "inline",
    "classes": [
        {"share": 0.3, "writes_per_page_s": 1.0},
        {"share": 0.7, "writes_per_page_s": 0.01},
    ],
    "burst": {"on_s": 0.5, "off_s": 0.8, "level_off": 0.1},
}


def tables(fidelity: str, tick_s: float = 1.0, **more: Any) -> dict[str, pd.DataFrame]:
    """Let twelve VMs of all sizes leave two hosts at once."""
    vm = {"count": 1, "cpu_capacity": 0.1, "profile": DIRTY}
    vms = [
        {**vm, "host": number % 2, "memory_bytes": (200 + 31 * number) * PAGE}
        for number in range(12)
    ]
    fields = {"run.fidelity": fidelity, "run.track_versions": False, "run.tick_s": tick_s}
    moves = [{"vm": number, "target": 2 + number % 3} for number in range(12)]
    given_fields = {"vms": vms, "hosts": 5, "link_bps": 2 * BPS, "migrations": moves, **more}
    result = ClusterModel(scenario(**given_fields).with_fields(fields), rng=3).run()
    assert result.migrations["outcome"].eq("completed").all()
    return result.tables


def assert_same(a: dict[str, pd.DataFrame], b: dict[str, pd.DataFrame]) -> None:
    for name in ("migrations", "rounds"):
        pd.testing.assert_frame_equal(a[name], b[name], check_exact=True)


@pytest.mark.parametrize("fidelity", ["pages", "scalar"])
@pytest.mark.parametrize("strategy", ["pre-copy", "post-copy", "hybrid"])
def test_together_and_one_by_one_agree_to_the_last_bit(
    fidelity: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow, "FEW", MANY)
    alone = tables(fidelity, strategy=strategy, transfer={"device_state_bytes": 3e5})
    monkeypatch.setattr(flow, "FEW", 0)
    together = tables(fidelity, strategy=strategy, transfer={"device_state_bytes": 3e5})
    if fidelity == "pages":
        assert_same(alone, together)
    else:  # a plan made again in mid-round may differ in the last bit
        ends = [each["migrations"]["end_s"] for each in (alone, together)]
        np.testing.assert_allclose(*ends, rtol=1e-12)


@pytest.mark.parametrize("tick_s", [0.1, 10.0])
def test_ticks_move_no_result(tick_s: float) -> None:
    assert_same(tables("scalar"), tables("scalar", tick_s))


def test_kept_spans_are_used_before_their_space_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow, "FEW", 0)
    usual = tables("scalar")
    monkeypatch.setattr(flow, "KEPT_SPANS", 2)
    assert_same(usual, tables("scalar"))


# --- bounds ---------------------------------------------------------------------------------------


class Fading(ScalarEngine):
    """A round in which what is still clean is sent; `RATE` is how fast it gets dirty.

    At operational time s of the round a share exp(-RATE s) of what is visited is sent, so that
    `due` has been visited when the integral of exp(RATE s) over the bytes sent is `due`.
    """

    RATE = 0.3

    def __init__(self, dependence: RateDependence, due: float) -> None:
        super().__init__(due, 1.0, 0.0, 0.0)
        self.rate_dependence = dependence  # type: ignore[misc]
        self.plans = 0
        self._left_to_visit = due
        self._time = 0.0

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        self.plans += 1
        slope = self.RATE * time_per_byte
        visits = self._left_to_visit * math.exp(-self.RATE * self._time)
        left = math.log1p(slope * visits) / slope
        self._ends_at_bytes = self._sent_bytes + left
        return left

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        super().advance(sent_bytes, elapsed)
        if sent_bytes > 0:
            slope = self.RATE * elapsed / sent_bytes
            visited = math.expm1(slope * sent_bytes) / slope * math.exp(self.RATE * self._time)
            self._left_to_visit = max(self._left_to_visit - visited, 0.0)
        self._time += elapsed

    def end_round(self, elapsed: float) -> RoundCounts:
        self._due_bytes = self._ends_at_bytes  # what is skipped is not stale, so it is over
        return super().end_round(elapsed)


class Around:
    """What a migration needs around it; nothing happens there."""

    def __init__(self, engine: ScalarEngine) -> None:
        self._engine = engine

    def engine(self, intensity: float) -> ScalarEngine:
        return self._engine

    def level(self, now_s: float) -> float:
        return 1.0

    def demand(self, now_s: float) -> float:
        return 1.0

    def next_change(self, now_s: float) -> float:
        return math.inf

    def slowed(self, *_: object) -> None: ...

    def resumed(self, *_: object) -> None: ...

    def stalled(self, *_: object) -> None: ...

    def offer_turn(self, *_: object) -> bool:
        return True

    def ended(self, record: MigrationRecord, outcome: Any, why: str, now_s: float) -> None:
        record.close(now_s, outcome, why)


def ends_s(
    dependence: RateDependence, sizes: list[float], capacities: list[float]
) -> tuple[list[float], int]:
    """Share a link whose capacity changes every 0.7 s; return ends, and how often was planned."""
    loop = FluidLoop([10.0])
    together = MigrationFlowGroup(loop)
    engines = [Fading(dependence, size) for size in sizes]
    records = [MigrationRecord(n, n, 0, 1, "", 0, "", 0, 0.0) for n in range(len(sizes))]
    for record, engine in zip(records, engines, strict=True):
        around: Any = Around(engine)
        settings_ = TransferSettings(page_header_bytes=0.0)
        controller = StopRuleController(FixedRounds(rounds=1))
        migration = Migration(
            record, [], PreCopy(), controller, settings_, around, around, (0,), together, around
        )
        migration.transition(Phase.READY)
        migration.start(0.0)
    for number, capacity in enumerate([*capacities, 10.0], start=1):
        loop.run_until(0.7 * number)
        loop.set_capacity(0, capacity)
    loop.run()
    return [record.end_s for record in records], sum(engine.plans for engine in engines)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.5, 60.0), min_size=1, max_size=12),
    st.lists(st.sampled_from([0.0, 1.0, 7.0, 10.0, 30.0, 90.0]), max_size=12),
)
def test_a_bound_is_planned_on_in_time(sizes: list[float], capacities: list[float]) -> None:
    at_once, _ = ends_s(RateDependence.UNKNOWN, sizes, capacities)
    bounded, _ = ends_s(RateDependence.BOUNDED, sizes, capacities)
    np.testing.assert_allclose(bounded, at_once, rtol=1e-9)


def test_bounds_save_planning() -> None:
    sizes, capacities = [100.0] * 10, [9.0, 10.0] * 10
    at_once, plans = ends_s(RateDependence.UNKNOWN, sizes, capacities)
    bounded, fewer = ends_s(RateDependence.BOUNDED, sizes, capacities)
    np.testing.assert_allclose(bounded, at_once, rtol=1e-9)
    assert fewer < 0.6 * plans
