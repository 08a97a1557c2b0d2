"""Runs one input in this process and watches what it writes, starts and leaves behind."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from typer.main import get_command

from cluster_emu import cli
from tests.fuzz.inputs import Input

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGING: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.mkdir": ((0, 2),),
    "os.rename": ((0, 2), (1, 3)),
    "os.remove": ((0, 1),),
    "os.rmdir": ((0, 1),),
    "os.truncate": ((0, None),),
    "os.link": ((1, 3),),
    "os.symlink": ((1, 2),),
    "os.chmod": ((0, 2),),
    "shutil.rmtree": ((0, 1),),
}
"""Events of the interpreter that change a file: where among their arguments its path is, and the
descriptor of the folder that a relative path begins at."""
STARTING = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork")
CONNECTING = ("socket.connect", "socket.bind", "urllib.Request")
HOLE = "/dev/null"


@dataclass
class Outcome:
    """How an input ended.

    Args:
        status: the exit status; None if an exception escaped.
        error: the traceback of that exception.
        stdout: what was written there.
        stderr: likewise.
        writes: paths that were written, as the interpreter saw them.
        starts: processes that were started and connections that were made.
        before: the digest of every file before, by path below the working folder.
        after: likewise after.
    """

    status: int | None = None
    error: str = ""
    stdout: str = ""
    stderr: str = ""
    writes: set[str] = field(default_factory=set)
    starts: list[str] = field(default_factory=list)
    before: dict[str, str] = field(default_factory=dict)
    after: dict[str, str] = field(default_factory=dict)


_watched: Outcome | None = None
"""The outcome that the interpreter's events are entered into."""


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is None:
        return
    if event == "open":
        path, mode, flags = arguments
        is_writing = set(mode) & set("wxa+") if mode else (flags or 0) & WRITING
        if is_writing and isinstance(path, str | bytes):
            _watched.writes.add(os.path.abspath(os.fsdecode(path)))  # noqa: PTH100 keeps links
    elif event in CHANGING:
        for place, folder in CHANGING[event]:
            base = -1 if folder is None else arguments[folder]
            if isinstance(arguments[place], str | bytes | os.PathLike):
                path = os.fsdecode(arguments[place])
                if isinstance(base, int) and base >= 0:
                    path = f"{os.readlink(f'/proc/self/fd/{base}')}/{path}"  # noqa: PTH115
                _watched.writes.add(os.path.abspath(path))  # noqa: PTH100
    elif event == "subprocess.Popen" and os.path.basename(os.fsdecode(arguments[0])) == "git":  # noqa: PTH119
        return  # a study's manifest has the commit of the repository that the study is in
    elif event in STARTING or event in CONNECTING:
        _watched.starts.append(f"{event} {str(arguments)[:200]}")


def watch() -> None:
    """Begin to listen to the interpreter's events; once per process, and for good."""
    sys.addaudithook(_note)


@contextlib.contextmanager
def _watching(outcome: Outcome) -> Iterator[None]:
    global _watched
    _watched = outcome
    try:
        yield
    finally:
        _watched = None


def prepare() -> None:
    """Make what all inputs share: the command line is made once, which takes long.

    The traceback of an unforeseen error goes to the outcome instead of a file.
    """
    vars(cli)["app"] = get_command(cli.app)
    vars(cli)["_kept_traceback"] = _keep_traceback


def _keep_traceback() -> str:
    if _watched is not None:
        _watched.error = traceback.format_exc()
    return ""


def run(made: Input, folder: Path, command: Callable[[], object] = cli.main) -> Outcome:
    """Type an input's words in its folder and return how that ended.

    Args:
        made: the input, whose files have been written.
        folder: where they are; its parent is checked for stray files, too.
        command: what takes the words, as the entry point of a program does.
    """
    outcome = Outcome(before=digests(folder.parent))
    out, err = io.BytesIO(), io.BytesIO()
    before = Path.cwd()
    os.chdir(folder)
    try:
        with (
            contextlib.redirect_stdout(_stream(out, "strict")),
            contextlib.redirect_stderr(_stream(err, "backslashreplace")),
            warnings.catch_warnings(),
            patch.object(sys, "argv", ["cluster-emu", *made.words]),
            _watching(outcome),
        ):
            try:
                command()
                outcome.status = 0
            except SystemExit as end:
                outcome.status = end.code if isinstance(end.code, int) else 1
            except BaseException:
                outcome.error = traceback.format_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                # Here, as whoever took the streams over closes them.
                outcome.stdout, outcome.stderr = _text(out), _text(err)
    finally:
        os.chdir(before)
    outcome.after = digests(folder.parent)
    return outcome


def _stream(content: io.BytesIO, errors: str) -> io.TextIOWrapper:
    """Return a stream like stdout or stderr, which differ in what they do with other characters."""
    return io.TextIOWrapper(content, encoding="utf-8", errors=errors, write_through=True)


def _text(content: io.BytesIO) -> str:
    return content.getvalue().decode("utf-8", "replace")


def digests(folder: Path) -> dict[str, str]:
    """Return the digest of every file below a folder by its path; folders have none."""
    found = {}
    for root, folders, files in os.walk(os.fsencode(folder)):
        for name in folders + files:
            path = os.path.join(root, name)  # noqa: PTH118
            relative = os.fsdecode(os.path.relpath(path, os.fsencode(folder)))
            if os.path.islink(path) or not os.path.isfile(path):  # noqa: PTH113, PTH114
                found[relative] = "no file"
            else:
                with open(path, "rb") as file:  # noqa: PTH123
                    found[relative] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def caches() -> tuple[str, ...]:
    """Return where writing is no fault: compiled code, fonts, temporary files, peaks of memory."""
    import matplotlib
    import numba

    return (
        tempfile.gettempdir() + "/tmp",
        tempfile.gettempdir() + "/cluster-emu-",
        "/proc/self/clear_refs",
        "/dev/shm",
        matplotlib.get_cachedir(),
        numba.config.CACHE_DIR or "__pycache__",
    )
