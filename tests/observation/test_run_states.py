"""The state of a finished run at any instant, held against its tables row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu import ClusterModel, RunResult
from cluster_emu.observation.run_states import RunStates
from cluster_emu.results.rows import rows_of
from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.view import frame_at
from tests._support.small_scenarios import scenario

PAGE = 4096
BUSY = {"name": "uniform", "writes_per_page_s": 0.4}
COMING = {
    "process": "poisson:mean_interval_s=1",
    "lifetime": "exponential:mean_s=4",
    "flavours": [{"cpu_capacity": 1, "memory_bytes": 100 * PAGE, "profile": BUSY}],
}
CRASH = {"kind": "host-crash", "host": 1, "at_s": 6.0, "repair_s": 20.0}
RESTARTS = {"restart": True, "restart_delay_s": 1}
RUNS: dict[str, dict[str, Any]] = {
    "migrations": {},
    "post-copy": {"strategy": "hybrid"},
    "VMs come and go": {"arrivals": COMING},
    "a crash and restarts": {"faults": [CRASH], "high_availability": RESTARTS},
    "VMs come and go, and a crash": {
        "arrivals": COMING,
        "faults": [CRASH],
        "high_availability": RESTARTS,
    },
}


def small(**more: Any) -> Scenario:
    vm = {"cpu_capacity": 2, "memory_bytes": 400 * PAGE, "profile": BUSY}
    run = {"tick_s": 0.5, "control_interval_s": 0.5, "duration_s": 12.0, "track_versions": False}
    return scenario(
        **{
            "topology": {"name": "star", "hosts": 4, "host_bps": 8e7},
            "hosts": 4,
            "vms": [{**vm, "count": 3, "host": 0}, {**vm, "count": 2, "host": 1}],
            "strategy": "history-majority",
            "migrations": [{"vm": vm, "target": 2 + vm % 2, "at_s": 0.3 * vm} for vm in range(5)],
            "run": {**run, "stop_when_idle": False},
            "transfer": {"prepare_s": 0.1, "suspend_s": 0.05, "finish_s": 0.1},
            "manager": {"max_per_cluster": 2},
            **more,
        }
    )


@pytest.fixture(scope="module", params=RUNS, ids=str)
def run(request: pytest.FixtureRequest) -> RunResult:
    return ClusterModel(small(**RUNS[request.param]), rng=7).run()


def instants(run: RunResult) -> list[float]:
    """Return some instants, among them those at which something changes."""
    moves = run.migrations
    events = moves[["queued_s", "start_s", "pause_s", "resume_s", "end_s"]].to_numpy().ravel()
    events = np.sort(events[np.isfinite(events)])[::3]
    drawn = np.random.default_rng(1).uniform(0, 12.0, 20)
    return [0.0, *drawn.tolist(), *events.tolist(), 12.0]


def last_seen(table: pd.DataFrame, time_s: float) -> list[dict[str, Any]]:
    before = table[table["time_s"] <= time_s]
    return list(rows_of(before[before["time_s"] == before["time_s"].max()]))


def places(run: RunResult, time_s: float) -> dict[int, int]:
    """Return the host of each VM that is on one, from the tables row by row."""
    seen = last_seen(run.tables["vms"], time_s)
    place = {row["vm"]: row["host"] for row in seen}
    for life in rows_of(run.tables.get("lifecycle", pd.DataFrame())):
        if life["placed_s"] <= time_s and not life["ended_s"] <= time_s:
            place.setdefault(life["vm"], life["first_host"])
        else:
            place.pop(life["vm"], None)
    for move in rows_of(run.migrations.sort_values("resume_s")):
        if seen[0]["time_s"] < move["resume_s"] <= time_s and move["vm"] in place:
            place[move["vm"]] = move["target"]
    return {vm: host for vm, host in place.items() if host >= 0}


def test_every_instant_is_that_of_the_tables(run: RunResult) -> None:
    states, moves = RunStates(run), rows_of(run.migrations)
    for time_s in instants(run):
        state = states.at(time_s)
        there = np.flatnonzero(state.vm_host >= 0).tolist()
        assert {vm: int(state.vm_host[vm]) for vm in there} == places(run, time_s)

        def is_at(row: dict[str, Any], name: str, now_s: float = time_s) -> bool:
            return bool(row[name] <= now_s)

        here = [row for row in moves if is_at(row, "queued_s") and not is_at(row, "end_s")]
        sending = [row for row in here if is_at(row, "start_s")]
        assert state.sending.tolist() == [row["migration"] for row in sending]
        assert state.queued.tolist() == [row["migration"] for row in here if row not in sending]

        on = {row["host"] for row in last_seen(run.tables["hosts"], time_s) if row["switched_on"]}
        assert set(np.flatnonzero(state.switched_on)) == on | {row["target"] for row in sending}

        load = np.zeros(len(states.links))
        for row in sending:
            now = run.rounds[(run.rounds["migration"] == row["migration"])]
            now = now[(now["start_s"] <= time_s) & (now["end_s"] > time_s)]
            rate = (now["bytes"] / (now["end_s"] - now["start_s"])).sum()
            load[[int(link) for link in row["route"].split()]] += rate
        np.testing.assert_allclose(state.link_load_bytes_per_s, load, rtol=1e-12)


def test_utilisation_is_what_vms_and_migrations_want(run: RunResult) -> None:
    states, spec = RunStates(run), scenario_from(run.scenario)
    lives = run.tables.get("lifecycle")
    for time_s in instants(run):
        wanted = np.zeros(4)
        paused = {
            row["vm"]
            for row in rows_of(run.migrations)
            if row["pause_s"] <= time_s < row["end_s"] and not row["resume_s"] <= time_s
        }
        place = places(run, time_s)
        for row in last_seen(run.tables["vms"], time_s):
            if row["vm"] in place and row["vm"] not in paused:
                capacity = 2.0 if lives is None else float(lives["cpu_capacity"][row["vm"]])
                wanted[place[row["vm"]]] += row["demand"] * capacity
        for row in rows_of(run.migrations):
            if row["start_s"] <= time_s and not row["end_s"] <= time_s:
                wanted[row["source"]] += spec.costs.source_cpu
                wanted[row["target"]] += spec.costs.target_cpu
        expected = np.minimum(wanted / spec.hosts[0].cpu_capacity, 1.0)
        np.testing.assert_allclose(states.at(time_s).utilisation, expected, rtol=1e-12)


def test_any_order_gives_the_same(run: RunResult) -> None:
    states, times = RunStates(run), instants(run)
    for time_s in reversed(times):
        again, state = RunStates(run).at(time_s), states.at(time_s)
        for name in ("vm_host", "utilisation", "sending", "link_load_bytes_per_s"):
            np.testing.assert_array_equal(getattr(again, name), getattr(state, name))


def test_rows_in_another_order_give_the_same(run: RunResult) -> None:
    mixed = {name: table.sample(frac=1.0, random_state=3) for name, table in run.tables.items()}
    one, other = RunStates(run), RunStates(replace(run, tables=mixed))
    for time_s in instants(run):
        for name in ("vm_host", "utilisation", "switched_on", "sending"):
            np.testing.assert_array_equal(
                getattr(one.at(time_s), name), getattr(other.at(time_s), name)
            )


def test_one_round_over_one_link_loads_it_by_its_mean_rate() -> None:
    """A stop-and-copy of n bytes over a link of r byte/s: r on both links of its way, n / r s."""
    spec = small(
        strategy="stop-and-copy",
        migrations=[{"vm": 0, "target": 2, "at_s": 1.0}],
        transfer={"suspend_s": 0.0},
    )
    alone = ClusterModel(spec, rng=1).run()
    (row,) = rows_of(alone.migrations)
    states = RunStates(alone)
    middle = states.at((row["pause_s"] + row["resume_s"]) / 2)
    load = middle.link_load_bytes_per_s
    assert load[load > 0] == pytest.approx([1e7, 1e7], rel=1e-2)
    assert states.traffic.sent_bytes(0, row["end_s"]) == row["bytes"]
    assert middle.vm_host[0] == 0
    assert states.at(row["resume_s"]).vm_host[0] == 2


def test_restarted_vms_are_drawn_where_they_are() -> None:
    result = ClusterModel(small(**RUNS["a crash and restarts"]), rng=7).run()
    last = result.tables["vms"]
    last = last[last["time_s"] == last["time_s"].max()].sort_values("vm")
    frame = frame_at(result, float(last["time_s"].iloc[0]))
    assert frame.vm_host.tolist() == last["host"].tolist()


def test_a_run_without_migrations_has_states_too() -> None:
    quiet = ClusterModel(small().with_fields({"migrations": ()}), rng=1).run()
    frame = frame_at(quiet, 3.0)
    assert frame.moves == ()
    assert frame.vm_host.tolist() == [0, 0, 0, 1, 1]
    assert not frame.vm_queued.any()


def test_no_vm_at_any_observation_leaves_the_hosts_empty() -> None:
    late = {**COMING, "process": "batch:size=1,first_s=99"}
    spec = small(arrivals=late).with_fields({"vms": (), "migrations": ()})
    empty = ClusterModel(spec, rng=1).run()
    assert not len(empty.tables["vms"])
    state = RunStates(empty).at(5.0)
    assert (state.vm_host < 0).all()
    assert (state.utilisation == 0).all()
