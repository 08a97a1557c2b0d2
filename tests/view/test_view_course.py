"""Rounds as a waterfall, and the pages left to send."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from cluster_emu import ClusterModel, RunResult, ScenarioError
from cluster_emu.transfer.records import Phase
from cluster_emu.view import draw_remaining, draw_rounds, figure_of
from cluster_emu.view.course import remaining_pages
from cluster_emu.view.style import BLUE, ORANGE, PURPLE, VERMILLION
from tests._support.busy_runs import busy_scenario
from tests._support.figure_checks import legend_texts, misplaced


def rows_of(run: RunResult, migration: int) -> pd.DataFrame:
    rows = run.rounds[run.rounds["migration"] == migration]
    return rows.sort_values("start_s", kind="stable")


def bars(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle) and patch.get_width()]


def test_every_round_has_a_row_that_is_as_wide_as_it_was_long(live_run: RunResult) -> None:
    rows = rows_of(live_run, 0)
    ax = draw_rounds(live_run.rounds, live_run.migrations.iloc[0])

    total_s = float(rows["end_s"].max() - rows["start_s"].min())
    unit_s = 1e-3 if "(ms)" in ax.get_xlabel() else 1.0
    for place, (_, row) in enumerate(rows.iterrows()):
        parts = [bar for bar in bars(ax) if round(bar.get_y() + bar.get_height() / 2) == place]
        width_s = unit_s * sum(bar.get_width() for bar in parts)
        expected = max(row["end_s"] - row["start_s"], 0.006 * total_s)
        assert width_s == pytest.approx(expected, rel=1e-6)
        if row["sent"]:
            sent = to_hex(parts[0].get_facecolor()).upper()
            assert sent == (BLUE if row["phase"] == Phase.PRE_COPY.value else VERMILLION)
    assert [text.get_text() for text in ax.get_yticklabels()][-1] == "paused"
    assert not misplaced(figure_of(ax))


def test_skipped_pages_have_their_share_of_the_bar() -> None:
    rounds = pd.DataFrame(
        {
            "migration": [7],
            "phase": [Phase.PRE_COPY.value],
            "round": [1],
            "start_s": [3.0],
            "end_s": [13.0],
            "due": [1000],
            "sent": [750],
            "skipped": [250],
            "deferred": [0],
            "unvisited": [0],
            "dirtied": [1200],
            "bytes": [1.0],
        }
    )
    migration = {"migration": 7, "vm": 0, "start_s": 3.0, "strategy": "ma", "rounds": 1}
    ax = draw_rounds(rounds, migration)

    widths = {to_hex(bar.get_facecolor()).upper(): bar.get_width() for bar in bars(ax)}
    assert widths == {BLUE: pytest.approx(7.5), ORANGE: pytest.approx(2.5)}
    (counts,) = ax.texts
    assert counts.get_text() == "10 s: 750 sent, 1.2k dirtied"


def test_rounds_in_the_middle_are_left_out_and_the_title_says_so(live_run: RunResult) -> None:
    longest = live_run.migrations.nlargest(1, "rounds").iloc[0]
    rows = rows_of(live_run, longest["migration"])
    assert len(rows) > 3
    ax = draw_rounds(live_run.rounds, longest, max_rounds=2)

    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == ["round 1", "paused"]
    assert f"{len(rows) - 2} rounds in the middle not shown" in ax.get_title(loc="left")


def test_post_copy_has_a_row_of_its_own(hybrid_run: RunResult) -> None:
    ax = draw_rounds(hybrid_run.rounds, hybrid_run.migrations.iloc[0])

    assert [text.get_text() for text in ax.get_yticklabels()][-1] == "post-copy"
    assert PURPLE in {to_hex(bar.get_facecolor()).upper() for bar in bars(ax)}
    assert "sent after resuming" in legend_texts(ax)


def test_pages_left_are_those_due_at_the_begin_of_each_round(live_run: RunResult) -> None:
    rows = rows_of(live_run, 0)
    times_s, left = remaining_pages(rows)

    np.testing.assert_array_equal(times_s[:-1], rows["start_s"])
    np.testing.assert_array_equal(left[:-1], rows["due"])
    assert left[-1] == 0


def test_deferred_pages_are_still_left() -> None:
    rows = pd.DataFrame(
        {
            "phase": [Phase.PRE_COPY.value] * 2 + [Phase.STOP_AND_COPY.value],
            "start_s": [0.0, 5.0, 6.0],
            "end_s": [5.0, 6.0, 6.5],
            "due": [100, 20, 45],
            "sent": [70, 20, 45],
            "deferred": [30, 0, 0],
            "dirtied": [20, 15, 0],
        }
    )

    assert remaining_pages(rows)[1].tolist() == [100, 50, 45, 0]


def test_the_stop_threshold_is_a_line(live_run: RunResult) -> None:
    ax = draw_remaining(live_run.rounds, live_run.migrations.iloc[0], stop_pages=50)

    assert any(set(line.get_ydata()) == {50} for line in ax.lines)
    assert legend_texts(ax) == ["pages left", "stop threshold: 50 pages"]
    assert not misplaced(figure_of(ax))


def test_a_migration_that_never_began_is_refused() -> None:
    waiting = busy_scenario(run={"duration_s": 2.5, "tick_s": 0.5, "control_interval_s": 0.5})
    run = ClusterModel(waiting, rng=1).run()
    never = run.migrations[run.migrations["start_s"].isna()].iloc[0]

    for draw in (draw_rounds, draw_remaining):
        with pytest.raises(ScenarioError, match="a migration that has begun"):
            draw(run.rounds, never)
