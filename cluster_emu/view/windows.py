"""Which stretches of a migration need a time axis of their own to be seen."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MOST_WINDOWS = 3
NARROW_SHARE = 0.03
WORTHWHILE_SHARE = 0.5
MARGIN_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of time, in seconds since the migration began."""

    begin_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.end_s - self.begin_s


def windows_of(rounds: pd.DataFrame, total_s: float) -> list[Window]:
    """Return the whole migration and, each inside the one before, what to enlarge.

    Args:
        rounds: the migration's rows of the table `rounds`, times since its start.
        total_s: how long it took.
    """
    windows = [Window(0.0, total_s)]
    while len(windows) < MOST_WINDOWS:
        inner = _narrow_part(rounds, windows[-1])
        if inner is None or inner.duration_s > WORTHWHILE_SHARE * windows[-1].duration_s:
            break
        windows.append(inner)
    return windows


def _narrow_part(rounds: pd.DataFrame, window: Window) -> Window | None:
    """Return the stretch of the rounds that had pages to send but little time, if there are any."""
    inside = rounds[(rounds["start_s"] >= window.begin_s) & (rounds["end_s"] <= window.end_s)]
    duration = inside["end_s"] - inside["start_s"]
    narrow = inside[(inside["due"] > 0) & (duration < NARROW_SHARE * window.duration_s)]
    begin_s, end_s = float(narrow["start_s"].min()), float(narrow["end_s"].max())
    if narrow.empty or begin_s == end_s:
        return None
    margin_s = MARGIN_SHARE * (end_s - begin_s)
    return Window(max(begin_s - margin_s, window.begin_s), min(end_s + margin_s, window.end_s))
