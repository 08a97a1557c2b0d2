"""Speed, steps and answers of the player, with a source and a clock that do nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster_emu.errors import RequestRefusedError, ScenarioError
from cluster_emu.live.frames import Frame
from cluster_emu.live.player import Player


@dataclass
class Wall:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class CountingSource:
    """A cluster in which a round ends every 7 s, and a migration begins every 40 s."""

    wall: Wall
    cost_s: float = 0.0
    now_s: float = 0.0
    duration_s: float = 1000.0
    tick_s: float = 10.0
    way_back: bool = False
    acts: list[tuple[float, Mapping[str, Any]]] = field(default_factory=list)
    refuses: tuple[str, ...] = ()
    panel_cost_s: float = 0.0
    closed: bool = False

    @property
    def earliest_s(self) -> float:
        return 0.0 if self.way_back else self.now_s

    @property
    def is_over(self) -> bool:
        return self.now_s >= self.duration_s

    def topology(self) -> dict[str, Any]:
        return {"name": "counting"}

    def advance(self, until_s: float) -> None:
        self.now_s = min(max(until_s, self.now_s), self.duration_s)
        self.wall.now_s += self.cost_s

    def next_event_s(self) -> float:
        return min(math.floor(self.now_s) + 1.0, self.duration_s)

    def count(self, step: str) -> int:
        return int(self.now_s // {"tick": self.tick_s, "round": 7, "migration": 40}[step])

    def seek(self, time_s: float) -> None:
        if time_s < self.now_s and not self.way_back:
            raise RequestRefusedError("no way back")
        self.now_s = time_s

    def frame(self) -> Frame:
        return Frame({"time_s": self.now_s})

    def keyframe(self) -> None: ...

    def details(self, kind: str, number: int) -> dict[str, Any]:
        return {"kind": kind, "number": number}

    def search(self, text: str) -> list[dict[str, Any]]:
        return [{"text": text}]

    def panel(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        if name == "none":
            raise RequestRefusedError("no such panel")
        if name == "broken":
            raise TypeError("broken")
        self.wall.now_s += self.panel_cost_s
        return {"time_s": self.now_s}

    def act(self, action: Mapping[str, Any]) -> str:
        if action.get("do") in self.refuses:
            raise RequestRefusedError("there is none")
        self.acts.append((self.now_s, action))
        return "done"

    def close(self) -> None:
        self.closed = True


@dataclass
class Factory:
    wall: Wall
    cost_s: float = 0.0
    way_back: bool = False
    made: list[CountingSource] = field(default_factory=list)

    def describe(self) -> dict[str, Any]:
        return {"kind": "model", "title": "counting", "controls": []}

    def lanes(self, settings: Mapping[str, str]) -> Sequence[CountingSource]:
        if settings.get("seed") == "bad":
            raise ScenarioError("seed", "bad", "a whole number")
        lanes = [
            CountingSource(self.wall, self.cost_s, way_back=self.way_back)
            for _ in range(2 if settings.get("b_strategy") else 1)
        ]
        for lane in lanes[1:]:
            lane.refuses = ("cancel", "explode")
        self.made += lanes
        return lanes


class Page:
    """A page that takes every frame at once, unless it is told to be slow."""

    def __init__(self, settings: Mapping[str, str] | None = None, **factory: Any) -> None:
        self.wall = Wall()
        self.sent: list[Any] = []
        self.frames: list[Frame] = []
        self.slow = self.asks = False
        self.factory = Factory(self.wall, **factory)
        self.player = Player(
            self.factory, settings or {}, self.take, self.wall, is_asked=lambda: self.asks
        )

    def take(self, data: bytes | str) -> None:
        if isinstance(data, str):
            self.sent.append(json.loads(data))
            return
        self.frames.append(Frame.unpack(data))

    def ask(self, do: str, **values: Any) -> Any:
        self.player.handle({"do": do, "id": 1, **values})
        return next(one for one in reversed(self.sent) if one["type"] == "reply")

    def let_pass(self, seconds: float) -> None:
        end_s = self.wall.now_s + seconds
        while self.wall.now_s < end_s:
            count = len(self.frames)
            rest_s = self.player.work()
            if len(self.frames) > count and not self.slow:
                self.player.handle({"do": "ack"})
            self.wall.now_s = min(self.wall.now_s + max(min(rest_s, 0.05), 0.001), end_s)


def test_time_passes_at_the_speed_asked_for() -> None:
    page = Page()
    page.ask("speed", speed=4)
    page.ask("play")
    page.let_pass(10)

    assert page.player.now_s == pytest.approx(40, abs=0.5)
    assert 100 < len(page.frames) <= 151  # at most 15 a second
    page.ask("pause")
    stopped_s = page.player.now_s
    page.let_pass(3)
    assert page.player.now_s == stopped_s


def test_a_slow_model_falls_behind_and_does_not_run_after_its_time() -> None:
    page = Page(cost_s=0.02)
    page.ask("speed", speed=1e6)
    page.ask("play")
    page.let_pass(0.3)
    page.ask("speed", speed=1)
    before_s = page.player.now_s
    page.let_pass(5)

    assert page.player.now_s - before_s < 8


@pytest.mark.parametrize("command", ["play", "seek"])
def test_a_message_that_waits_is_read_after_one_piece_of_work(command: str) -> None:
    page = Page(cost_s=0.004)
    page.ask("speed", speed=1e6)
    page.ask("watch", watch=1, name="any")
    page.let_pass(1)
    page.ask(command, time_s=900)
    page.wall.now_s += 1
    page.asks = True
    count, began_s = len(page.sent), page.wall.now_s
    assert page.player.work() == 0
    assert page.wall.now_s == pytest.approx(began_s + 0.004)  # one piece
    assert all(one["type"] != "watch" for one in page.sent[count:])  # panels come later
    page.asks = False
    page.player.work()
    assert page.wall.now_s > began_s + 0.03
    assert page.sent[-1]["type"] == "watch"


@pytest.mark.parametrize(("cost_s", "least", "most"), [(0.001, 38, 41), (0.5, 5, 6)])
def test_panels_take_a_quarter_of_the_time_at_most(cost_s: float, least: int, most: int) -> None:
    page = Page()
    page.player.lanes[0].panel_cost_s = cost_s  # type: ignore[attr-defined]
    page.ask("watch", watch=1, name="any")
    page.ask("play")
    count = len(page.sent)
    page.let_pass(10)
    assert least <= sum(one["type"] == "watch" for one in page.sent[count:]) <= most


def test_messages_that_wait_cost_no_time_of_the_run() -> None:
    page = Page(cost_s=0.001)
    page.player._slice_s = 0.001
    page.ask("speed", speed=4)
    page.ask("play")
    page.asks = True
    page.let_pass(10)

    assert page.player.now_s == pytest.approx(40, abs=0.5)


def test_a_slow_page_gets_the_newest_frame_and_no_old_ones() -> None:
    page = Page()
    page.slow = True
    page.ask("speed", speed=10)
    page.ask("play")
    page.let_pass(20)
    assert len(page.frames) == 2

    page.player.handle({"do": "ack"})
    page.let_pass(0.2)
    assert page.frames[-1].header["time_s"] > 195


@pytest.mark.parametrize(
    ("step", "ends_s"), [("tick", [10, 20]), ("round", [7, 14]), ("migration", [40, 80])]
)
def test_a_step_goes_to_its_end(step: str, ends_s: list[float]) -> None:
    page = Page()
    for end_s in ends_s:
        assert page.ask("step", step=step)["ok"]
        page.let_pass(1)
        assert page.player.now_s == end_s
    assert page.sent[-1]["type"] == "state"
    assert not page.sent[-1]["busy"]


def test_seeking_goes_ahead_and_back_only_where_there_is_a_way() -> None:
    page = Page()
    page.ask("seek", time_s=123)
    page.let_pass(1)
    assert page.player.now_s == 123
    assert "no way back" in page.ask("seek", time_s=5)["error"]

    replay = Page(way_back=True)
    replay.ask("seek", time_s=500)
    replay.let_pass(1)
    assert replay.ask("seek", time_s=5)["ok"]
    assert replay.player.now_s == 5


def test_the_end_of_the_run_stops_it() -> None:
    page = Page()
    page.ask("speed", speed=1e9)
    page.ask("play")
    page.let_pass(3)

    assert page.player.is_over
    assert page.frames[-1].header["time_s"] == 1000
    assert not page.frames[-1].header["playing"]
    assert "reset" in page.ask("play")["error"]


def test_lanes_are_in_step() -> None:
    page = Page({"b_strategy": "qemu"})
    page.ask("step", step="round")
    page.let_pass(1)

    assert [lane.now_s for lane in page.player.lanes] == [7, 7]
    assert {frame.header["lane"] for frame in page.frames} == {0, 1}


def test_a_restart_makes_new_lanes_and_closes_the_old_ones() -> None:
    page = Page()
    page.ask("step", step="tick")
    page.let_pass(1)
    assert page.ask("restart", settings={"seed": "3"})["ok"]

    assert [lane.closed for lane in page.factory.made] == [True, False]
    assert page.player.now_s == 0
    assert page.sent[-2]["settings"] == {"seed": "3"}


def test_settings_that_are_not_allowed_leave_everything_as_it_is() -> None:
    page = Page()
    page.ask("step", step="tick")
    page.let_pass(1)
    assert "a whole number" in page.ask("restart", settings={"seed": "bad"})["error"]

    assert page.player.now_s == 10
    assert not page.factory.made[0].closed


def test_what_was_done_is_done_again_at_its_time() -> None:
    page = Page()
    page.ask("seek", time_s=33)
    page.let_pass(1)
    page.ask("act", action={"do": "drain", "host": 2})
    actions = page.sent[-2]["actions"]
    assert actions == [{"do": "drain", "host": 2, "at_s": 33}]

    again = Page({"do": json.dumps(actions)})
    again.ask("seek", time_s=100)
    again.let_pass(1)
    assert again.factory.made[0].acts == [(33, actions[0])]


def test_an_action_of_one_lane_is_recorded_and_said_of_each() -> None:
    page = Page({"b_strategy": "qemu"})
    reply = page.ask("act", action={"do": "cancel", "migration": 3})
    assert reply["ok"]
    assert reply["result"] == "left: done; right: refused: there is none"
    state = next(one for one in reversed(page.sent) if one["type"] == "state")
    actions = state["actions"]
    assert actions == [{"do": "cancel", "migration": 3, "at_s": 0}]

    again = Page({"b_strategy": "qemu", "do": json.dumps(actions)})
    again.ask("step", step="tick")
    again.let_pass(1)
    assert [len(lane.acts) for lane in again.factory.made] == [1, 0]

    both = page.ask("act", action={"do": "drain", "host": 2})
    assert both["result"] == "done"


def test_an_action_that_all_lanes_refuse_is_not_recorded() -> None:
    page = Page({"b_strategy": "qemu"})
    for lane in page.factory.made:
        lane.refuses = ("explode",)
    assert page.ask("act", action={"do": "explode"})["error"] == "there is none"
    page.ask("pause")
    assert next(one for one in reversed(page.sent) if one["type"] == "state")["actions"] == []


def test_going_back_ends_the_way_to_a_goal() -> None:
    page = Page(way_back=True)
    page.ask("seek", time_s=200)
    page.let_pass(1)
    page.ask("seek", time_s=900)
    page.ask("seek", time_s=50)
    page.let_pass(1)
    assert page.player.now_s == 50
    page.ask("step", step="migration")
    page.ask("seek", time_s=20)
    page.let_pass(1)
    assert page.player.now_s == 20


def test_what_is_no_setting_does_not_become_one() -> None:
    page = Page({"seed": "3", "token": "secret", "theme": "dark"})
    page.ask("restart", settings={"seed": "4", "token": "secret"})
    states = [one["settings"] for one in page.sent if one["type"] == "state"]
    assert states == [{"seed": "3"}, {"seed": "4"}]


def test_a_broken_panel_does_not_end_the_session() -> None:
    page = Page()
    assert "internal error" in page.ask("panel", name="broken")["error"]
    assert page.ask("watch", watch=1, name="broken")["ok"]
    page.ask("step", step="tick")
    page.let_pass(1)
    assert page.player.now_s == 10
    (answer,) = [one for one in page.sent if one["type"] == "watch"]
    assert "internal error" in answer["error"]


def test_panels_are_kept_up_to_date() -> None:
    page = Page()
    page.ask("watch", watch=7, name="gantt", arguments={"a": 1})
    page.ask("step", step="tick")
    page.let_pass(1)
    watched = [one for one in page.sent if one["type"] == "watch"]
    assert watched[0]["data"] == {"time_s": 0}
    assert watched[-1]["data"] == {"time_s": 10}

    page.ask("unwatch", watch=7)
    page.ask("step", step="tick")
    page.let_pass(1)
    assert [one for one in page.sent if one["type"] == "watch"] == watched


@pytest.mark.parametrize(
    "message",
    [
        {"do": "explode"},
        {"do": "step", "step": "year"},
        {"do": "speed", "speed": -1},
        {"do": "speed", "speed": "fast"},
        {"do": "seek", "time_s": 1e9},
        {"do": "seek", "time_s": None},
        {"do": "act", "action": "drain"},
        {"do": "restart", "settings": []},
        {"do": "panel", "name": "none"},
        {"do": "panel", "name": "x", "arguments": 3},
        {"do": "details", "kind": "host", "number": "3"},
        {"do": "details", "kind": "host", "number": 3, "lane": 5},
        {"do": "details", "kind": ["host"], "number": 3},
        {"do": "details", "kind": {}, "number": 3},
        {"do": "details", "kind": "rack", "number": 3},
        {"do": "details", "kind": "host", "number": 3, "lane": [0]},
        {"do": "watch", "watch": None, "name": "x"},
        {"do": "watch", "watch": [1], "name": "x"},
        {"do": "unwatch", "watch": {}},
        {"do": "step", "step": ["tick"]},
        {"do": "speed", "speed": [1]},
        {"do": "speed", "speed": True},
        {"do": "seek", "time_s": "1"},
        {"do": "seek", "time_s": math.nan},
        {"do": "panel", "name": "x", "arguments": [1]},
        {"do": "restart", "settings": {"do": "[" * 100_000}},
        {"do": ["play"]},
        {},
    ],
)
def test_a_message_that_makes_no_sense_is_refused(message: dict[str, Any]) -> None:
    page = Page()
    page.player.handle({"id": 9, **message})
    (reply,) = [one for one in page.sent if one["type"] == "reply"]

    assert reply["ok"] is False
    assert reply["id"] == 9
    assert reply["error"]
