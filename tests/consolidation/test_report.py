"""What triggers did over a whole run, in words."""

from __future__ import annotations

import pytest

from cluster_emu import ClusterModel
from cluster_emu.consolidation.report import Spread, TriggerReport, TriggerTotals


def _in_words(reports: list[TriggerReport], instants: int) -> str:
    totals = TriggerTotals()
    for report in reports:
        totals.add(report)
    return totals.in_words(instants)


def consolidated(moves: int, overloaded: int, relieved: int, **more: int) -> TriggerReport:
    unplaced = tuple(range(more.pop("unplaced", 0)))
    note = "0 of 0 overloaded hosts relieved"
    return TriggerReport(
        "consolidation", moves, overloaded, relieved, unplaced=unplaced, note=note, **more
    )


def test_counts_are_added_up_and_not_those_of_the_last_instant() -> None:
    reports = [
        consolidated(3, 2, 1, tried=1, emptied=1, unplaced=2),
        consolidated(4, 1, 1, tried=3, emptied=1),
        consolidated(0, 0, 0),
    ]
    assert _in_words(reports, 3) == (
        "7 moves in 3 control instants; 2 of 3 overloaded hosts relieved, 2 of their VMs fit "
        "nowhere; 2 of 4 underloaded hosts emptied"
    )


def test_what_is_not_counted_is_told_as_often_as_it_was_said() -> None:
    notes = ["spread 0.1"] * 2 + ["hosts above the mean have no VM to move"] * 5 + ["other"]
    reports = [TriggerReport("load-balance", 1, note=note) for note in notes]
    assert _in_words(reports, 8) == (
        "8 moves in 8 control instants; hosts above the mean have no VM to move (5 times); "
        "spread 0.1 (2 times)"
    )
    assert _in_words([TriggerReport("idle")], 1) == "0 moves in 1 control instant"


@pytest.mark.parametrize("ticks", [1, 60])
def test_a_run_tells_the_totals_of_its_reports(ticks: int) -> None:
    model = ClusterModel(
        "cluster",
        rng=0,
        **{"hosts.0.count": 4, "vms.0.count": 12, "vms.1.count": 4}
        | {"topology.leaves": 2, "topology.hosts_per_leaf": 2, "run.duration_s": "15 min"}
        | {"run.tick_s": ticks, "vms.0.memory_bytes": "64 MiB", "vms.1.memory_bytes": "64 MiB"},
    )
    (note,) = model.run().notes
    reports = [report for _, report in model.manager.reports]
    model.close()

    moves = sum(report.moves for report in reports)
    plain = f"{moves} moves in {len(reports)} control instants"
    all_done = _in_words(reports, len(reports)).replace(plain, f"{plain} (all carried out)")
    assert note == f"consolidation: {all_done}"


def test_a_drain_tells_what_stays_and_why() -> None:
    stuck = TriggerReport(
        "drain", unplaced=(1, 4), unplaced_as={"short of memory": 2}, blocking=(7,), drained=2
    )
    done = TriggerReport("drain", 5, drained=2)
    waiting = TriggerReport("drain", note="begins at 60 s")
    assert _in_words([waiting], 1) == "0 moves in 1 control instant; begins at 60 s (1 time)"
    assert _in_words([waiting, stuck], 2) == (
        "0 moves in 2 control instants; 2 hosts drained, 2 VMs fit nowhere at the last instant "
        "(2 short of memory); 1 VM may not migrate and blocks"
    )
    assert _in_words([stuck, done], 2) == (
        "5 moves in 2 control instants; 2 hosts drained, every VM has a target at the last "
        "instant, at most 2 fitted nowhere (2 short of memory) at instants before"
    )
    assert _in_words([done], 1) == (
        "5 moves in 1 control instant; 2 hosts drained, every VM that may move had a target"
    )


def balanced(before: float, after: float, **above_as: int) -> TriggerReport:
    return TriggerReport("load-balance", 1, spread=Spread("range", before, after, 0.2, above_as))


def test_load_balancing_tells_how_often_the_spread_was_too_large_and_why() -> None:
    reports = [balanced(0.8, 0.5, limit=1), balanced(0.5, 0.25, limit=1), balanced(0.25, 0.1)]
    assert _in_words([*reports, balanced(0.1, 0.1)], 4) == (
        "4 moves in 4 control instants; range at most 0.800, 0.100 in the end; above the 0.200 "
        "allowed at 3 instants, and at 1 of them within it after the moves (2 limit)"
    )
    assert _in_words([balanced(0.1, 0.1)], 1) == (
        "1 move in 1 control instant; range at most 0.100, 0.100 in the end, never above the "
        "0.200 allowed"
    )


def test_moves_that_were_not_carried_out_are_told() -> None:
    totals = TriggerTotals()
    totals.add(TriggerReport("idle", 8))
    assert totals.in_words(1, {"completed": 8}) == "8 moves in 1 control instant (all carried out)"
    assert totals.in_words(1, {"completed": 5, "unfinished": 1, "not converged": 2}) == (
        "8 moves in 1 control instant (5 carried out, 2 not converged, 1 unfinished)"
    )


def test_of_a_move_that_is_tried_again_the_last_attempt_counts() -> None:
    model = ClusterModel(
        "single",
        rng=0,
        **{
            "topology.hosts": 3,
            "hosts.0.count": 3,
            "vms.0.count": 2,
            "vms.0.profile": "uniform:writes_per_page_s=50",
            "vms.0.memory_bytes": "64 MiB",
            "vms.0.host": 0,
            "migrations": [],
            "manager.triggers": ["drain:hosts=[0]"],
            "run.duration_s": "4 min",
            "transfer.policy": "kubevirt:completion_timeout_s_per_gib=100,retries=2",
        },
    )
    notes = model.run().notes
    attempts = [record.attempt for record in model.manager.scheduler.records]
    assert max(attempts) == 3
    told = "2 moves in 1 control instant (0 carried out, 2 not converged)"
    assert any(told in note for note in notes), notes
