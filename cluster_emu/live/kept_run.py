"""A replayed run that has to be computed is computed once for all browsers of a server.

A cell of a study and a drain are stored as figures or in part, and computed again when they are
replayed. Each browser has a process of its own, so the first one leaves the run in a folder of the
server, and the others read it there. The folder goes when the command ends.
"""

from __future__ import annotations

import contextlib
import os
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster_emu.live.replay_source import ReplayFactory, ReplaySource
from cluster_emu.live.source import Document, FrameSource
from cluster_emu.observation.finished_run import FinishedRun

RUN, LOCK = "run.pickle", "lock"

NOT_KEPT = (OSError, pickle.PicklingError, TypeError, AttributeError)
"""A full disk, and what pickle raises for a part that it cannot write, such as one of a script."""


@dataclass(frozen=True, slots=True)
class KeptReplay:
    """A replay whose computed run is kept.

    Args:
        replay: reads the run, or computes it.
        place: a folder that only this server writes to.
    """

    replay: ReplayFactory
    place: Path

    def describe(self) -> Document:
        """Return title and kind."""
        return self.replay.describe()

    def lanes(self, settings: Mapping[str, str]) -> Sequence[FrameSource]:
        """Return one lane, the run; one that is stored is read without waiting for others."""
        if not self.replay.computes:
            return self.replay.lanes(settings)
        return [ReplaySource(once(self.place, self.replay.run))]


def once(place: Path, read: Callable[[], FinishedRun]) -> FinishedRun:
    """Return what is kept in a folder, or else what is read now; keep it if it was computed.

    Whoever comes while another process computes waits for it. If that one ends before it is done,
    the next one computes.
    """
    kept = place / RUN
    with _alone(place / LOCK):
        if kept.is_file():
            run: FinishedRun = pickle.loads(kept.read_bytes())
            return run
        run = read()
        if run.computed:
            with contextlib.suppress(*NOT_KEPT):  # costs time, no replay
                _write(kept, pickle.dumps(run))
    return run


def _write(path: Path, data: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes out; the end of this one lets them in, however it comes."""
    try:
        from fcntl import LOCK_EX, flock
    except ImportError:  # Windows: two that come at the same time both compute
        yield
        return
    with path.open("ab") as file:
        flock(file, LOCK_EX)
        yield
