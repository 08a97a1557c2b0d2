"""What the panels are told, by a model and by the replay of its run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.frames import to_json
from cluster_emu.live.link_series import link_series, shares_of_rounds
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.live_source import LiveSource
from cluster_emu.live.replay_source import ReplayFactory, ReplaySource
from cluster_emu.live.run_series import series
from cluster_emu.observation.run_over_time import migrations_under_way
from tests.live.test_replay_source import small


@pytest.fixture(scope="module")
def live() -> LiveSource:
    source = LiveSource(LiveModel(small(), 7))
    while not source.is_over:
        source.advance(source.now_s + 0.1)
    return source


@pytest.fixture(scope="module")
def replay(live: LiveSource, tmp_path_factory: pytest.TempPathFactory) -> ReplaySource:
    place = tmp_path_factory.mktemp("run") / "run"
    live.model.result().save(place)
    (lane,) = ReplayFactory.of(place).lanes({})
    assert isinstance(lane, ReplaySource)
    lane.seek(lane.duration_s)
    return lane


def test_all_answers_are_json(live: LiveSource, replay: ReplaySource) -> None:
    for source, names in (
        (live, ("microscope", "gantt", "series", "links", "compare")),
        (replay, ("microscope", "gantt", "series", "links")),
    ):
        for name in names:
            answer = json.loads(to_json(source.panel(name, {})))
            assert answer.get("in_words", "x")


def test_hosts_on_and_power_are_those_of_the_table(replay: ReplaySource) -> None:
    answer = replay.panel("series", {})
    hosts = replay.run.result.tables["hosts"]
    by_time = hosts.groupby("time_s")
    assert answer["lines"][0]["time_s"] == list(by_time.groups)
    lines = {line["name"]: line["values"] for line in answer["lines"]}
    assert lines["Hosts on"] == by_time["switched_on"].sum().tolist()
    assert lines["Power"] == pytest.approx(by_time["power_w"].sum().tolist(), rel=1e-6)


def test_a_model_and_its_replay_agree_on_power(live: LiveSource, replay: ReplaySource) -> None:
    answers = [source.panel("series", {}) for source in (live, replay)]
    ends = [{line["name"]: line["values"][-1] for line in each["lines"]} for each in answers]
    assert ends[0] == pytest.approx(ends[1], rel=1e-6)


def test_a_series_is_thinned_to_what_can_be_drawn_and_keeps_its_end() -> None:
    time_s = np.arange(10_000.0)
    columns = {name: time_s * 2 for name in ("hosts_on", "power_w", "mean_utilisation")}
    moves = np.arange(300.0), np.arange(300.0)
    found = series({"time_s": time_s, **columns}, moves, until_s=5_000.5, most=100)
    for line in found["lines"]:
        assert len(line["time_s"]) == 100
    assert found["lines"][0]["time_s"][-1] == 5_000
    assert found["lines"][0]["values"][-1] == 10_000
    assert found["lines"][-1]["values"][-1] == 299


def test_migrations_under_way_are_counted_exactly() -> None:
    start_s, end_s = np.array([1.0, 2.0, np.nan, 5.0]), np.array([3.0, np.nan, 4.0, 6.0])
    times, counts = migrations_under_way(start_s, end_s, until_s=4.5)
    assert times.tolist() == [0, 1, 2, 3]
    assert counts.tolist() == [0, 1, 2, 1]


def test_a_model_and_its_replay_count_the_same_migrations(
    live: LiveSource, replay: ReplaySource
) -> None:
    lines = [source.panel("series", {})["lines"][-1] for source in (live, replay)]
    assert lines[0] == lines[1]
    assert max(lines[0]["values"]) == 2


def test_the_load_of_links_in_a_model_is_that_of_its_table(live: LiveSource) -> None:
    table = live.model.result().tables["links"]
    capacity = live.model.links.capacity_bytes_per_s
    carried = live.model.loop.bytes_carried()
    times_s, shares = live.carried.shares(live.now_s, carried, capacity)
    seconds = np.diff(np.append(times_s, live.now_s))
    expected = np.zeros(len(capacity))
    np.add.at(expected, table["link"], table["bytes"])
    np.testing.assert_allclose((shares * seconds[:, None]).sum(axis=0) * capacity, expected)


def test_link_loads_add_up_to_the_bytes_of_the_table(replay: ReplaySource) -> None:
    table = replay.run.result.tables["links"]
    capacity = replay.states.links.capacity_bytes_per_s
    times_s, shares = shares_of_rounds(replay.states.traffic, capacity, replay.duration_s)
    part_s = replay.duration_s / len(times_s)
    carried = shares.sum(axis=0) * part_s * capacity
    expected = np.zeros(len(capacity))
    np.add.at(expected, table["link"], table["bytes"])
    np.testing.assert_allclose(carried, expected, rtol=1e-5, atol=1.0)
    shown = {line["link"] for line in replay.panel("links", {})["links"]}
    assert shown == set(np.flatnonzero(expected))


def test_link_loads_are_those_of_the_frames(replay: ReplaySource) -> None:
    capacity = replay.states.links.capacity_bytes_per_s
    times_s, shares = shares_of_rounds(
        replay.states.traffic, capacity, replay.duration_s, most=40_000
    )
    for part in range(500, 40_000, 3_571):
        replay.seek(float(times_s[part]) + replay.duration_s / 80_000)
        load = replay.frame().arrays["link_load"] / capacity
        assert np.abs(load - shares[part]).max() < 0.02
    replay.seek(replay.duration_s)


def test_the_busiest_links_come_first_and_a_wanted_one_is_there() -> None:
    share = np.array([[0.1, 0.9, 0.0, 0.5]] * 3)
    found = link_series(np.arange(3.0), share, str, 2.0, wanted=[2], most=3)
    assert [line["link"] for line in found["links"]] == [2, 1, 3]
    assert found["left_out"] == 1


def test_the_figures_of_a_lane_are_those_of_its_result(live: LiveSource) -> None:
    answer = live.panel("compare", {})
    found = {each["name"]: each["value"] for each in answer["figures"]}
    migrations = live.model.result().migrations
    assert found["completed"] == 5
    assert found["longest_downtime_s"] == pytest.approx(1000 * migrations["downtime_s"].max())
    assert found["live"] == migrations["pages_sent_precopy"].sum()
    assert found["rounds"] == migrations["rounds"].sum()
    assert found["sent_gib"] == pytest.approx(migrations["bytes"].sum() / 2**30)


@pytest.mark.parametrize("number", ["1", -1, True, 2.0])
def test_a_number_that_is_none_is_refused(live: LiveSource, number: object) -> None:
    with pytest.raises(RequestRefusedError, match="allowed is the number of a migration"):
        live.panel("microscope", {"number": number})
