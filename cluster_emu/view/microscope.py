"""One migration at one instant: its pages, and the truth table that decides about them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.memory.page_state import DecidedPages, PageState
from cluster_emu.observation.page_map import page_map
from cluster_emu.observation.palette import STATE_COLOURS
from cluster_emu.observation.truth_rows import LiveRow, live_table
from cluster_emu.strategies import Strategy
from cluster_emu.strategies.contract import Decision
from cluster_emu.transfer.observation import ObservedMemory
from cluster_emu.view.quantities import counted_short
from cluster_emu.view.style import (
    BLACK,
    BLUE,
    FAINT_GREY,
    GREEN,
    GREY,
    ORANGE,
    VERMILLION,
    WHITE,
    folded,
    literal,
    look,
    new_figure,
    tint,
)

MAP_INCHES, MAP_INCHES_NARROW = 5.0, 3.6
WIDE_MAP = 1.9
"""How much wider than high the picture of all pages is."""

MOST_CELLS = 20_000
MOST_HISTORIES = 32
BELOW_LABELS = -0.24
DECISION_COLOURS = {
    Decision.NOT_DUE.label: FAINT_GREY,
    Decision.SEND.label: BLUE,
    Decision.SKIP.label: ORANGE,
    Decision.DEFER.label: GREEN,
}
MOST_ROWS, MANY_ROWS = 32, 16
ROW_INCHES, TABLE_INCHES = 0.19, 1.05
HEAD_UNITS = 3.0
BIT = 0.72
DECISION_AT, COUNT_AT = 0.9, 4.4
LONGEST_BAR, COUNT_UNITS = 12.0, 2.4
"""Of the table: one unit is the height of a row."""


def draw_page_map(observed: ObservedMemory, ax: Axes | None = None) -> Axes:
    """Draw the pages of a migrating VM: clean, to send, sent, skipped, deferred, dirtied again.

    Cells are pages, row by row from the lowest address. Of a large VM a cell stands for several
    neighbouring pages: it has the colour of the state that most of them are in, mixed with that of
    a rarer one among them (skipped, deferred, dirtied again), as on the live page. Where pages have
    no numbers, as in lumped memory, there is a bar for each history of dirty bits instead.

    Args:
        observed: what `cluster_emu.transfer.observation.observe` says of a running migration.
        ax: where to draw; a new figure by default.

    Raises:
        ScenarioError: if the memory of the VM is kept in bytes alone.
    """
    if observed.counts is None:
        allowed = 'a migration whose pages are kept, as with run.fidelity = "pages" or "lumped"'
        raise ScenarioError("observed", "no pages", allowed)
    if ax is None:
        height = MAP_INCHES_NARROW if look().is_narrow else MAP_INCHES
        ax = new_figure(height).add_subplot()
    if observed.page_map is not None:
        _draw_cells(ax, observed.page_map)
    else:
        _draw_histories(ax, observed)
    ax.set_title(folded(_map_title(observed)), loc="left", fontsize=look().title_pt)
    seen = [state for state in PageState if observed.counts[state] > 0]
    ax.legend(
        handles=[_entry(state, float(observed.counts[state])) for state in seen],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.03 if observed.page_map is not None else BELOW_LABELS),
        ncols=min(len(seen), look().legend_columns),
        frameon=False,
        fontsize=look().tick_pt,
        handlelength=1.2,
    )
    return ax


def _entry(state: PageState, pages: float) -> Patch:
    label = f"{state.label}: {counted_short(pages)}"
    face, edge = tint(STATE_COLOURS[state]), tint(GREY)
    return Patch(facecolor=face, edgecolor=edge, linewidth=0.4, label=label)


def _map_title(observed: ObservedMemory) -> str:
    assert observed.counts is not None
    where = f"in round {observed.round_number}" if observed.in_round else "between two rounds"
    if observed.pages_left is None:
        return where.capitalize()
    total = counted_short(float(observed.counts.sum()))
    left = counted_short(observed.pages_left)
    return f"{where.capitalize()}: {left} of {total} pages are old or missing at the target"


def _draw_cells(ax: Axes, states: NDArray[np.int8]) -> None:
    cells = page_map(states, MOST_CELLS, WIDE_MAP)
    colours = np.array([to_rgb(tint(STATE_COLOURS[state])) for state in PageState])
    image = np.zeros((cells.rows * cells.columns, 4))  # what is past the last page is transparent
    image[: len(cells.cells), :3] = cells.mixed(colours)
    image[: len(cells.cells), 3] = 1.0
    ax.imshow(image.reshape(cells.rows, cells.columns, 4), interpolation="nearest", aspect="equal")
    ax.set_xticks([])
    ax.set_yticks([])
    count = cells.pages_per_cell
    shown = "every page" if count == 1 else f"a cell for every {count:,} pages"
    ax.set_ylabel(f"Addresses ({shown})", fontsize=look().label_pt)
    for spine in ax.spines.values():
        spine.set_edgecolor(tint(GREY))
        spine.set_linewidth(0.6)


def _draw_histories(ax: Axes, observed: ObservedMemory) -> None:
    """Draw a bar per history of dirty bits, divided by state; of many the largest."""
    assert observed.counts is not None
    by_history = observed.by_history
    if by_history is None:
        by_history = observed.counts[np.newaxis]
    bits = max(len(by_history) - 1, 0).bit_length()
    busy = [state for state in PageState if state is not PageState.CLEAN]
    totals = by_history[:, busy].sum(axis=1)
    largest = np.argsort(-totals, kind="stable")[:MOST_HISTORIES]
    shown = np.sort(largest[totals[largest] > 0])
    bottom = np.zeros(len(shown))
    for state in busy:
        pages = by_history[shown, state]
        colour = tint(STATE_COLOURS[state])
        ax.bar(range(len(shown)), pages, 0.8, bottom, color=colour, edgecolor=tint(GREY), lw=0.3)
        bottom += pages
    names = [f"{code:0{bits}b}" if bits else "all" for code in shown.tolist()]
    steep = len(shown) > 8
    ax.set_xticks(range(len(shown)), names, rotation=90 if steep else 0)
    ax.set_xlabel("Dirty in the last rounds (oldest bit first)", fontsize=look().label_pt)
    ax.set_ylabel("Pages that are not clean", fontsize=look().label_pt)
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.tick_params(labelsize=look().tick_pt)
    ax.spines[["top", "right"]].set_visible(False)


def draw_truth_table(
    strategy: Strategy,
    round_number: int = 2,
    ax: Axes | None = None,
    *,
    decided: Iterable[DecidedPages] = (),
    last: DecidedPages | None = None,
    max_rows: int = MOST_ROWS,
) -> Axes:
    """Draw the truth table of a strategy, and which of its rows decide in a running migration.

    A filled square is a round in which the page was dirty, the oldest on the left; the last two
    are to_send and to_skip. Pages that wait in to_send from an earlier round have rows of their
    own. The row that decided about the page visited last is framed; where pages have no order, the
    one that has decided most pages of the round, with a dashed line.

    Args:
        strategy: what is sent when.
        round_number: the live round, from 1.
        ax: where to draw; a new figure of fitting height by default.
        decided: pages visited in the round, as `ObservedMemory.decided` has them.
        last: the page visited last, as `ObservedMemory.last` has it; None of lumped memory.
        max_rows: most rows to draw; of more, those that decide come first.
    """
    decided = list(decided)
    table = live_table(strategy, round_number, decided, last)
    all_rows = [row for row in table["rows"] if decided or not row["held"]]
    if len(all_rows) > MANY_ROWS:
        all_rows = [row for row in all_rows if row["to_send"]]
    rows = _chosen(all_rows, max_rows)
    if ax is None:
        ax = new_figure(max(len(rows), 2) * ROW_INCHES + TABLE_INCHES).add_subplot()
    bits = max((len(row["history"]) for row in rows), default=1)
    most = max((row["pages"] or 0.0 for row in rows), default=0.0)
    box, figure = ax.get_position(), ax.get_figure(root=True)
    assert figure is not None
    inches = box.width * figure.get_figwidth(), box.height * figure.get_figheight()
    width = inches[0] / inches[1] * (len(rows) + HEAD_UNITS)
    bar = min(width - bits - DECISION_AT - COUNT_AT - COUNT_UNITS, LONGEST_BAR) / max(most, 1e-9)
    for place, row in enumerate(rows):
        _draw_row(ax, place, row, bits, bar)
    _write_heads(ax, bits, most > 0)
    ax.set_xlim(-0.3, width)
    ax.set_ylim(len(rows) - 0.4, 0.4 - HEAD_UNITS)
    ax.set_axis_off()
    left_out = len(all_rows) - len(rows) + table["left_out"]
    more = f"; {left_out} rows not shown" if left_out else ""
    title = f"{literal(strategy.name)}: what decides in round {round_number}{more}"
    ax.set_title(folded(title), loc="left", fontsize=look().title_pt)
    return ax


def _chosen(rows: list[LiveRow], most: int) -> list[LiveRow]:
    if len(rows) <= most:
        return rows
    order = sorted(rows, key=lambda row: (not row["deciding"], -(row["pages"] or 0.0)))
    kept = {id(row) for row in order[:most]}
    return [row for row in rows if id(row) in kept]


def _draw_row(ax: Axes, place: int, row: LiveRow, bits: int, bar_per_page: float) -> None:
    faint = row["decision"] == Decision.NOT_DUE.label
    for at, bit in enumerate(row["history"].rjust(bits)):
        if bit == " ":
            continue
        filled = tint(GREY if faint else BLACK) if bit == "1" else tint(WHITE)
        left = at + (1 - BIT) / 2
        edge = tint(GREY)
        ax.add_patch(
            Rectangle(
                (left, place - BIT / 2), BIT, BIT, facecolor=filled, edgecolor=edge, linewidth=0.6
            )
        )
    words_at = bits + DECISION_AT
    colour = tint(DECISION_COLOURS[row["decision"]])
    ax.add_patch(
        Rectangle((words_at - 0.6, place - BIT / 2), 0.35, BIT, facecolor=colour, linewidth=0)
    )
    words = row["decision"] + (" (held)" if row["held"] else "")
    weight = "bold" if row["deciding"] or row["busiest"] else "normal"
    colour = tint(GREY if faint else BLACK)
    ax.text(
        words_at,
        place,
        words,
        va="center",
        fontsize=look().note_pt,
        fontweight=weight,
        color=colour,
    )
    if row["pages"]:
        length = bar_per_page * row["pages"]
        corner = (bits + COUNT_AT, place - BIT / 2)
        bar = Rectangle(corner, length, BIT, facecolor=tint(BLUE), linewidth=0)
        ax.add_patch(bar)
        ax.text(
            corner[0] + length + 0.1,
            place,
            counted_short(row["pages"]),
            va="center",
            fontsize=look().note_pt,
        )
    if row["deciding"] or row["busiest"]:
        frame = Rectangle(
            (-0.15, place - 0.48),
            bits + COUNT_AT - 0.4,
            0.96,
            facecolor="none",
            edgecolor=tint(VERMILLION),
            linewidth=1.4,
            linestyle="-" if row["deciding"] else "--",
        )
        ax.add_patch(frame)


def _write_heads(ax: Axes, bits: int, counted: bool) -> None:
    heads = [("to_send", bits - 1.5), ("to_skip", bits - 0.5)]
    for words, at in heads:
        ax.text(at, -0.7, words, rotation=90, ha="center", va="bottom", fontsize=look().note_pt)
    ax.text(bits + DECISION_AT, -0.7, "decision", va="bottom", fontsize=look().note_pt)
    if counted:
        ax.text(bits + COUNT_AT, -0.7, "pages", va="bottom", fontsize=look().note_pt)
