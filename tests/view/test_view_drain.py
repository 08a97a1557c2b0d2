from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from cluster_emu.view import draw_drain
from cluster_emu.view.gantt import SpanKind
from tests._support.figure_checks import labelled, legend_texts, misplaced

MANY = 200


def drain(count: int, **more: Any) -> pd.DataFrame:
    """Return migrations of 2 s, one after another, off ten hosts."""
    number = np.arange(count)
    end_s = 2.0 * (number + 1)
    return pd.DataFrame(
        {
            "migration": number,
            "vm": number + 100,
            "source": number % 10,
            "target": 20,
            "queued_s": 0.0,
            "start_s": end_s - 2,
            "pause_s": end_s - 0.3,
            "resume_s": end_s,
            "end_s": end_s,
            "interrupted_s": 0.3,
            "outcome": "completed",
            **more,
        }
    )


def rounds(migrations: pd.DataFrame) -> pd.DataFrame:
    """Return one live round for each migration."""
    live = migrations[["migration", "start_s", "pause_s"]].rename(columns={"pause_s": "end_s"})
    return live.assign(phase="pre-copy")


def test_vms_leave_one_by_one_and_every_migration_has_its_lane() -> None:
    migrations = drain(MANY)
    figure = draw_drain(migrations, rounds(migrations), drain_s=400.0, which="replication 2")
    left, gantt = figure.axes
    steps = left.lines[0].get_xydata()
    stops = labelled(gantt, SpanKind.DOWNTIME.value)

    assert steps[0].tolist() == [0.0, MANY]
    assert steps[-1].tolist() == [400.0, 0.0]
    assert isinstance(stops, PolyCollection)
    assert len(stops.get_paths()) == MANY
    assert (
        "200 VMs leave 10 hosts, empty after 400 s, service interrupted for at most 300 ms "
        "(replication 2)"
    ) in figure.get_suptitle()
    assert figure.get_figheight() < 8
    assert misplaced(figure) == []


def test_preparing_and_releasing_have_colours_of_their_own() -> None:
    migrations = drain(4, prepare_s=0.5, finish_s=0.25)
    migrations["resume_s"] -= 0.25
    migrations["pause_s"] -= 0.25
    (_, gantt) = draw_drain(migrations, rounds(migrations), drain_s=8.0).axes
    spans = {
        kind: [
            tuple(path.get_extents().intervalx) for path in labelled(gantt, kind.value).get_paths()
        ]
        for kind in (SpanKind.PREPARING, SpanKind.FINISHING)
    }

    assert spans[SpanKind.PREPARING][1] == pytest.approx((1.5, 2.0))
    assert spans[SpanKind.FINISHING][1] == pytest.approx((3.75, 4.0))
    assert {"preparing the target", "releasing the source"} <= set(legend_texts(gantt))


def test_hosts_that_are_never_empty_are_said_to_be() -> None:
    migrations = drain(3, outcome=["completed", "not converged", "completed"])
    figure = draw_drain(migrations, rounds(migrations), drain_s=math.inf)

    assert figure.axes[0].lines[0].get_ydata().tolist() == [3, 2, 1]
    assert "3 VMs leave 3 hosts, never empty" in figure.get_suptitle()
    assert "not completed" in legend_texts(figure.axes[1])
    assert misplaced(figure) == []


def test_a_drain_of_nothing_is_drawn_too() -> None:
    migrations = drain(0)
    figure = draw_drain(migrations, rounds(migrations), drain_s=0.0)

    assert "0 VMs leave 0 hosts" in figure.get_suptitle()
    figure.draw_without_rendering()
