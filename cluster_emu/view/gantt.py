"""Many migrations over time: one lane each, divided into waiting and phases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation, Transform, blended_transform_factory

from cluster_emu.observation.palette import SPAN_COLOURS
from cluster_emu.results.rows import Row, named, rows_of
from cluster_emu.transfer.records import Phase
from cluster_emu.transfer.spans import Span, SpanKind, spans_of
from cluster_emu.view.quantities import clock
from cluster_emu.view.style import (
    BLACK,
    FAINT_GREY,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted

DEFAULT_LANES = 40
LANE_INCHES = 0.16
TALLEST_INCHES = 11.0
NARROWEST_NAMED_INCHES = 0.11
AXES_INCHES = 1.2
TIME_AXIS_INCHES = 0.4
BUSY_SHARE = 0.3
NARROW_TITLE = 0.55
"""Share of a narrow figure that its labels leave to the title."""

HALF_BAR = 0.4
HALF_WAITING_BAR = 0.15


@dataclass(frozen=True, slots=True)
class _Lane:
    """One migration's row of the picture."""

    label: str
    source: str
    spans: tuple[Span, ...]
    failed_at_s: float | None


def draw_gantt(
    migrations: pd.DataFrame,
    rounds: pd.DataFrame,
    ax: Axes | None = None,
    *,
    max_lanes: int = DEFAULT_LANES,
) -> Axes:
    """Draw waiting, live rounds, downtime and post-copy of migrations, grouped by source host.

    Where migrations come in waves far apart, the largest wave alone is drawn; of a wave with more
    than `max_lanes` migrations the first requested. The title says how many are shown.

    Args:
        migrations: the table `migrations`.
        rounds: the table `rounds`.
        ax: where to draw; a new figure of fitting height by default.
        max_lanes: most migrations to draw.
    """
    wave = _largest_wave(migrations.sort_values(["queued_s", "migration"], kind="stable"))
    shown = wave.head(max_lanes)
    lanes = list(_lanes(shown, rounds))
    lane_inches = min(LANE_INCHES, TALLEST_INCHES / max(len(lanes), 1))
    if ax is None:
        ax = new_figure(max(len(lanes), 4) * lane_inches + AXES_INCHES).add_subplot()
    _shade_groups(ax, lanes, lane_inches)
    drawn = [kind for kind in SpanKind if _add_bars(ax, lanes, kind)]
    failed = _mark_failures(ax, lanes)
    _finish(ax, lanes, lane_inches >= NARROWEST_NAMED_INCHES)
    title = folded(_title(shown, wave, len(migrations)), NARROW_TITLE if look().is_narrow else 1.0)
    ax.set_title(title, loc="left", fontsize=look().title_pt)
    entries = _legend(drawn, failed)
    ax.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=legend_place(ax),
        ncols=_columns(len(entries)),
        frameon=False,
        fontsize=look().tick_pt,
        handlelength=1.4,
        columnspacing=1.2,
    )
    return ax


# --- which migrations ----------------------------------------------------------------------------


def _largest_wave(migrations: pd.DataFrame) -> pd.DataFrame:
    """Return all migrations, or the largest wave where migrations are rare.

    A wave is a set of migrations, in order of request, with no gap between them.
    """
    if migrations.empty:
        return migrations
    begin = migrations["queued_s"].to_numpy()
    end = np.maximum.accumulate(_ends(migrations))
    wave = np.concatenate([[0], np.cumsum(begin[1:] > end[:-1])])
    starts = np.flatnonzero(np.diff(wave, prepend=-1))
    busy_s = float(sum(np.append(end[starts[1:] - 1], end[-1]) - begin[starts]))
    if busy_s >= BUSY_SHARE * float(end[-1] - begin[0]):
        return migrations
    return migrations.iloc[np.flatnonzero(wave == np.bincount(wave).argmax())]


def _ends(migrations: pd.DataFrame) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return when each migration ended; for one that did not, the latest time known."""
    return migrations["end_s"].fillna(_horizon_s(migrations)).to_numpy()


def _horizon_s(migrations: pd.DataFrame) -> float:
    return float(migrations[["queued_s", "start_s", "end_s"]].max().max())


def _title(shown: pd.DataFrame, wave: pd.DataFrame, count: int) -> str:
    first = "the first requested" if len(shown) < len(wave) else ""
    since = f"in the wave from {clock(wave['queued_s'].min())} on" if len(wave) < count else ""
    which = " ".join(filter(None, [first, since]))
    return (
        f"{len(shown)} of {counted(count, 'migration')}: {which}"
        if which
        else counted(count, "migration")
    )


def legend_place(ax: Axes) -> Transform:
    """Return where the legend goes: below the time axis, or in a column below the labels, too."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    down = ScaledTranslation(0, -TIME_AXIS_INCHES, figure.dpi_scale_trans)
    if look().is_narrow:
        return blended_transform_factory(figure.transFigure, ax.transAxes) + down
    return ax.transAxes + down


# --- lanes ---------------------------------------------------------------------------------------


def _lanes(migrations: pd.DataFrame, rounds: pd.DataFrame) -> Iterator[_Lane]:
    """Yield the lanes from top to bottom."""
    live = rounds[rounds["phase"] == Phase.PRE_COPY.value].sort_values("start_s", kind="stable")
    times = {
        number: list(zip(rows["start_s"].tolist(), rows["end_s"].tolist(), strict=True))
        for number, rows in live.groupby("migration")
    }
    horizon_s = _horizon_s(migrations)
    by_source = migrations.sort_values(["source", "queued_s", "start_s"], kind="stable")
    for row in rows_of(by_source):
        failed = row["outcome"] != Phase.COMPLETED.value
        yield _Lane(
            label=literal(_label(row)),
            source=named(row, "source"),
            spans=tuple(spans_of(row, times.get(row["migration"], []), horizon_s)),
            failed_at_s=float(np.nan_to_num(row["end_s"], nan=horizon_s)) if failed else None,
        )


def _label(row: Row) -> str:
    to = "" if look().is_narrow else "host "
    return f"VM {named(row, 'vm')} → {to}{named(row, 'target')}"


def _add_bars(ax: Axes, lanes: list[_Lane], kind: SpanKind) -> bool:
    """Draw all bars of one kind; return whether there are any."""
    half = HALF_WAITING_BAR if kind is SpanKind.WAITING else HALF_BAR
    corners = [
        [(x, y) for x, y in _corners(span, lane_number, half)]
        for lane_number, lane in enumerate(lanes)
        for span in lane.spans
        if span.kind is kind
    ]
    # A downtime of milliseconds among minutes would be too narrow to see without a rim.
    rim = 1.0 if kind is SpanKind.DOWNTIME else 0.0
    colour = tint(SPAN_COLOURS[kind])
    bars = PolyCollection(
        corners, facecolors=colour, edgecolors=colour, linewidths=rim, label=kind.value
    )
    bars.set_zorder(3 if kind is SpanKind.DOWNTIME else 2)
    ax.add_collection(bars)
    return bool(corners)


def _corners(span: Span, lane: int, half: float) -> list[tuple[float, float]]:
    low, high = lane - half, lane + half
    return [(span.start_s, low), (span.end_s, low), (span.end_s, high), (span.start_s, high)]


def _mark_failures(ax: Axes, lanes: list[_Lane]) -> bool:
    marks = [(lane.failed_at_s, y) for y, lane in enumerate(lanes) if lane.failed_at_s is not None]
    for time_s, lane in marks:
        ax.plot(time_s, lane, marker="x", markersize=4, color=tint(BLACK), zorder=4)
    return bool(marks)


def _shade_groups(ax: Axes, lanes: list[_Lane], lane_inches: float) -> None:
    """Shade every other source host's lanes and name the host on the right."""
    for number, (source, first, last) in enumerate(_groups(lanes)):
        if number % 2:
            ax.axhspan(first - 0.5, last + 0.5, color=tint(FAINT_GREY), linewidth=0, zorder=0)
        if (last - first + 1) * lane_inches >= NARROWEST_NAMED_INCHES:
            ax.annotate(
                literal(f"from host {source}"),
                (1.0, (first + last) / 2),
                xycoords=("axes fraction", "data"),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=look().note_pt,
            )


def _groups(lanes: list[_Lane]) -> Iterator[tuple[str, int, int]]:
    """Yield source host, first and last lane of every run of lanes from one host."""
    first = 0
    for number, lane in enumerate(lanes):
        if number + 1 == len(lanes) or lanes[number + 1].source != lane.source:
            yield lane.source, first, number
            first = number + 1


def _finish(ax: Axes, lanes: list[_Lane], named: bool) -> None:
    times = [time for lane in lanes for span in lane.spans for time in (span.start_s, span.end_s)]
    begin_s, end_s = min(times, default=0.0), max(times, default=1.0)
    margin_s = 0.01 * ((end_s - begin_s) or 1.0)
    ax.set_xlim(begin_s - margin_s, end_s + margin_s)
    ax.set_ylim(max(len(lanes), 1) - 0.4, -0.6)
    if look().is_narrow:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=3))
    ax.xaxis.set_major_formatter("{x:,.10g}")
    ax.set_xlabel("Simulated time (s)", fontsize=look().label_pt)
    ax.tick_params(axis="x", labelsize=look().tick_pt)
    ax.tick_params(axis="y", labelsize=look().note_pt, length=0)
    ax.set_yticks(range(len(lanes)) if named else [], [lane.label for lane in lanes if named])
    if not named:
        ax.set_ylabel("Migrations, one lane each, by source host", fontsize=look().label_pt)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _columns(entries: int) -> int:
    """Return how many columns fill the fewest rows evenly; more than a few would be cut off."""
    rows = max(math.ceil(entries / look().legend_columns), 1)
    return max(math.ceil(entries / rows), 1)


def _legend(drawn: list[SpanKind], failed: bool) -> list[Artist]:
    entries: list[Artist] = [
        Patch(color=tint(SPAN_COLOURS[kind]), label=kind.value) for kind in drawn
    ]
    if failed:
        mark = Line2D(
            [], [], color=tint(BLACK), marker="x", linestyle="none", label="not completed"
        )
        entries.append(mark)
    return entries
