"""A replay shows what the tables have, at any instant and in any order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu.errors import ClusterEmuError, RequestRefusedError
from cluster_emu.live.frames import Frame
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.live_source import LiveSource
from cluster_emu.live.replay_source import ReplayFactory, ReplaySource
from cluster_emu.live.source import HostFlag, VMState
from cluster_emu.scenario import Scenario
from cluster_emu.study import evacuate
from tests._support.small_scenarios import scenario

BUSY = {"name": "uniform", "writes_per_page_s": 0.4}


def small(**more: Any) -> Scenario:
    vm = {"cpu_capacity": 2, "memory_bytes": 400 * 4096, "profile": BUSY}
    return scenario(
        topology={"name": "star", "hosts": 4, "host_bps": 8e7},
        hosts=4,
        vms=[{**vm, "count": 3, "host": 0}, {**vm, "count": 2, "host": 1}],
        strategy="history-majority",
        migrations=[{"vm": vm, "target": 2 + vm % 2, "at_s": 0.3 * vm} for vm in range(5)],
        run={"tick_s": 0.5, "control_interval_s": 0.5, "duration_s": 30.0, "track_versions": False},
        transfer={"prepare_s": 0.1, "suspend_s": 0.05, "finish_s": 0.1},
        manager={"max_per_cluster": 2},
        **more,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run") / "run"
    LiveModel(small(), 7).run().save(place)
    return place


@pytest.fixture
def source(folder: Path) -> ReplaySource:
    (lane,) = ReplayFactory.of(folder).lanes({})
    assert isinstance(lane, ReplaySource)
    return lane


def shown(source: ReplaySource, time_s: float) -> Frame:
    source.seek(time_s)
    source.keyframe()
    return source.frame()


def same(one: Frame, other: Frame) -> bool:
    names = one.arrays.keys() | other.arrays.keys()
    alike = all(np.array_equal(one.arrays[name], other.arrays[name]) for name in names)
    facts = [key for key in one.header if key not in ("events", "events_left_out")]
    return alike and all(one.header[key] == other.header[key] for key in facts)


def test_a_frame_has_the_state_of_the_run_at_its_instant(source: ReplaySource) -> None:
    rng = np.random.default_rng(1)
    for time_s in [0.0, *rng.uniform(0, source.duration_s, 20).tolist(), source.duration_s]:
        arrays, state = shown(source, time_s).arrays, source.states.at(time_s)
        assert arrays["vm_host"].tolist() == state.vm_host.tolist()
        is_on = (arrays["host_flags"] & HostFlag.ON) > 0
        assert is_on.tolist() == state.switched_on.tolist()
        np.testing.assert_allclose(arrays["host_load"] / 255, state.utilisation, atol=0.5 / 255)
        assert arrays["move_number"].tolist() == state.sending.tolist()
        moving = arrays["vm_state"] == VMState.MIGRATING
        assert set(np.flatnonzero(moving)) == set(arrays["move_vm"].tolist())
        waiting = source.states.migrations.vm[state.queued]
        assert (arrays["vm_state"][waiting] == VMState.QUEUED).all()


def test_a_replay_goes_back_to_what_it_showed(source: ReplaySource) -> None:
    times = np.linspace(0, source.duration_s, 15).tolist()
    forwards = [shown(source, time_s) for time_s in times]
    backwards = [shown(source, time_s) for time_s in reversed(times)]
    for one, other in zip(forwards, reversed(backwards), strict=True):
        assert same(one, other)


def test_its_migrations_are_those_of_the_model_that_ran(source: ReplaySource) -> None:
    live = LiveSource(LiveModel(small(), 7))
    for time_s in np.arange(0.05, 4.0, 0.31).tolist():
        live.advance(time_s)
        source.seek(time_s)
        source.keyframe()
        one, other = live.frame(), source.frame()
        assert one.header["ended"] == other.header["ended"]
        sending = {"pre-copy", "stop-and-copy", "post-copy", "finishing"}
        book, records = source.book, live.model.manager.scheduler
        for number, move in records.live.items():
            if move.state.value in sending:
                assert book.row(number)["state"] == move.state.value
        # a replay knows the mean rate of a round, so it may be off by the rounds under way
        sent = [each.header["sent_bytes"] for each in (one, other)]
        assert sent[0] == pytest.approx(sent[1], rel=0.1, abs=1e5)
    live.close()


def test_steps_lead_to_events(source: ReplaySource) -> None:
    rounds = source.run.result.rounds["end_s"]
    source.seek(0.0)
    seen = 0
    while not source.is_over:
        next_s = source.next_event_s()
        assert next_s > source.now_s
        source.advance(next_s)
        seen += 1
        assert source.count("round") == int((rounds <= source.now_s).sum())
        assert seen < 500
    assert source.count("migration") == 5


def test_events_are_told_once_each_way(source: ReplaySource) -> None:
    texts = [event["text"] for event in shown(source, source.duration_s).header["events"]]
    assert sum(": completed" in text for text in texts) == 5
    assert not source.frame().header["events"]
    source.seek(0.0)
    assert not source.frame().header["events"]
    source.advance(source.duration_s)
    assert sum(": completed" in one["text"] for one in source.frame().header["events"]) == 5


@pytest.mark.parametrize(("kind", "count"), [("host", 4), ("vm", 5), ("link", 8), ("migration", 5)])
def test_everything_has_details(source: ReplaySource, kind: Any, count: int) -> None:
    source.seek(1.5)
    for number in range(count):
        found = source.details(kind, number)
        assert found["title"]
        assert found["facts"]
        assert not found["actions"]
    with pytest.raises(RequestRefusedError, match=f"no {kind} 99"):
        source.details(kind, 99)


def test_a_migration_that_comes_later_is_not_known_yet(source: ReplaySource) -> None:
    source.seek(0.5)
    with pytest.raises(RequestRefusedError, match=r"at 0\.5 s"):
        source.details("migration", 4)


def test_the_search_box_finds_hosts_vms_and_migrations(source: ReplaySource) -> None:
    source.seek(source.duration_s)
    assert [one["kind"] for one in source.search("3")] == ["host", "vm", "migration"]
    assert source.search("migration 2")[0] == {
        "kind": "migration",
        "number": 2,
        "text": "migration 2",
    }
    assert source.search("host1")[0]["number"] == 1


def whole_answer(source: Any) -> dict[str, Any]:
    """Ask until the run is computed again up to the instant, as the page does."""
    shares = []
    while True:
        found: dict[str, Any] = source.panel("microscope", {"number": 0})
        if "computed_share" not in found:
            return found
        shares.append(found["computed_share"])
        assert shares == sorted(shares)
        assert 0 <= shares[-1] < 1


def test_the_run_is_computed_again_in_pieces(source: ReplaySource) -> None:
    again = source.computed_again()
    shares = []
    while again.at(source.duration_s, wall_s=0.0) is None:
        shares.append(again.share_of(source.duration_s))
    assert shares == sorted(shares)
    assert len(shares) > 10
    assert again.share_of(source.duration_s) == 1.0


def test_page_maps_are_computed_again_and_agree_at_every_instant(source: ReplaySource) -> None:
    times = [0.4, 2.0, 1.0, source.duration_s, 0.6]
    for time_s in times:
        source.seek(time_s)
        found = whole_answer(source)
        assert "NOT" not in found["check"]
        live = LiveModel(small(), 7)
        live.advance(time_s)
        alone = LiveSource(live).panel("microscope", {"number": 0})
        for key in ("counts", "page_map", "truth", "rounds", "phase", "time_s"):
            assert found[key] == alone[key], key
        live.close()
    source.seek(source.duration_s)
    rounds = len(source.run.result.rounds)
    check = whole_answer(source)["check"]
    assert f"the {rounds:,} rounds until now are those of the folder" in check


def test_a_folder_that_another_run_has_written_is_called_so(folder: Path, tmp_path: Path) -> None:
    place = tmp_path / "changed"
    place.mkdir()
    for path in folder.iterdir():
        if path.name != "result.json":
            (place / path.name).write_bytes(path.read_bytes())
    rounds = pd.read_parquet(place / "rounds.parquet")
    rounds.loc[3, "sent"] += 1
    rounds.to_parquet(place / "rounds.parquet")
    (source,) = ReplayFactory.of(place).lanes({})
    source.seek(source.duration_s)
    found = whole_answer(source)
    assert found["agrees"] is False
    assert "NOT the run of the folder" in found["check"]
    assert "sent" in found["check"]


def test_a_drain_is_computed_again_and_checked(tmp_path: Path) -> None:
    result = evacuate(small(), hosts=[0], replications=1, seed=3)
    result.save(tmp_path / "drain", csv=False)
    (source,) = ReplayFactory.of(tmp_path / "drain").lanes({})
    assert isinstance(source, ReplaySource)
    assert source.run.notices[0].endswith("as in the folder.")
    assert "NOT" not in source.run.notices[0]
    median = result.median_replication
    assert median is not None
    assert len(source.run.result.migrations) == len(median.run.migrations)
    frame = shown(source, source.duration_s)
    assert not (frame.arrays["vm_host"] == 0).any()


FAULTS = [
    {"kind": "link-down", "between": ["host0", "switch"], "at_s": 1.0, "duration_s": 1.5},
    {"kind": "link-slow", "between": ["host1", "switch"], "factor": 0.2, "at_s": 2.0},
    {"kind": "link-slow", "between": ["host1", "switch"], "factor": 0.5, "at_s": 2.2},
    {"kind": "host-crash", "host": 3, "at_s": 6.0, "repair_s": 2.0},
    {"kind": "link-slow", "factor": 0.5, "mtbf_s": 20.0, "mttr_s": 3.0},
]


def test_links_are_cut_and_slow_as_they_were(tmp_path: Path) -> None:
    faulty = small(faults=FAULTS).with_fields({"run.stop_when_idle": False, "run.duration_s": 12})
    LiveModel(faulty, 7).run().save(tmp_path / "run")
    (source,) = ReplayFactory.of(tmp_path / "run").lanes({})
    assert isinstance(source, ReplaySource)
    assert not source.run.notices
    live = LiveSource(LiveModel(faulty, 7))
    seen: set[int] = set()
    times = np.arange(0.25, source.duration_s, 0.49).tolist()
    assert len(times) > 20
    for time_s in times:
        live.advance(time_s)
        live.keyframe()
        states = shown(source, time_s).arrays["link_state"]
        np.testing.assert_array_equal(states, live.frame().arrays["link_state"])
        seen |= set(states.tolist())
    assert {0, 26, 128, 255} <= seen  # down, several faults at once, one of them, none
    live.close()

    source.seek(1.2)
    down = int(np.flatnonzero(source.frame().arrays["link_state"] == 0)[0])
    assert ["State", "down"] in source.details("link", down)["facts"]


def test_faults_that_cannot_be_made_again_are_owned_up_to(tmp_path: Path) -> None:
    LiveModel(small(faults=FAULTS), 7).run().save(tmp_path / "run")
    (tmp_path / "run" / "result.json").unlink()
    path = tmp_path / "run" / "faults.parquet"
    faults = pd.read_parquet(path)
    faults.loc[0, "time_s"] += 0.5
    faults.to_parquet(path)
    (source,) = ReplayFactory.of(tmp_path / "run").lanes({})
    assert (shown(source, 1.2).arrays["link_state"] == 255).all()  # type: ignore[arg-type]
    assert "drawn as healthy" in source.topology()["assumptions"][-1]


def test_other_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ClusterEmuError, match="no such file"):
        ReplayFactory.of(tmp_path)


def test_a_finished_run_does_not_change(source: ReplaySource) -> None:
    with pytest.raises(RequestRefusedError, match="does not change"):
        source.act({"do": "drain", "host": 0})
