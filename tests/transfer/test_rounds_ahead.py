"""Many live rounds worked out in one call are the rounds that follow one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cluster_emu import ClusterModel, RunResult
from cluster_emu.errors import ClusterEmuError
from cluster_emu.memory.base import RoundAhead, RoundsAhead
from cluster_emu.memory.lumped.engine import LumpedEngine
from cluster_emu.memory.pages import engine as pages_engine
from cluster_emu.memory.pages.engine import MOST_PAGES_AHEAD, MOST_VISITS_AHEAD, PagesEngine
from cluster_emu.scenario import scenario_from
from cluster_emu.transfer import migration
from cluster_emu.transfer.controller import Progress
from cluster_emu.transfer.stop_rules import stop_rules

ENDLESS = "fixed-rounds:rounds=1000000"
OFTEN = {"name": "uniform", "writes_per_page_s": 1e9}
"""Every page is written again in every round."""


def run(fidelity: str, strategy: str, stop: str = ENDLESS, **extra: Any) -> RunResult:
    """Run a VM of 2 MiB whose rounds last some 0.1 ms."""
    profile = {"name": "uniform", "writes_per_page_s": 160.0}
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": "2 MiB", "profile": profile, "host": 0}
    scenario = scenario_from(
        {
            "name": "short rounds",
            "run": {"duration_s": 0.1, "tick_s": 0.05, "fidelity": fidelity},
            "topology": {"name": "star", "hosts": 2, "host_bps": "10 Gbit/s"},
            "hosts": [{"count": 2, "cpu_capacity": 8, "memory_bytes": "16 GiB"}],
            "vms": [vm],
            "workload": {"demand": {"name": "constant", "share": 1.0}},
            "transfer": {"strategy": strategy, "stop": stop},
            "migrations": [{"vm": 0, "target": 1}],
        }
        | extra
    )
    return ClusterModel(scenario, rng=3).run()


def one_by_one(monkeypatch: pytest.MonkeyPatch, *args: Any, **extra: Any) -> RunResult:
    with monkeypatch.context() as patch:
        patch.setattr(migration, "LEAST_ROUNDS_AHEAD", 10**12)
        return run(*args, **extra)


def calls_of_run_ahead(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    calls: list[bool] = []
    original = migration.LiveRound._run_ahead

    def counted(self: Any, progress: Progress, now_s: float) -> bool:
        calls.append(original(self, progress, now_s))
        return calls[-1]

    monkeypatch.setattr(migration.LiveRound, "_run_ahead", counted)
    return calls


def assert_same(found: RunResult, expected: RunResult) -> None:
    for name, table in expected.tables.items():
        assert found.tables[name].equals(table), name


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field", "scalar"])
@pytest.mark.parametrize(
    "strategy",
    [
        "history-majority:history=7",
        "history-majority:history=3,peek_batch_pages=16",
        "pre-copy",
        "time-series",
        "matrix-bitmap",
    ],
)
def test_rounds_ahead_are_the_rounds_one_by_one(
    fidelity: str, strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = one_by_one(monkeypatch, fidelity, strategy)
    calls = calls_of_run_ahead(monkeypatch)
    found = run(fidelity, strategy)
    assert any(calls)
    assert len(calls) < len(found.rounds)
    assert_same(found, expected)


@pytest.mark.parametrize("strategy", ["xen-legacy:peek_batch_pages=2", "qemu", "pre-copy"])
def test_rounds_ahead_with_more_pages(strategy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes of different rates, and so many pages due that peeks of small batches blur."""
    classes = [
        {"share": 0.2, "writes_per_page_s": 400.0},
        {"share": 0.8, "writes_per_page_s": 20.0},
    ]
    vm = {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": "8 MiB",
        "profile": {"name": "inline", "classes": classes},
        "host": 0,
    }
    expected = one_by_one(monkeypatch, "mean-field", strategy, vms=[vm])
    calls = calls_of_run_ahead(monkeypatch)
    found = run("mean-field", strategy, vms=[vm])
    assert any(calls)
    assert_same(found, expected)


@pytest.mark.parametrize(
    "stop",
    [
        "fixed-rounds:rounds=100",
        "deadline:deadline_s=0.03",
        "deadline:deadline_s=0.03,at_deadline=abort",
        "downtime-limit:downtime_limit_s=0.00001",
        "no-progress:patience=30",
        "xen-legacy",
    ],
)
def test_rounds_ahead_end_where_a_stop_rule_ends_them(
    stop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = "history-majority:history=7"
    assert_same(run("pages", strategy, stop), one_by_one(monkeypatch, "pages", strategy, stop))


@pytest.mark.parametrize(
    "extra",
    [
        {"migrations": [{"vm": 0, "target": 1}, {"vm": 1, "target": 1, "at_s": 0.0314}]},
        {"migrations": [{"vm": 0, "target": 1, "cancel_at_s": 0.0314}]},
    ],
    ids=["another migration joins", "cancelled"],
)
def test_rounds_ahead_stop_before_anything_else_happens(
    extra: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy = "history-majority:history=7"
    profile = {"name": "uniform", "writes_per_page_s": 160.0}
    vm = {"count": 2, "cpu_capacity": 1, "memory_bytes": "2 MiB", "profile": profile, "host": 0}
    extra = {**extra, "vms": [vm]}
    expected = one_by_one(monkeypatch, "pages", strategy, **extra)
    assert_same(run("pages", strategy, **extra), expected)


@pytest.mark.parametrize("fidelity", ["pages", "lumped"])
def test_a_call_that_works_rounds_out_is_short(
    fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compiled code hears no signal, so each call of it has a bounded number of visits."""
    engine = {"pages": PagesEngine, "lumped": LumpedEngine}[fidelity]
    original = engine.run_ahead
    calls: list[int] = []

    def counted(self: Any, ahead: RoundsAhead) -> Sequence[RoundAhead]:
        rounds = original(self, ahead)
        calls.append(len(rounds))
        return rounds

    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": "256 KiB", "profile": OFTEN, "host": 0}
    expected = run(fidelity, "pre-copy", vms=[vm])
    monkeypatch.setattr(engine, "run_ahead", counted)
    if fidelity == "pages":
        assert MOST_VISITS_AHEAD >= migration.LEAST_ROUNDS_AHEAD * MOST_PAGES_AHEAD
        monkeypatch.setattr(pages_engine, "MOST_VISITS_AHEAD", 100 * 64)
    else:
        monkeypatch.setattr(migration, "MOST_ROUNDS_AHEAD", 100)
    assert_same(run(fidelity, "pre-copy", vms=[vm]), expected)
    assert max(calls) == 100


@pytest.mark.parametrize("fidelity", ["pages", "mean-field"])
def test_rounds_of_less_than_ten_microseconds_are_refused(
    fidelity: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page a round at 10 Gbit/s takes 3.3 us."""
    assert pytest.approx(1e-5) == migration.SHORT_ROUNDS_S / migration.SHORT_ROUNDS
    monkeypatch.setattr(migration, "SHORT_ROUNDS", 200)
    monkeypatch.setattr(migration, "SHORT_ROUNDS_S", 200 * 1e-5)
    vm = {"count": 1, "cpu_capacity": 1, "memory_bytes": "4 KiB", "profile": OFTEN, "host": 0}
    allowed = run(fidelity, "pre-copy", "fixed-rounds:rounds=200", vms=[vm])
    assert allowed.migrations["rounds"].tolist() == [200]
    with pytest.raises(ClusterEmuError, match=r"VM 0: 200 live rounds within 0\.0006\d* s"):
        run(fidelity, "pre-copy", "fixed-rounds:rounds=201", vms=[vm])


def progress(round_number: int = 3) -> Progress:
    return Progress(round_number, 100, 50, 5000.0, 5000.0, (), 10, 0, 100, 1000.0, 1e4, 1.0)


def test_a_rule_says_after_which_rounds_it_continues() -> None:
    rule = stop_rules.create("fixed-rounds", rounds=10)
    assert rule.sure_rounds(progress()).rounds == 6
    rule = stop_rules.create("downtime-limit", downtime_limit_s=0.1)
    assert rule.sure_rounds(progress()).least_left >= 11
    assert stop_rules.create("no-progress").sure_rounds(progress()).rounds == 0
