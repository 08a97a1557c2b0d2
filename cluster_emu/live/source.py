"""What can be played on the page: a model that runs, or a finished run.

The player (`player`) knows nothing but `FrameSource`. It runs in a process of its own, beside the
event loop of the server: one process for each browser. `live_source.LiveSource` is a source whose
model runs; a finished run is another one.

Several sources that are played in step are **lanes**: lane 0 is what the page always shows, lane 1
is what it is compared with. All lanes of a session have the same hosts and links.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum, IntFlag
from typing import Any, Literal, Protocol

from cluster_emu.live.frames import Frame

Kind = Literal["host", "vm", "link", "migration"]
"""What can be clicked."""

Step = Literal["tick", "round", "migration"]
"""What one step may lead to: the end of a tick, of a live round, or the start of a migration."""

Document = dict[str, Any]
"""Plain data that becomes JSON."""


class HostFlag(IntFlag):
    """Bits of the array `host_flags`."""

    ON = 1
    BOOTING = 2
    DRAINED = 4
    FAILED = 8
    SHUTTING_DOWN = 16


class VMState(IntEnum):
    """Values of the array `vm_state`."""

    ABSENT = 0
    RUNNING = 1
    QUEUED = 2
    MIGRATING = 3
    DOWN = 4
    LOST = 5
    BOOTING = 6


PHASES = (
    "queued",
    "preparing",
    "ready",
    "pre-copy",
    "waiting for turn",
    "stop-and-copy",
    "post-copy",
    "finishing",
)
"""The phases of migrations that have not ended; the array `move_phase` has places in it."""


class FrameSource(Protocol):
    """A cluster over time. Every method returns soon, so that a click is answered soon.

    Attributes:
        now_s: simulated time.
        duration_s: time at which the run ends at the latest.
        tick_s: length of a tick.
        earliest_s: the earliest time that `seek` accepts, `now_s` where there is no way back.
        is_over: whether nothing comes after `now_s`.
    """

    @property
    def now_s(self) -> float: ...  # noqa: D102

    @property
    def duration_s(self) -> float: ...  # noqa: D102

    @property
    def tick_s(self) -> float: ...  # noqa: D102

    @property
    def earliest_s(self) -> float: ...  # noqa: D102

    @property
    def is_over(self) -> bool: ...  # noqa: D102

    def topology(self) -> Document:
        """Return what does not change; the page gets it once, before the first frame.

        Keys: `name`, `description`, `seed`, `strategy`, `stop`, `policy`, `limits`,
        `duration_s`, `tick_s`; the keys of `layout.Layout.document`; `links` with the lists
        `source`, `target`, `capacity_bytes_per_s` and `for_migrations`; `labels` of the nodes;
        `host_memory_bytes`, `vm_memory_bytes`; `vm_names`, empty where VMs have none; `can_act`
        (whether `act` does something) and `assumptions`, sentences.
        """
        ...

    def advance(self, until_s: float) -> None:
        """Let time pass until `until_s`, or until the run is over."""
        ...

    def next_event_s(self) -> float:
        """Return the next time at which `count` may change; `duration_s` where none will."""
        ...

    def count(self, step: Step) -> int:
        """Return how many of these have been until now: ticks, live rounds, or migrations begun."""
        ...

    def seek(self, time_s: float) -> None:
        """Go to another time, back as well, from `earliest_s` on.

        Raises:
            RequestRefusedError: if there is no way back.
        """
        ...

    def frame(self) -> Frame:
        """Return this instant.

        Header: `time_s`, `over`, `hosts_on`, `power_w`, `energy_kwh`, `utilisation` (mean of the
        hosts that are on), `running`, `queued`, `ended`, `completed`, `sent_bytes`, `rate` (bytes
        per second of all migrations), `events`, a list of {"time_s", "text", "kind"} since the last
        frame. Arrays, see `HostFlag`, `VMState` and `PHASES`:

        - `host_load` u1 [hosts]: CPU utilisation, 0 to 255;
        - `host_flags` u1 [hosts];
        - `vm_host` i4, `vm_state` u1, `vm_demand` u1 (0 to 255) [vms]: only in frames in which
          they differ from the frame before, and in the first one after `keyframe`;
        - `link_load` f4 [links]: bytes per second; `link_state` u1 [links]: 255 is full capacity,
          0 a link that is down; only where it differs;
        - `move_number`, `move_vm`, `move_source`, `move_target` i4, `move_phase` u1,
          `move_progress` f4 (0 at the source to 1 at the target), `move_rate` f4 (bytes per
          second), [moves]: the migrations under way;
        - `move_route_start` i4 [moves + 1] and `move_route` i4: the links of the route of move i
          are move_route[move_route_start[i] : move_route_start[i + 1]].
        """
        ...

    def keyframe(self) -> None:
        """Let the next frame have all arrays, as a page needs that has just opened."""
        ...

    def details(self, kind: Kind, number: int) -> Document:
        """Return what the page shows of a thing that is clicked.

        Keys: `kind`, `number`, `title`; `facts`, a list of [label, value in words]; `links`, a list
        of {"kind", "number", "text"} to other things; `history`, a list of {"label", "unit",
        "time_s", "value"} with equally long lists; `tables`, a list of {"title", "columns",
        "rows"}; `actions`, a list of {"do", "label"} (see `actions`).

        Raises:
            RequestRefusedError: if there is no such thing.
        """
        ...

    def search(self, text: str) -> list[Document]:
        """Return what a text finds, the best first: {"kind", "number", "text"}."""
        ...

    def panel(self, name: str, arguments: Mapping[str, Any]) -> Document:
        """Return the data that a panel asks for; see `panels`.

        Raises:
            RequestRefusedError: if there is no such panel, or nothing to show.
        """
        ...

    def act(self, action: Mapping[str, Any]) -> str:
        """Change the course of the run now; return in words what was done.

        Raises:
            RequestRefusedError: if it cannot be done; the message says why.
        """
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class SourceFactory(Protocol):
    """Makes the lanes of a session. It is sent to the process of the session: it must pickle."""

    def describe(self) -> Document:
        """Return what the page needs before a source is made: `title`, `kind` and `controls`.

        `kind` is "model" or "replay". `controls` lists the settings that may be changed, see
        `settings.controls`; empty for a replay.
        """
        ...

    def lanes(self, settings: Mapping[str, str]) -> Sequence[FrameSource]:
        """Return the lanes for these settings, as they stand in the page's address.

        Raises:
            ClusterEmuError: if a setting is not allowed.
        """
        ...
