"""The state machine of a migration: every legal transition happens, an illegal one raises."""

from __future__ import annotations

import ast
import inspect
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import cluster_emu
from cluster_emu.model import ClusterModel
from cluster_emu.network import FluidLoop
from cluster_emu.strategies.pre_copy import PreCopy
from cluster_emu.transfer import migration as state_machine
from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.migration import TRANSITIONS, IllegalTransitionError, Migration
from cluster_emu.transfer.records import MigrationRecord, Phase
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import FixedRounds, StopRuleController
from tests._support.small_scenarios import PAGE, scenario

Edge = tuple[Phase, Phase]
LEGAL = {(before, after) for before, allowed in TRANSITIONS.items() for after in allowed}
ILLEGAL = sorted(set(product(Phase, Phase)) - LEGAL)

PACKAGE = Path(cluster_emu.__file__).parent
BUSY = {"name": "uniform", "writes_per_page_s": 2.0}


# --- legal ones ----------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> set[Edge]:
    """Return the transitions that happen during a test."""
    edges: set[Edge] = set()
    transition = Migration.transition

    def noting(migration: Migration, to: Phase) -> None:
        before = migration.state
        transition(migration, to)
        edges.add((before, to))

    monkeypatch.setattr(Migration, "transition", noting)
    return edges


def drain(count: int = 1, until_s: float = 100.0, **more: Any) -> ClusterModel:
    """Return a model in which VMs of 1,000 pages leave host 0 for host 1, at 1,000 pages/s."""
    vm = {"count": count, "cpu_capacity": 1, "memory_bytes": 1_000 * PAGE, "host": 0}
    fields: dict[str, Any] = {
        "vms": [{**vm, "profile": BUSY}],
        "migrations": [{"vm": number, "target": 1} for number in range(count)],
        "stop": "fixed-rounds:rounds=2",
        "run": {"duration_s": until_s, "tick_s": 0.5, "control_interval_s": 0.5},
    }
    return ClusterModel(scenario(**{**fields, **more}), rng=1)


def crash(at_s: float) -> dict[str, Any]:
    return {"faults": [{"kind": "host-crash", "host": 1, "at_s": at_s}]}


def cancelled(at_s: float, count: int = 1, vm: int = -1) -> dict[str, Any]:
    """Return requests of which one is cancelled, by default the last."""
    asked: list[dict[str, Any]] = [{"vm": vm, "target": 1} for vm in range(count)]
    asked[vm]["cancel_at_s"] = at_s
    return {"count": count, "migrations": asked}


ONE_SLOT = {"manager": {"max_per_cluster": 1}}
TWO_STAGES = {"manager": {"max_per_cluster": 1, "preparing": {}}}
TURNS = {"manager": {"interleave": True}}
SLOW_START = {"transfer": {"prepare_s": 3.0}}
SLOW_END = {"transfer": {"finish_s": 3.0}}
POST_COPY = {"strategy": "post-copy"}
STOPPED = {"strategy": "stop-and-copy"}

ENDS_AT_0_6_S = {
    "process": "batch:first_s=99",
    "lifetime": "fixed:lifetime_s=1",
    "initial_lifetime": "fixed:lifetime_s=0.6",
    "flavours": [{"cpu_capacity": 1, "memory_bytes": PAGE, "profile": BUSY}],
}

RUNS: dict[str, list[dict[str, Any]]] = {
    "each strategy": [{"strategy": name} for name in ("pre-copy", "post-copy", "stop-and-copy")],
    "preparing and finishing": [
        {"transfer": {"prepare_s": 1.0, "finish_s": 1.0}},
        {"transfer": {"finish_s": 1.0}, **POST_COPY},
    ],
    "two stages": [{"count": 3, **TWO_STAGES}],
    "turns": [{"count": 3, **TURNS}],
    "a deadline": [{"stop": "fixed-rounds:rounds=9,deadline_s=1.5"}],
    # each phase, under way at 2 s
    "crashes": [
        {"count": 3, **ONE_SLOT, **crash(2.0)},
        {**SLOW_START, **crash(2.0)},
        {"count": 3, **TWO_STAGES, **crash(2.0)},
        {**crash(2.0), "stop": "fixed-rounds:rounds=9"},
        {"count": 3, **TURNS, **crash(1.5)},
        {**STOPPED, "transfer": {"suspend_s": 3.0}, **crash(2.0)},
        {**POST_COPY, "transfer": {"suspend_s": 1.5}, **crash(2.0)},
    ],
    "cancellations": [
        {**ONE_SLOT, **cancelled(2.0, 3)},
        {**SLOW_START, **cancelled(2.0)},
        {**TWO_STAGES, **cancelled(2.0, 3)},
        {**cancelled(2.0), "stop": "fixed-rounds:rounds=9"},
        {**TURNS, **cancelled(1.5, 3, vm=0)},
        {**STOPPED, "transfer": {"suspend_s": 3.0}, **cancelled(2.0)},
    ],
    "ends of the VM": [
        {**POST_COPY, "run": {"duration_s": 9.0}, "arrivals": ENDS_AT_0_6_S},
    ],
    "ends of the run": [
        {"count": 3, **ONE_SLOT, "until_s": 2.0},
        {**SLOW_START, "until_s": 2.0},
        {"count": 3, **TWO_STAGES, "until_s": 2.0},
        {"until_s": 2.0, "stop": "fixed-rounds:rounds=9"},
        {"count": 3, **TURNS, "until_s": 1.5},
        {**STOPPED, "transfer": {"suspend_s": 3.0}, "until_s": 2.0},
        {**POST_COPY, "transfer": {"suspend_s": 1.5}, "until_s": 2.0},
        {**STOPPED, **SLOW_END, "until_s": 2.0},
    ],
}


def test_runs_reach_every_legal_transition(seen: set[Edge]) -> None:
    for fields in [fields for runs in RUNS.values() for fields in runs]:
        drain(**fields).run()
    # nothing but a call of `cancel` fails a migration whose VM has arrived
    model = drain(**STOPPED, **SLOW_END)
    while Phase.FINISHING not in {each.state for each in model.manager.scheduler.live.values()}:
        model.step()
    model.manager.scheduler.cancel(0, Phase.FAILED, "a test", model.loop.now_s)
    assert seen == LEGAL


def test_a_wait_for_the_turn_is_reported_as_pre_copy() -> None:
    ended = drain(count=3, until_s=1.5, **TURNS).run().migrations["why"]
    assert set(ended) == {"pre-copy when the run ended", "ready when the run ended"}
    crashed = drain(count=3, **TURNS, **crash(1.5)).run().migrations["why"]
    assert any("crashed in phase pre-copy" in why for why in crashed)
    assert not any(Phase.WAITING_FOR_TURN in why for why in [*ended, *crashed])


def test_final_phases_are_those_that_nothing_follows() -> None:
    assert {phase for phase in Phase if not TRANSITIONS[phase]} == {
        phase for phase in Phase if phase.is_final
    }


# --- illegal ones --------------------------------------------------------------------------------


def queued() -> Migration:
    """Return a migration that nobody has started."""
    unused: Any = None
    return Migration(
        MigrationRecord(7, 0, 0, 1, "", 0, "", 0, 0.0),
        [],
        PreCopy(),
        StopRuleController(FixedRounds()),
        TransferSettings(),
        unused,
        unused,
        (0,),
        MigrationFlowGroup(FluidLoop([1.0])),
        unused,
    )


@pytest.mark.parametrize(("before", "after"), ILLEGAL, ids=lambda phase: phase.name)
def test_an_illegal_transition_raises_and_changes_nothing(before: Phase, after: Phase) -> None:
    migration = queued()
    migration._state = before
    with pytest.raises(IllegalTransitionError, match=f"migration 7: {before} -> {after}; allowed"):
        migration.transition(after)
    assert migration.state is before


def test_the_error_names_what_is_allowed() -> None:
    with pytest.raises(IllegalTransitionError) as error:
        queued().transition(Phase.POST_COPY)
    allowed = "cancelled, failed, preparing, ready, unfinished"
    assert str(error.value) == f"migration 7: queued -> post-copy; allowed is {allowed}"
    ended = queued()
    ended.transition(Phase.FAILED)
    with pytest.raises(IllegalTransitionError, match="allowed is none, it has ended"):
        ended.transition(Phase.COMPLETED)


def test_only_a_transition_sets_the_state() -> None:
    with pytest.raises(AttributeError):
        queued().state = Phase.READY  # type: ignore[misc]
    setters = [
        function.name
        for module in sorted(PACKAGE.rglob("*.py"))
        for function in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if module.name == "migration.py" and node.attr == "_state"
    ]
    assert setters == ["__init__", "transition"]


# --- no type switch ------------------------------------------------------------------------------

PHASE_CLASSES = {
    name
    for name, value in inspect.getmembers(state_machine, inspect.isclass)
    if issubclass(value, state_machine.CopyPhase)
} | {"SendingPhase"}


def type_tests(source: str) -> list[str]:
    """Return the `isinstance` and `type` tests in the source that name a class of a phase."""
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Call) and ast.unparse(node.func) in {"isinstance", "issubclass"})
        or (isinstance(node, ast.Compare) and "type(" in ast.unparse(node))
        if PHASE_CLASSES & {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        or PHASE_CLASSES & {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    ]


def test_no_code_asks_for_the_class_of_a_phase() -> None:
    found = {
        str(module.relative_to(PACKAGE)): tests
        for module in sorted(PACKAGE.rglob("*.py"))
        if (tests := type_tests(module.read_text("utf-8")))
    }
    assert not found


def test_such_code_would_be_found() -> None:
    assert {"LiveRound", "WaitingForTurn", "StopAndCopy", "PostCopyPush"} <= PHASE_CLASSES
    assert type_tests("x = isinstance(phase, LiveRound)")
    assert type_tests("x = isinstance(phase, (int, migration.PostCopyPush))")
    assert type_tests("x = type(phase) is StopAndCopy")
    assert not type_tests("x = isinstance(phase, Phase)")
