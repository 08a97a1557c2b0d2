"""The pages of a migration, and the truth table that decides about them."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from cluster_emu import ClusterModel, ScenarioError
from cluster_emu.memory.page_state import DecidedPages, PageState
from cluster_emu.observation.palette import STATE_COLOURS
from cluster_emu.observation.stop_threshold import stop_pages_of
from cluster_emu.strategies import Strategy, strategies, truth_table
from cluster_emu.strategies.contract import Decision
from cluster_emu.transfer.observation import ObservedMemory, observe
from cluster_emu.view import draw_page_map, draw_truth_table, figure_of, figure_style
from cluster_emu.view.microscope import DECISION_COLOURS, MOST_CELLS
from cluster_emu.view.style import VERMILLION
from tests._support.figure_checks import legend_texts, misplaced
from tests._support.small_scenarios import scenario

UNIFORM = {"name": "uniform", "writes_per_page_s": 0.4}


def seen(fidelity: str) -> tuple[ObservedMemory, Strategy]:
    """Return what is seen of a migration in its second round."""
    model = ClusterModel(
        scenario(
            pages=600,
            profile=UNIFORM,
            strategy="history-majority",
            stop="xen-v2",
            run={"tick_s": 0.02, "duration_s": 30.0, "fidelity": fidelity, "track_versions": False},
            migrations=[{"vm": 0, "target": 1, "at_s": 0.0}],
        ),
        rng=3,
    )
    while model.running:
        model.step()
        for migration in model.manager.scheduler.live.values():
            found = observe(migration, model.loop.now_s)
            if found is not None and found.in_round and found.round_number == 2:
                return found, migration.strategy
    raise AssertionError("no second round was seen")


@pytest.mark.parametrize("style", ["light", "paper"])
@pytest.mark.parametrize("fidelity", ["pages", "lumped"])
def test_the_legend_counts_every_page(fidelity: str, style: str) -> None:
    observed, _ = seen(fidelity)
    with figure_style(style):
        ax = draw_page_map(observed)

    assert observed.counts is not None
    expected = [
        f"{state.label}: {observed.counts[state]:.0f}"
        for state in PageState
        if observed.counts[state] > 0
    ]
    assert legend_texts(ax) == expected
    assert not misplaced(figure_of(ax))


def cells_of(ax: Axes) -> NDArray[np.float64]:
    """Return red, green, blue and opacity of the cells, [cells, 4]."""
    return np.asarray(ax.images[0].get_array()).reshape(-1, 4)


def test_each_page_of_a_small_vm_is_a_cell_in_address_order() -> None:
    observed, _ = seen("pages")
    ax = draw_page_map(observed)

    assert observed.page_map is not None
    cells = cells_of(ax)
    expected = [to_rgba(STATE_COLOURS[PageState(state)]) for state in observed.page_map]
    np.testing.assert_allclose(cells[:600], expected)
    assert not cells[600:].any()  # nothing is drawn there
    assert ax.get_ylabel() == "Addresses (every page)"


def test_of_a_large_vm_a_single_skipped_page_is_seen() -> None:
    states = np.full(1_000_000, PageState.SENT, dtype=np.int8)
    states[123_456] = PageState.SKIPPED
    counts = np.bincount(states, minlength=len(PageState)).astype(float)
    ax = draw_page_map(ObservedMemory(1, True, counts, 0.0, states))

    cells = cells_of(ax)
    cells = cells[cells[:, 3] > 0]
    assert len(cells) == MOST_CELLS
    differ = np.flatnonzero(np.abs(cells - to_rgba(STATE_COLOURS[PageState.SENT])).max(axis=1))
    assert differ.tolist() == [123_456 // 50]
    assert ax.get_ylabel() == "Addresses (a cell for every 50 pages)"


def test_without_page_numbers_there_is_a_bar_for_each_history() -> None:
    observed, _ = seen("lumped")
    ax = draw_page_map(observed)

    assert observed.by_history is not None
    heights: dict[float, float] = {}
    for bar in (patch for patch in ax.patches if isinstance(patch, Rectangle)):
        place = round(bar.get_x() + bar.get_width() / 2)
        heights[place] = heights.get(place, 0.0) + bar.get_height()
    busy = observed.by_history[:, 1:].sum(axis=1)
    labels = [text.get_text() for text in ax.get_xticklabels()]
    assert {labels[int(place)]: height for place, height in heights.items()} == pytest.approx(
        {f"{code:0{len(labels[0])}b}": busy[code] for code in np.flatnonzero(busy)}
    )


def test_memory_that_is_kept_in_bytes_has_no_page_map() -> None:
    with pytest.raises(ScenarioError, match="no pages"):
        draw_page_map(ObservedMemory(1, True, None, 4096.0))


def squares(ax: Axes, place: int) -> list[Rectangle]:
    patches = [patch for patch in ax.patches if isinstance(patch, Rectangle)]
    return [patch for patch in patches if round(patch.get_y() + patch.get_height() / 2) == place]


@pytest.mark.parametrize("name", ["xen-legacy", "time-series:history=3,threshold=2", "ma"])
def test_rows_show_the_printed_table(name: str) -> None:
    strategy = strategies.create(*name.split(":")[:1]) if ":" not in name else made(name)
    printed = truth_table(strategy)
    ax = draw_truth_table(strategy)

    for place, row in enumerate(printed):
        *bits, chip = sorted(squares(ax, place), key=lambda patch: patch.get_x())
        filled = [sum(patch.get_facecolor()[:3]) < 2.0 for patch in bits]
        assert "".join("1" if one else "0" for one in filled) == row["history"]
        expected = DECISION_COLOURS[row["decision"]]
        assert to_hex(chip.get_facecolor()).upper() == expected
    assert not misplaced(figure_of(ax))


def made(text: str) -> Strategy:
    from cluster_emu.building import create_chosen
    from cluster_emu.scenario import Choice

    return create_chosen(strategies, Choice.model_validate(text), "strategy")


def test_the_row_that_decides_is_framed_and_pages_are_counted() -> None:
    observed, strategy = seen("pages")
    with figure_style("paper"):
        ax = draw_truth_table(
            strategy, observed.round_number, decided=observed.decided, last=observed.last
        )

    rims = [patch for patch in ax.patches if to_hex(patch.get_edgecolor()).upper() == VERMILLION]
    assert len(rims) == 1
    texts = [text.get_text() for text in ax.texts]
    total = sum(one.pages for one in observed.decided)
    assert total == sum(int(text) for text in texts if text.isdigit())
    assert not misplaced(figure_of(ax))


def test_of_a_long_table_the_rows_that_decide_are_kept() -> None:
    strategy = made("history-majority:history=6")
    last = DecidedPages(3, False, Decision.SEND, 5.0)
    ax = draw_truth_table(strategy, decided=[last], last=last, max_rows=4)

    assert "rows not shown" in ax.get_title(loc="left")
    assert "5" in [text.get_text() for text in ax.texts]


@pytest.mark.parametrize(
    ("stop", "expected"),
    [("xen-v2", 50.0), ({"name": "fixed-rounds", "rounds": 3}, None), ("qemu", 20.0)],
)
def test_the_stop_threshold_of_a_finished_run(stop: object, expected: float | None) -> None:
    chosen = scenario(
        pages=600, strategy="pre-copy", stop=stop, migrations=[{"vm": 0, "target": 1, "at_s": 0.0}]
    )
    run = ClusterModel(chosen, rng=3).run()
    migration = run.migrations.iloc[0].to_dict()

    found = stop_pages_of(chosen, run.rounds, migration)
    if stop == "qemu":  # bandwidth x downtime limit
        last = run.rounds[run.rounds["sent"] > 0].iloc[0]
        rate = last["bytes"] / (last["end_s"] - last["start_s"])
        assert found == pytest.approx(rate * 0.3 / 4096, rel=0.01)
    else:
        assert found == expected
