"""Which stretches of a migration need a time axis of their own to be seen."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from cluster_emu.transfer.records import Phase

MOST_WINDOWS = 4
NARROW_SHARE = 0.019
"""Share of a panel's width below which a round is too narrow to number."""
WORTHWHILE_SHARE = 0.3
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

    Enlarged are the rounds that had pages to send but take too little of the width to be seen; all
    of them together where they are close to each other, else those after the last wide one. The
    stop alone is not enlarged: its length is written beside it.

    Args:
        rounds: the migration's rows of the table `rounds` in order, times since its start.
        total_s: how long it took.
    """
    windows = [Window(0.0, total_s)]
    while len(windows) < MOST_WINDOWS:
        inner = _to_enlarge(rounds, windows[-1])
        if inner is None:
            break
        windows.append(inner)
    return windows


def _to_enlarge(rounds: pd.DataFrame, window: Window) -> Window | None:
    inside = rounds[(rounds["start_s"] >= window.begin_s) & (rounds["end_s"] <= window.end_s)]
    busy = inside[inside["due"] > 0]
    narrow = (busy["end_s"] - busy["start_s"]) < NARROW_SHARE * window.duration_s
    late = narrow[::-1].cummin()[::-1]
    for chosen in (busy[narrow], busy[late]):
        duration_s = float(chosen["end_s"].max() - chosen["start_s"].min())
        only_stop = (chosen["phase"] == Phase.STOP_AND_COPY.value).all()
        if not only_stop and 0 < duration_s <= WORTHWHILE_SHARE * window.duration_s:
            return _around(chosen, window)
    return None


def _around(rounds: pd.DataFrame, window: Window) -> Window:
    """Return the stretch of the rounds with a margin, inside `window`."""
    begin_s, end_s = float(rounds["start_s"].min()), float(rounds["end_s"].max())
    margin_s = MARGIN_SHARE * (end_s - begin_s)
    return Window(max(begin_s - margin_s, window.begin_s), min(end_s + margin_s, window.end_s))
