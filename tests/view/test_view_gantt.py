from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from cluster_emu import RunResult
from cluster_emu.view import draw_gantt
from cluster_emu.view.gantt import SpanKind
from tests._support.figure_checks import labelled, legend_texts, misplaced

ROUND_COLUMNS = ["migration", "phase", "start_s", "end_s"]


def migration(number: int, start_s: float = 0.0, **more: Any) -> dict[str, Any]:
    """Return a migration of 10 s, asked for 1 s before it began, with 0.1 s of downtime."""
    return {
        "migration": number,
        "vm": 100 + number,
        "source": number % 3,
        "target": 9,
        "queued_s": start_s - 1,
        "start_s": start_s,
        "pause_s": start_s + 9.9,
        "resume_s": start_s + 10,
        "end_s": start_s + 10,
        "outcome": "completed",
        **more,
    }


def two_rounds(migrations: pd.DataFrame) -> pd.DataFrame:
    """Return two live rounds and the stop for each migration."""
    rows = []
    for row in migrations.itertuples():
        times = [row.start_s, row.start_s + 8, row.pause_s, row.resume_s]
        phases = ["pre-copy", "pre-copy", "stop-and-copy"]
        for phase, begin, end in zip(phases, times, times[1:], strict=False):
            rows.append((row.migration, phase, begin, end))
    return pd.DataFrame(rows, columns=ROUND_COLUMNS)


def drawn(migrations: list[dict[str, Any]], **options: Any) -> Any:
    table = pd.DataFrame(migrations)
    return draw_gantt(table, two_rounds(table), **options)


def bars(ax: Any, kind: SpanKind) -> list[np.ndarray[Any, Any]]:
    """Return the bars of one kind: first and last instant, lowest and highest place of each."""
    found = labelled(ax, kind.value)
    assert isinstance(found, PolyCollection)
    return [path.get_extents().get_points().T.ravel() for path in found.get_paths()]


def names(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_each_migration_has_a_lane_with_a_bar_per_phase() -> None:
    ax = drawn([migration(number, 5.0) for number in range(5)])
    for kind in (SpanKind.WAITING, SpanKind.ODD_ROUND, SpanKind.EVEN_ROUND, SpanKind.DOWNTIME):
        assert len(bars(ax, kind)) == 5
    assert bars(ax, SpanKind.POST_COPY) == []
    begin, end, low, high = bars(ax, SpanKind.DOWNTIME)[0]
    assert (begin, end) == pytest.approx((14.9, 15.0))
    assert low < 0 < high
    assert ax.get_title("left") == "5 migrations"
    assert ax.get_xlabel() == "Simulated time (s)"


def test_lanes_are_grouped_by_source_host() -> None:
    ax = drawn([migration(number) for number in range(7)])
    assert names(ax) == [f"VM {100 + n} → host 9" for n in (0, 3, 6, 1, 4, 2, 5)]
    assert [text.get_text() for text in ax.texts] == ["from host 0", "from host 1", "from host 2"]


def test_bars_follow_each_other_without_a_gap() -> None:
    ax = drawn([migration(0, 5.0)])
    order = [SpanKind.WAITING, SpanKind.ODD_ROUND, SpanKind.EVEN_ROUND, SpanKind.DOWNTIME]
    spans = [bars(ax, kind)[0][:2].tolist() for kind in order]
    assert spans == [[4, 5], [5, 13], [13, pytest.approx(14.9)], [pytest.approx(14.9), 15]]


def test_a_migration_that_never_began_waits_to_the_end() -> None:
    never = {name: np.nan for name in ("start_s", "pause_s", "resume_s", "end_s")}
    ax = drawn([migration(0, 5.0), {**migration(1, 7.0), **never, "outcome": "unfinished"}])
    assert bars(ax, SpanKind.WAITING)[1][:2].tolist() == [6, 15]
    assert "not completed" in legend_texts(ax)


def test_only_migrations_that_failed_are_marked() -> None:
    failed = {"outcome": "not converged", "pause_s": np.nan, "resume_s": np.nan}
    ax = drawn([migration(0), migration(1, **failed), migration(2)])
    marks = [line for line in ax.lines if line.get_marker() == "x"]
    assert [line.get_xydata().tolist() for line in marks] == [[[10.0, 1.0]]]
    assert len(bars(ax, SpanKind.DOWNTIME)) == 2


def test_the_legend_names_the_phases_that_occur_and_no_other(hybrid_run: RunResult) -> None:
    ax = draw_gantt(hybrid_run.migrations, hybrid_run.rounds)
    assert legend_texts(ax) == [
        kind.value
        for kind in (SpanKind.WAITING, SpanKind.ODD_ROUND, SpanKind.DOWNTIME, SpanKind.POST_COPY)
    ]


def test_more_migrations_than_lanes_says_how_many_are_shown() -> None:
    ax = drawn([migration(number, 0.1 * number) for number in range(50)], max_lanes=20)
    assert len(names(ax)) == 20
    assert ax.get_title("left") == "20 of 50 migrations: the first requested"


def test_of_waves_far_apart_the_largest_is_shown() -> None:
    waves = [(0.0, 3), (1000.0, 5), (2000.0, 2)]
    rows = [migration(10 * i + n, at) for i, (at, count) in enumerate(waves) for n in range(count)]
    ax = drawn(rows)
    assert len(names(ax)) == 5
    assert ax.get_title("left") == "5 of 10 migrations: in the wave from 999 s on"
    assert ax.get_xlim()[0] > 900


def test_six_hundred_migrations_fit_on_one_sheet() -> None:
    rows = [migration(number, 2.0 * (number // 4), source=number % 40) for number in range(600)]
    table = pd.DataFrame(rows).assign(queued_s=-1.0)
    ax = draw_gantt(table, two_rounds(table), max_lanes=600)
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    assert figure.get_figheight() < 13
    assert len(bars(ax, SpanKind.ODD_ROUND)) == 600
    assert misplaced(figure) == []


@pytest.mark.parametrize("count", [1, 5, 40])
def test_nothing_written_overlaps_or_is_cut_off(count: int) -> None:
    figure = drawn([migration(number, 3.0 * number) for number in range(count)]).get_figure()
    assert misplaced(figure) == []


def test_no_migrations_make_an_empty_picture(live_run: RunResult) -> None:
    ax = draw_gantt(live_run.migrations.head(0), live_run.rounds.head(0))
    assert ax.get_title("left") == "0 migrations"


def test_it_draws_on_the_axes_it_is_given(live_run: RunResult) -> None:
    ax = Figure().add_subplot()
    assert draw_gantt(live_run.migrations, live_run.rounds, ax) is ax


def test_a_legend_of_eight_entries_is_not_cut() -> None:
    seven = {"resume_s": 9.9, "pause_s": 9.0, "prepare_s": 0.5, "finish_s": 0.05, "end_s": 10.0}
    ax = drawn([migration(0, **seven), migration(1, outcome="failed")])
    figure = ax.figure
    figure.draw_without_rendering()
    whole, legend = figure.bbox, ax.get_legend().get_window_extent()

    assert len(legend_texts(ax)) == 8
    assert whole.x0 <= legend.x0 and legend.x1 <= whole.x1
    assert whole.y0 <= legend.y0 and legend.y1 <= ax.get_window_extent().y0
