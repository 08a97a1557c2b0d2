"""What must not have happened to an input, and a short name by which equal defects are known."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.inputs import Input
from tests.fuzz.sandbox import HOLE, Outcome

ENDS = (0, 1, 2)
LOCK = ".cluster-emu.lock"
"""A lock stays where a result is, so it is no result itself."""

UNEXPECTED = re.compile(
    r"failed.*?\b((?:\w+\.)*[A-Z]\w*(?:Error|Exception|Interrupt|Iteration|Exit)): (.*)"
)
"""The report of a run in a study that failed with an exception that is not ours."""
FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Finding:
    """A defect that an input has shown.

    Args:
        kind: "traceback", "hang", "memory", "status", "files", "outside", "process", "control
            characters", "message" or "killed".
        where: what tells it from other defects of its kind.
        details: the traceback, the paths, or the message.
    """

    kind: str
    where: str
    details: str

    @property
    def name(self) -> str:
        """The name by which equal defects are known."""
        return f"{self.kind}: {self.where}"


def findings(made: Input, outcome: Outcome, folder: Path, caches: tuple[str, ...]) -> list[Finding]:
    """Return every defect that an input's outcome shows.

    Args:
        made: the input.
        outcome: how it ended.
        folder: its working folder.
        caches: where libraries may write: starts of paths, or names of folders.
    """
    found = [*_escaped(outcome), *_statuses(outcome), *_left_behind(made, outcome, folder.name)]
    strays = _strays(made, outcome, folder, caches)
    if strays:
        found.append(Finding("outside", _family(strays[0], folder), "\n".join(strays[:10])))
    if outcome.starts:
        found.append(Finding("process", outcome.starts[0].split()[0], outcome.starts[0]))
    return found


def _escaped(outcome: Outcome) -> list[Finding]:
    if not outcome.error:
        return []
    last = outcome.error.strip().splitlines()[-1]
    kind = "memory" if "MemoryError" in last else "traceback"
    return [Finding(kind, f"{last.partition(':')[0]} in {place_of(outcome.error)}", outcome.error)]


def place_of(trace: str) -> str:
    """Return where in our code a traceback ends, and in which function of a library."""
    frames = FRAME.findall(trace)
    own = [(path, name) for path, _, name in frames if "cluster_emu/" in path]
    if not own:
        return frames[-1][2] if frames else "?"
    path, name = own[-1]
    inner = f" > {frames[-1][2]}" if "cluster_emu/" not in frames[-1][0] else ""
    return f"{path.rpartition('cluster_emu/')[2]}:{name}{inner}"


def _statuses(outcome: Outcome) -> list[Finding]:
    found = []
    stderr = outcome.stderr
    if outcome.status not in (*ENDS, None) and not outcome.error:
        found.append(Finding("status", str(outcome.status), stderr[-2000:]))
    if "Traceback (most recent" in stderr or "Exception ignored" in stderr:
        found.append(Finding("traceback", f"printed, {place_of(stderr)}", stderr[-3000:]))
    for name, words in UNEXPECTED.findall(stderr):
        if "MemoryError" in name:
            found.append(Finding("memory", f"{name} in a run of a study", words))
        else:
            found.append(Finding("traceback", f"{name} in a run of a study: {words[:50]}", words))
    if outcome.status == 2 and not stderr.strip():
        found.append(Finding("message", "exit 2 without a message", outcome.stdout[-500:]))
    for name, written in (("stdout", outcome.stdout), ("stderr", stderr)):
        if control := CONTROL.search(written):
            around = written[max(0, control.start() - 100) : control.start() + 50]
            found.append(Finding("control characters", name, ascii(around)))
    return found


def _left_behind(made: Input, outcome: Outcome, name: str) -> list[Finding]:
    """Return the files that changed though they must not have."""
    changed = sorted(
        path
        for path in outcome.before.keys() | outcome.after.keys()
        if outcome.before.get(path) != outcome.after.get(path) and not path.endswith(LOCK)
    )
    if outcome.status == 2 and changed:
        command = made.words[0] if made.words else ""
        return [Finding("files", f"after exit 2 of {command}", "\n".join(changed[:20]))]
    allowed = tuple(os.path.normpath(f"{name}/{each}") for each in made.writes_to)
    strays = [path for path in changed if not _below(path, allowed)]
    if strays:
        return [Finding("outside", "files in the working folder", "\n".join(strays[:20]))]
    return []


def _below(path: str, places: tuple[str, ...]) -> bool:
    """Return whether a path is one of the places, below one, or a folder made for one."""
    return any(
        path == place or path.startswith(f"{place}/") or place.startswith(f"{path}/")
        for place in places
    )


def _strays(made: Input, outcome: Outcome, folder: Path, caches: tuple[str, ...]) -> list[str]:
    allowed = tuple(os.path.normpath(folder / each) for each in made.writes_to)
    return sorted(
        path
        for path in outcome.writes
        if path != HOLE
        and not _below(path, allowed)
        and not any(path.startswith(each) or f"/{each}/" in f"{path}/" for each in caches)
    )


def _family(path: str, folder: Path) -> str:
    """Return a stray path without what differs from input to input."""
    return re.sub(r"[0-9a-f_]{6,}|\d+", "*", path.replace(str(folder), "."))[:100]
