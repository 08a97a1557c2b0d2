from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cluster_emu import RunResult, ScenarioError
from cluster_emu.view import draw_anatomy
from cluster_emu.view.anatomy import NARROW_SHARE, Window, windows_of
from cluster_emu.view.style import VERMILLION
from tests._support.figure_checks import legend_texts, misplaced

ABOUT = {
    "migration": 7,
    "vm": 3,
    "source": 1,
    "target": 2,
    "strategy": "pre-copy",
    "start_s": 100.0,
    "pause_s": 110.0,
    "resume_s": 110.5,
    "end_s": 110.5,
    "total_time_s": 10.5,
    "rounds": 3,
    "bytes": 5e6,
    "fault_stall_s": 0.0,
    "outcome": "completed",
    "why": "fewer than 50 pages",
}


def rounds_of(*rows: tuple[str, float, float, int, int, int, int, int]) -> pd.DataFrame:
    """Return rows of migration 7: phase, times, then pages in the order below."""
    names = ["phase", "start_s", "end_s", "sent", "skipped", "deferred", "unvisited", "dirtied"]
    table = pd.DataFrame(rows, columns=names)
    table["due"] = table[["sent", "skipped", "deferred", "unvisited"]].sum(axis=1)
    return table.assign(migration=7, round=np.arange(1, len(table) + 1), bytes=0.0)


def three_rounds() -> pd.DataFrame:
    return rounds_of(
        ("pre-copy", 100.0, 106.0, 600, 200, 150, 50, 400),
        ("pre-copy", 106.0, 109.0, 300, 100, 0, 0, 150),
        ("pre-copy", 109.0, 110.0, 100, 50, 0, 0, 40),
        ("stop-and-copy", 110.0, 110.5, 40, 0, 0, 0, 0),
    )


def panels(figure: Figure) -> list[Axes]:
    return figure.axes


def bars(ax: Axes, column: str) -> list[Rectangle]:
    """Return the bars of one column, narrow ones last."""
    containers = [each for each in ax.containers if each.get_label() == column]
    return [bar for container in containers for bar in container.patches]


def bands(ax: Axes) -> list[tuple[float, float]]:
    """Return first and last instant of the bands in the colour of a pause."""
    in_bars = {bar for container in ax.containers for bar in container.patches}
    found = [
        patch
        for patch in ax.patches
        if patch not in in_bars and to_hex(patch.get_facecolor()).upper() == VERMILLION
    ]
    return [(each.get_x(), each.get_x() + each.get_width()) for each in found]


def test_bars_are_as_wide_as_their_round_and_as_high_as_the_pages_due() -> None:
    (ax,) = panels(draw_anatomy(three_rounds(), ABOUT))
    sent, skipped = bars(ax, "sent"), bars(ax, "skipped")
    assert [(bar.get_x(), bar.get_width()) for bar in sent] == [
        (0.0, 6.0),
        (6.0, 3.0),
        (9.0, 1.0),
        (10.0, 0.5),
    ]
    assert [bar.get_height() for bar in sent] == [600, 300, 100, 40]
    assert [bar.get_y() for bar in skipped] == [600, 300, 100, 40]
    tops = [bar.get_y() + bar.get_height() for bar in bars(ax, "unvisited")]
    assert tops == three_rounds()["due"].tolist()


def test_the_dots_are_what_each_live_round_left_dirty() -> None:
    (ax,) = panels(draw_anatomy(three_rounds(), ABOUT))
    (dots,) = [line for line in ax.lines if line.get_label() == "dirtied"]
    assert dots.get_xydata().tolist() == [[6, 400], [9, 150], [10, 40]]


def test_the_downtime_is_marked_from_pause_to_resume() -> None:
    (ax,) = panels(draw_anatomy(three_rounds(), ABOUT))
    assert bands(ax) == [(10.0, 10.5)]
    assert "downtime 500 ms" in [text.get_text() for text in ax.texts]


def test_axes_have_units_and_the_title_says_which_migration() -> None:
    figure = draw_anatomy(three_rounds(), ABOUT)
    (ax,) = panels(figure)
    assert ax.get_xlabel() == "Time since the migration began (s)"
    assert ax.get_ylabel() == "Pages"
    title = figure.get_suptitle()
    assert "Migration 7: VM 3 from host 1 to host 2, pre-copy" in title
    assert "10.5 s, 3 live rounds, 5 MB; completed (fewer than 50 pages)" in title


def test_the_legend_names_what_occurs() -> None:
    assert legend_texts(draw_anatomy(three_rounds(), ABOUT)) == [
        "sent",
        "skipped",
        "deferred to stop-and-copy",
        "not reached",
        "dirtied in the round",
        "VM paused (downtime)",
        "sent while paused",
    ]


def test_every_round_with_pages_is_wide_enough_in_some_panel() -> None:
    lengths = [8.0, 0.4, 0.06, 0.01, 0.002]
    ends = 100 + np.cumsum(lengths)
    rows = [
        ("pre-copy", end - length, end, int(3e4 * length), 0, 0, 0, 1)
        for end, length in zip(ends, lengths, strict=True)
    ]
    stop = ("stop-and-copy", ends[-1], ends[-1] + 0.03, 20, 0, 0, 0, 0)
    total_s = float(ends[-1] + 0.03 - 100)
    times = {"pause_s": ends[-1], "resume_s": 100 + total_s, "end_s": 100 + total_s}
    figure = draw_anatomy(
        rounds_of(*rows, stop), {**ABOUT, **times, "total_time_s": total_s, "rounds": 5}
    )
    assert len(panels(figure)) == 3
    for begin_s, length in zip(ends - 100 - lengths, lengths, strict=True):
        shares = [length / (high - low) for low, high in map(in_seconds, panels(figure))]
        shown = [low <= begin_s + 1e-9 for low, _ in map(in_seconds, panels(figure))]
        assert max(s for s, seen in zip(shares, shown, strict=True) if seen) > NARROW_SHARE
    assert "enlarged below" in legend_texts(figure)


def in_seconds(ax: Axes) -> tuple[float, float]:
    size = {"(s)": 1.0, "(ms)": 1e-3}[ax.get_xlabel().split()[-1]]
    low, high = ax.get_xlim()
    return low * size, high * size


def test_a_panel_scales_to_the_pages_of_the_rounds_it_shows_whole() -> None:
    rounds = rounds_of(
        ("pre-copy", 100.0, 110.0, 100_000, 0, 0, 0, 60),
        ("pre-copy", 110.0, 110.1, 60, 0, 0, 0, 30),
        ("pre-copy", 110.1, 110.2, 30, 0, 0, 0, 5),
        ("stop-and-copy", 110.2, 110.3, 5, 0, 0, 0, 0),
    )
    times = {"pause_s": 110.2, "resume_s": 110.3, "end_s": 110.3, "total_time_s": 10.3}
    whole, part = panels(draw_anatomy(rounds, {**ABOUT, **times}))
    assert whole.get_ylim()[1] > 100_000
    assert 60 < part.get_ylim()[1] < 100


def test_rounds_of_one_length_need_no_second_panel() -> None:
    rounds = pd.DataFrame({"start_s": np.arange(50.0), "due": 1, "phase": "pre-copy"})
    rounds["end_s"] = rounds["start_s"] + 1
    assert windows_of(rounds, 50.0) == [Window(0.0, 50.0)]


def test_a_short_stop_alone_is_not_enlarged() -> None:
    rounds = pd.DataFrame({"start_s": [0.0, 10.0], "end_s": [10.0, 10.01], "due": [100, 5]})
    rounds["phase"] = ["pre-copy", "stop-and-copy"]
    assert windows_of(rounds, 10.01) == [Window(0.0, 10.01)]


def test_a_short_round_far_from_the_late_ones_does_not_keep_them_small() -> None:
    lengths = [5.0, 0.1, 3.0, 1.5, 0.15, 0.1]
    ends = np.cumsum(lengths)
    rounds = pd.DataFrame({"start_s": ends - lengths, "end_s": ends, "due": 1, "phase": "pre-copy"})
    whole, late = windows_of(rounds, ends[-1])
    assert late.begin_s == pytest.approx(ends[3], abs=0.05)
    assert late.end_s == whole.end_s


def test_a_round_that_took_no_time_is_drawn_as_a_line() -> None:
    rounds = rounds_of(
        ("pre-copy", 100.0, 106.0, 600, 0, 0, 0, 400),
        ("pre-copy", 106.0, 106.0, 0, 400, 0, 0, 400),
        ("pre-copy", 106.0, 110.0, 400, 0, 0, 0, 40),
    )
    (ax,) = panels(draw_anatomy(rounds, ABOUT))
    (line,) = [bar for bar in bars(ax, "skipped") if bar.get_height() > 0]
    assert line.get_width() == 0
    assert line.get_linewidth() > 1
    assert to_hex(line.get_edgecolor()) == to_hex(line.get_facecolor())


def test_post_copy_is_shown_after_the_resume(hybrid_run: RunResult) -> None:
    figure = draw_anatomy(hybrid_run.rounds, hybrid_run.migrations.iloc[0])
    assert "sent after resuming (post-copy)" in legend_texts(figure)
    pushed = hybrid_run.migrations.loc[0, "pages_sent_postcopy"]
    assert bars(panels(figure)[0], "sent")[-1].get_height() == pushed > 0


def test_a_migration_that_was_given_up_says_so() -> None:
    given_up: dict[str, Any] = {
        **ABOUT,
        "pause_s": np.nan,
        "resume_s": np.nan,
        "outcome": "not converged",
        "why": "deadline of 10 s",
    }
    figure = draw_anatomy(three_rounds().head(2), given_up)
    assert "not converged (deadline of 10 s)" in figure.get_suptitle()
    assert bands(panels(figure)[0]) == []


def test_a_migration_that_never_began_is_refused() -> None:
    with pytest.raises(ScenarioError, match="migration = 7: allowed is a migration that has begun"):
        draw_anatomy(three_rounds(), {**ABOUT, "start_s": np.nan, "outcome": "unfinished"})


def test_nothing_written_overlaps_or_is_cut_off(live_run: RunResult) -> None:
    longest = live_run.migrations.nlargest(1, "total_time_s").iloc[0]
    figure = draw_anatomy(live_run.rounds, longest)
    assert misplaced(figure) == []
