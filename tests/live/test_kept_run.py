"""A replayed run is computed once for all browsers; what is kept of it goes with the command."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from cluster_emu.errors import ClusterEmuError
from cluster_emu.live.frames import Frame
from cluster_emu.live.kept_run import RUN, KeptReplay, once
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.replay_source import ReplayFactory
from cluster_emu.observation import finished_run
from cluster_emu.observation.finished_run import FinishedRun, read_finished_run
from cluster_emu.study import evacuate
from tests._support.live_page import live_page, open_page
from tests.live.test_replay_source import small


@pytest.fixture(scope="module")
def drain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kept") / "drain"
    evacuate(small(), hosts=[0], replications=1, seed=3).save(folder, csv=False)
    return folder


class Unpicklable:
    """What a library refuses to pickle."""

    def __reduce__(self) -> str:
        raise pickle.PicklingError("no")


def dies() -> FinishedRun:
    os._exit(9)


def end_computing(place: Path) -> None:
    once(place, dies)


def frame_at(factory: KeptReplay | ReplayFactory, time_s: float) -> Frame:
    (lane,) = factory.lanes({})
    lane.seek(time_s)
    frame = lane.frame()
    lane.close()
    return frame


def test_the_second_browser_reads_what_the_first_has_computed(
    drain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = ReplayFactory.of(drain)
    expected = frame_at(replay, 1.0).pack()
    kept = KeptReplay(replay, tmp_path)
    assert frame_at(kept, 1.0).pack() == expected

    def never(*_: object) -> None:
        raise AssertionError("computed twice")

    monkeypatch.setattr(finished_run, "computed_again", never)
    assert frame_at(kept, 1.0).pack() == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", RUN]


def test_a_run_that_is_stored_is_not_kept(tmp_path: Path) -> None:
    LiveModel(small(), 7).run().save(tmp_path / "run")
    place = tmp_path / "place"
    place.mkdir()
    frame_at(KeptReplay(ReplayFactory.of(tmp_path / "run"), place), 1.0)
    assert not (place / RUN).exists()


def test_a_run_that_is_stored_is_read_while_another_computes(tmp_path: Path) -> None:
    """Whoever holds the lock keeps only those waiting that would compute."""
    pytest.importorskip("fcntl")
    LiveModel(small(), 7).run().save(tmp_path / "run")
    place = tmp_path / "place"
    place.mkdir()
    kept = KeptReplay(ReplayFactory.of(tmp_path / "run"), place)
    with ThreadPoolExecutor(1) as pool:

        def held() -> FinishedRun:
            return pool.submit(lambda: kept.lanes({})[0].run).result(60)  # type: ignore[attr-defined]

        assert once(place, held).seed == 7


@pytest.mark.parametrize("notice", [lambda: "", threading.Lock(), Unpicklable()])
def test_a_run_that_cannot_be_pickled_costs_no_replay(
    drain: Path, tmp_path: Path, notice: Any
) -> None:
    run = replace(read_finished_run(drain), notices=(notice,))
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        pickle.dumps(run)
    assert once(tmp_path, lambda: run) is run
    assert not (tmp_path / RUN).exists()


def test_browsers_that_come_together_wait_for_the_first(drain: Path, tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    run = read_finished_run(drain)
    computed: list[int] = []

    def compute() -> FinishedRun:
        computed.append(1)
        return run

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: once(tmp_path, compute), range(8)))
    assert len(computed) == 1
    assert {one.title for one in found} == {run.title}


def test_one_that_ends_while_it_computes_leaves_the_others_to_it(
    drain: Path, tmp_path: Path
) -> None:
    run = read_finished_run(drain)

    def fails() -> FinishedRun:
        raise ClusterEmuError("no")

    with pytest.raises(ClusterEmuError, match="no"):
        once(tmp_path, fails)
    pytest.importorskip("fcntl")
    killed = multiprocessing.get_context("spawn").Process(target=end_computing, args=(tmp_path,))
    killed.start()
    killed.join()
    assert killed.exitcode == 9
    assert once(tmp_path, lambda: run) is run
    assert (tmp_path / RUN).is_file()


def test_a_place_that_cannot_be_written_to_costs_no_replay(drain: Path, tmp_path: Path) -> None:
    run = read_finished_run(drain)
    (tmp_path / f"run.{os.getpid()}").mkdir()  # where the file would be written
    assert once(tmp_path, lambda: run) is run


@pytest.mark.slow
def test_two_browsers_and_nothing_stays(
    chromium: Browser, drain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with live_page(drain) as address:
        one, two = (open_page(chromium, address) for _ in range(2))
        (place,) = tmp_path.glob("cluster-emu-view-*")
        written = (place / RUN).stat().st_mtime_ns
        three = open_page(chromium, address)
        assert (place / RUN).stat().st_mtime_ns == written
        for page in (one, two, three):
            page.page.context.close()
            page.check()
    assert list(tmp_path.glob("cluster-emu-view-*")) == []
