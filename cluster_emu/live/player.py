"""Plays the lanes of one session: how fast time passes, steps, and the answers to the page.

The player does a little work at a time, so that a click is answered between two pieces of it. It
sends a frame only when the page is ready for one; what the page sees is always the newest instant.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, cast, get_args

from cluster_emu.errors import ClusterEmuError, RequestRefusedError
from cluster_emu.live.frames import to_json
from cluster_emu.live.settings import actions_of, known_settings
from cluster_emu.live.source import Document, FrameSource, Kind, SourceFactory, Step

FRAMES_PER_S = 15.0
"""New frames at most; the page draws more, in between."""
PANELS_PER_S = 4.0
"""How often panels get new data at most: tables and charts that change more often are not read."""
PANEL_REST = 3.0
"""Panels whose data took long to read rest so many times as long: those of a VM with many pages."""
SLICE_WALL_S = 0.03
"""About how long one piece of work may take."""
WORK_WALL_S = 0.05
"""How long pieces are done one after the other before messages are read again."""
MOST_CREDIT = 2
"""Frames on their way to the page at once."""
IDLE_S = 0.5
MOST_WATCHES = 32

KINDS = get_args(Kind)
LANES = ("left", "right")
"""What the lanes are called where they answer differently."""

log = logging.getLogger("cluster_emu.live")

Send = Callable[[bytes | str], None]
Message = Mapping[str, Any]


class Player:
    """The lanes of a session and their common clock.

    Args:
        factory: makes the lanes.
        settings: the settings in the address of the page.
        send: takes a frame (bytes) or a message (JSON) to the page.
        wall_s: the time on the wall.
        is_asked: whether a message of the page waits, which is then read before more work is done.

    Attributes:
        lanes: the sources, all at the same time.
    """

    def __init__(
        self,
        factory: SourceFactory,
        settings: Mapping[str, str],
        send: Send,
        wall_s: Callable[[], float] = time.monotonic,
        is_asked: Callable[[], bool] = lambda: False,
    ) -> None:
        self._factory = factory
        self._send = send
        self._wall_s = wall_s
        self._is_asked = is_asked
        self.lanes: list[FrameSource] = []
        self._watches: dict[int, Message] = {}
        self._credit = MOST_CREDIT
        self._frame_due_s = self._watches_due_s = -math.inf
        self._watches_stale = False
        self._restart(settings)

    def _restart(self, settings: Mapping[str, str]) -> None:
        """Make the lanes anew; if the settings are not allowed, the old ones stay."""
        self._say("loading")
        settings = known_settings(settings)
        actions = actions_of(settings)
        lanes = list(self._factory.lanes(settings))
        self.close()
        self.lanes = lanes
        self._settings = settings
        self._planned = actions
        self._done: list[Document] = []
        self._playing = False
        self._goal: tuple[Step, int] | None = None
        self._goal_s = math.inf
        self._speed = _default_speed(self._lead)
        self._slice_s = self._lead.duration_s / 1000
        self._anchor: tuple[float, float] = (0.0, 0.0)
        self._measured: tuple[float, float] = (self._wall_s(), self._lead.now_s)
        self._real_speed = 0.0
        self._dirty = True
        for number, lane in enumerate(lanes):
            lane.keyframe()
            self._tell("topology", lane=number, lanes=len(lanes), topology=lane.topology())
        self._tell_state()

    @property
    def _lead(self) -> FrameSource:
        return self.lanes[0]

    @property
    def now_s(self) -> float:
        """The time that all lanes have come to; one whose run is over stays where it ended."""
        return max(lane.now_s for lane in self.lanes)

    @property
    def is_over(self) -> bool:
        """Whether no lane goes on."""
        return all(lane.is_over for lane in self.lanes)

    # --- time -------------------------------------------------------------------------------------

    def work(self) -> float:
        """Let time pass for a moment and send what is due; return how long it may rest, seconds."""
        busy = False
        if self._playing:
            busy = self._play()
        elif self._goal is not None or self._goal_s < math.inf:
            busy = self._toward_goal()
        rest_s = self._answer_watches(self._send_frames())
        return 0.0 if busy else rest_s

    def _play(self) -> bool:
        """Let time pass until now; return whether there is more to do at once."""
        sim_s, wall_s = self._anchor
        target_s = sim_s + self._speed * (self._wall_s() - wall_s)
        end_s = self._wall_s() + WORK_WALL_S
        while self.now_s < target_s and not self.is_over and self._wall_s() < end_s:
            self._advance(min(target_s, self.now_s + self._slice_s))
            if self._is_asked():
                return self._playing  # the rest comes after the answer
        if self.is_over:
            self._stop()
        behind = self.now_s < target_s
        if behind:  # the model is slower than the speed asked for: do not run after it later
            self._anchor = (self.now_s, self._wall_s())
        return behind and self._playing

    def _toward_goal(self) -> bool:
        """Go to the next event until the goal is reached; return whether it is not yet."""
        end_s = self._wall_s() + WORK_WALL_S
        while self._wall_s() < end_s:
            if self.is_over or self.now_s >= self._goal_s or self._reached():
                self._stop()
                return False
            until_s = min(lane.next_event_s() for lane in self.lanes if not lane.is_over)
            if until_s <= self.now_s:
                until_s = math.nextafter(self.now_s, math.inf)
            self._advance(min(until_s, self._goal_s))
            if self._is_asked():
                break
        return True

    def _reached(self) -> bool:
        if self._goal is None:
            return False
        step, count = self._goal
        return max(lane.count(step) for lane in self.lanes) > count

    def _advance(self, until_s: float) -> None:
        """Let all lanes come to `until_s`, with planned actions at their times."""
        if self._planned:
            until_s = min(until_s, max(self._planned[0]["at_s"], self.now_s))
        began_s = self._wall_s()
        for lane in self.lanes:
            lane.advance(until_s)
        took_s = self._wall_s() - began_s
        if took_s > SLICE_WALL_S:
            self._slice_s = max(self._slice_s / 2, 1e-3)
        elif took_s < SLICE_WALL_S / 3:
            self._slice_s = min(self._slice_s * 1.5, self._lead.duration_s / 20)
        self._dirty = True
        while self._planned and self._planned[0]["at_s"] <= self.now_s:
            action = self._planned.pop(0)
            try:
                self._act(action)
            except ClusterEmuError as error:
                self._say("refused", str(error))

    def _stop(self) -> None:
        self._playing = False
        self._goal, self._goal_s = None, math.inf
        self._dirty = True
        self._tell_state()

    # --- what the page is sent --------------------------------------------------------------------

    def _send_frames(self) -> float:
        """Send the frames of all lanes if one is due and wanted; return until when to rest."""
        now_s = self._wall_s()
        if not self._dirty or self._credit <= 0:
            return IDLE_S if not self._playing else 1 / FRAMES_PER_S
        if now_s < self._frame_due_s:
            return self._frame_due_s - now_s
        self._frame_due_s = now_s + 1 / FRAMES_PER_S
        self._dirty = False
        self._credit -= 1
        self._measure(now_s)
        for number, lane in enumerate(self.lanes):
            frame = lane.frame()
            frame.header.update(
                type="frame",
                lane=number,
                playing=self._playing or self._goal is not None or self._goal_s < math.inf,
                speed=self._speed,
                real_speed=self._real_speed,
            )
            self._send(frame.pack())
        self._watches_stale = True
        return 1 / FRAMES_PER_S if self._playing else IDLE_S

    def _answer_watches(self, rest_s: float) -> float:
        """Send new data to all panels if they are due; return until when to rest at most."""
        due_s = self._watches_due_s - self._wall_s()
        if not self._watches_stale or not self._watches:
            return rest_s
        if due_s > 0:
            return min(rest_s, due_s)
        if self._is_asked():
            return 0.0
        self._watches_stale = False
        began_s = self._wall_s()
        for watch in list(self._watches.values()):
            self._answer_watch(watch)
        end_s = self._wall_s()
        self._watches_due_s = max(
            began_s + 1 / PANELS_PER_S, end_s + PANEL_REST * (end_s - began_s)
        )
        return rest_s

    def _measure(self, now_s: float) -> None:
        wall_s, sim_s = self._measured
        if now_s - wall_s > 0.5:
            self._real_speed = (self.now_s - sim_s) / (now_s - wall_s)
            self._measured = (now_s, self.now_s)

    def _tell(self, kind: str, **values: Any) -> None:
        self._send(to_json({"type": kind, **values}))

    def _say(self, tone: str, text: str = "") -> None:
        self._tell("notice", tone=tone, text=text)

    def _tell_state(self) -> None:
        lead = self._lead
        self._tell(
            "state",
            playing=self._playing,
            busy=self._goal is not None or self._goal_s < math.inf,
            speed=self._speed,
            over=self.is_over,
            now_s=self.now_s,
            duration_s=lead.duration_s,
            earliest_s=lead.earliest_s,
            settings=self._settings,
            actions=self._done,
        )

    # --- what the page asks for -------------------------------------------------------------------

    def handle(self, message: Message) -> None:
        """Do what the page asks for, and answer; a refusal is an answer, too."""
        do = str(message.get("do"))
        if do == "ack":
            self._credit = min(self._credit + 1, MOST_CREDIT)
            return
        try:
            command = self._COMMANDS.get(do)
            if command is None:
                raise RequestRefusedError(f"no command {do!r}")
            result = command(self, message)
        except ClusterEmuError as error:
            self._tell("reply", id=message.get("id"), ok=False, error=str(error))
            return
        except (OSError, EOFError):
            raise  # the page has gone
        except Exception as error:  # one bad question must not end the session
            log.exception("a message of the page could not be answered")
            self._tell("reply", id=message.get("id"), ok=False, error=_internal(error))
            return
        self._tell("reply", id=message.get("id"), ok=True, result=result)

    def _on_play(self, message: Message) -> None:
        if self.is_over:
            raise RequestRefusedError("the run is over: reset it first")
        self._goal, self._goal_s = None, math.inf
        self._playing = True
        self._anchor = (self.now_s, self._wall_s())
        self._measured = (self._wall_s(), self.now_s)
        self._tell_state()

    def _on_pause(self, message: Message) -> None:
        self._stop()

    def _on_step(self, message: Message) -> None:
        step = message.get("step")
        if step not in ("tick", "round", "migration"):
            raise RequestRefusedError(f"step = {step!r}: allowed is tick, round or migration")
        if self.is_over:
            raise RequestRefusedError("the run is over: reset it first")
        self._playing = False
        if step == "tick":
            self._goal = None
            tick_s = self._lead.tick_s
            self._goal_s = (math.floor(self.now_s / tick_s * (1 + 1e-12)) + 1) * tick_s
            self._goal_s = min(self._goal_s, self._lead.duration_s)
        else:
            self._goal_s = math.inf
            self._goal = (step, max(lane.count(step) for lane in self.lanes))
        self._tell_state()

    def _on_seek(self, message: Message) -> None:
        time_s = _time_of(message, self._lead.duration_s)
        if time_s < self.now_s:
            for lane in self.lanes:
                lane.seek(time_s)
            self._goal, self._goal_s = None, math.inf
            self._anchor = (self.now_s, self._wall_s())
            self._dirty = True
        else:
            self._playing, self._goal, self._goal_s = False, None, time_s
        self._tell_state()

    def _on_speed(self, message: Message) -> None:
        speed = message.get("speed")
        if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0 < speed <= 1e9:
            raise RequestRefusedError(f"speed = {speed!r}: allowed is a number above 0")
        self._speed = float(speed)
        self._anchor = (self.now_s, self._wall_s())
        self._tell_state()

    def _on_restart(self, message: Message) -> None:
        settings = message.get("settings")
        if not isinstance(settings, dict):
            raise RequestRefusedError("settings: allowed is an object")
        self._restart({str(key): str(value) for key, value in settings.items()})
        self._frame_due_s = -math.inf

    def _on_details(self, message: Message) -> Document:
        return self._lane(message).details(_kind(message), _whole(message, "number"))

    def _on_search(self, message: Message) -> list[Document]:
        return self._lead.search(str(message.get("text", ""))[:200])

    def _on_panel(self, message: Message) -> Document:
        return self._lane(message).panel(str(message.get("name")), _arguments(message))

    def _on_watch(self, message: Message) -> None:
        if len(self._watches) >= MOST_WATCHES:
            raise RequestRefusedError(f"at most {MOST_WATCHES} panels are kept up to date")
        self._watches[_whole(message, "watch")] = message
        self._answer_watch(message)

    def _on_unwatch(self, message: Message) -> None:
        self._watches.pop(_whole(message, "watch"), None)

    def _on_act(self, message: Message) -> str:
        action = message.get("action")
        if not isinstance(action, dict):
            raise RequestRefusedError("action: allowed is an object")
        return self._act({**action, "at_s": self.now_s})

    def _act(self, action: dict[str, Any]) -> str:
        """Let all lanes carry out an action; return in words what each of them did.

        What one lane can do another may have to refuse: cancel a migration that only one has. The
        action is recorded if any lane has carried it out, so that who does it again meets the same.

        Raises:
            RequestRefusedError: if no lane can carry it out.
        """
        said: list[str] = []
        refusals: list[ClusterEmuError] = []
        for lane in self.lanes:
            try:
                said.append(lane.act(action))
            except ClusterEmuError as error:
                said.append(f"refused: {error}")
                refusals.append(error)
        if len(refusals) == len(self.lanes):
            raise refusals[0]
        self._done.append({**action, "at_s": self.now_s})
        self._dirty = True
        self._tell_state()
        if len(set(said)) == 1:
            return said[0]
        return "; ".join(f"{name}: {text}" for name, text in zip(LANES, said, strict=False))

    def _answer_watch(self, watch: Message) -> None:
        number = watch.get("watch")
        try:
            data = self._lane(watch).panel(str(watch.get("name")), _arguments(watch))
        except ClusterEmuError as error:
            self._tell("watch", watch=number, error=str(error))
        except Exception as error:  # one bad panel must not end the session
            log.exception("a panel could not be answered")
            self._watches.pop(number, None)  # type: ignore[arg-type]
            self._tell("watch", watch=number, error=_internal(error))
        else:
            self._tell("watch", watch=number, data=data)

    def _lane(self, message: Message) -> FrameSource:
        lane = message.get("lane", 0)
        if not isinstance(lane, int) or isinstance(lane, bool) or not 0 <= lane < len(self.lanes):
            raise RequestRefusedError(f"lane = {lane!r}: allowed is 0 to {len(self.lanes) - 1}")
        return self.lanes[lane]

    def close(self) -> None:
        """Let go of all lanes."""
        for lane in self.lanes:
            lane.close()
        self.lanes = []

    _COMMANDS: Mapping[str, Callable[[Player, Message], Any]] = {
        "play": _on_play,
        "pause": _on_pause,
        "step": _on_step,
        "seek": _on_seek,
        "speed": _on_speed,
        "restart": _on_restart,
        "details": _on_details,
        "search": _on_search,
        "panel": _on_panel,
        "watch": _on_watch,
        "unwatch": _on_unwatch,
        "act": _on_act,
    }


def _internal(error: Exception) -> str:
    return f"internal error: {type(error).__name__}: {error}"


def _kind(message: Message) -> Kind:
    kind = message.get("kind")
    if kind not in KINDS:
        raise RequestRefusedError(f"kind = {kind!r}: allowed is {', '.join(KINDS)}")
    return cast(Kind, kind)


def _whole(message: Message, name: str) -> int:
    number = message.get(name)
    if not isinstance(number, int) or isinstance(number, bool):
        raise RequestRefusedError(f"{name} = {number!r}: allowed is a whole number")
    return number


def _arguments(message: Message) -> Mapping[str, Any]:
    arguments = message.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise RequestRefusedError("arguments: allowed is an object")
    return arguments


def _time_of(message: Message, duration_s: float) -> float:
    time_s = message.get("time_s")
    if (
        isinstance(time_s, bool)
        or not isinstance(time_s, int | float)
        or not 0 <= time_s <= duration_s
    ):
        raise RequestRefusedError(f"time_s = {time_s!r}: allowed is 0 to {duration_s:g}")
    return float(time_s)


FASTEST_TO_SEE = 10
"""A migration of many seconds is then on its way for a second or more."""

SPEEDS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 300, 600, 3600)


def _default_speed(source: FrameSource) -> float:
    """Return the speed at which a whole run takes two minutes, or at which migrations are seen."""
    wanted = min(source.duration_s / 120, FASTEST_TO_SEE)
    return min(SPEEDS, key=lambda speed: abs(math.log(speed / wanted)))
