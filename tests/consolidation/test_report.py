"""What triggers did over a whole run, in words."""

from __future__ import annotations

import pytest

from cluster_emu import ClusterModel
from cluster_emu.consolidation.report import TriggerReport, TriggerTotals


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
    assert note == f"consolidation: {_in_words(reports, len(reports))}"
    assert f"{moves} moves in {len(reports)} control instants" in note
