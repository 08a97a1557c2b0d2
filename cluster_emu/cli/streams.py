"""Standard streams that may be closed, full, broken or ASCII only."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress


class _QuietStream(io.TextIOWrapper):
    """A stream for messages: what cannot be written there is lost without an error."""

    def write(self, text: str) -> int:
        """Write a text if that is possible."""
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is waiting if that is possible."""
        with suppress(OSError):
            super().flush()


def prepare_streams() -> None:
    """Let every text be written: closed streams lead nowhere, other characters become escapes.

    A file that is opened later must not get the number of a standard stream that was closed.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if isinstance(sys.stderr, io.TextIOWrapper):
        encoding = sys.stderr.encoding
        sys.stderr = _QuietStream(
            sys.stderr.detach(), encoding, errors="backslashreplace", line_buffering=True
        )


def abandon_stdout() -> None:
    """Let what still waits for stdout go nowhere, so that the interpreter ends in silence."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
