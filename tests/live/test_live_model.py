"""A model that is advanced piece by piece gives the tables of one that runs at once."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from cluster_emu import ClusterModel, Scenario, load_scenario
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.live_source import LiveFactory, LiveSource

EXACT = ("migrations", "rounds", "limits", "vms", "links", "faults", "background")


def small(duration_s: float = 900.0) -> Scenario:
    """Return the built-in cluster for some minutes, lumped so that it is quick."""
    return load_scenario("cluster").with_fields(
        {"run.duration_s": duration_s, "run.fidelity": "auto"}
    )


@pytest.fixture(scope="module")
def whole() -> dict[str, pd.DataFrame]:
    model = ClusterModel(small(), rng=4)
    tables = model.run().tables
    model.close()
    return tables


@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(st.lists(st.floats(0, 900), max_size=40))
@example([61.0])
def test_pieces_change_no_table(whole: dict[str, pd.DataFrame], stops: list[float]) -> None:
    model = LiveModel(small(), seed=4)
    source = LiveSource(model)
    for stop_s in sorted(stops):
        source.advance(stop_s)
        source.frame()  # looking changes nothing
    tables = model.run().tables
    model.close()

    assert len(tables["migrations"]) > 5
    for name in EXACT:
        pd.testing.assert_frame_equal(tables[name], whole[name], check_exact=True)
    # energy is a sum over ticks, and quiet ticks that are not skipped divide it differently
    pd.testing.assert_frame_equal(tables["hosts"], whole["hosts"], rtol=1e-9)


def test_time_stops_where_it_was_asked_to() -> None:
    model = LiveModel(small(), seed=4)
    for until_s in (0.5, 59.0, 60.0, 300.0, 301.25):
        model.advance(until_s)
        assert model.now_s == until_s
    model.advance(1e9)
    assert model.now_s == 900.0
    assert not model.running
    model.close()


def test_a_step_leads_from_event_to_event() -> None:
    model = LiveModel(small(), seed=4)
    times = []
    while model.round_count < 10:
        until_s = model.next_event_s()
        model.advance(until_s if until_s > model.now_s else np.nextafter(model.now_s, np.inf))
        times.append(model.now_s)
    model.close()

    assert all(a < b for a, b in pairwise(times))
    assert model.migrations_begun > 0


def test_the_frame_says_what_the_columns_say() -> None:
    (source,) = LiveFactory(small()).lanes({"seed": "4"})
    source.advance(303.0)
    frame = source.frame()
    assert isinstance(source, LiveSource)
    model = source.model

    assert frame.header["time_s"] == 303.0
    assert frame.header["running"] == len(frame.arrays["move_vm"]) == model.migrations_running > 0
    np.testing.assert_array_equal(frame.arrays["vm_host"], model.state.vms.host)
    np.testing.assert_allclose(frame.arrays["link_load"], model.loop.link_load(), rtol=1e-6)
    np.testing.assert_allclose(
        frame.arrays["host_load"] / 255, np.minimum(model.state.hosts.utilisation, 1), atol=0.002
    )
    starts = frame.arrays["move_route_start"]
    for place, number in enumerate(frame.arrays["move_number"].tolist()):
        route = frame.arrays["move_route"][starts[place] : starts[place + 1]]
        assert tuple(route) == model.manager.scheduler.live[number].route
    assert ((frame.arrays["move_progress"] >= 0) & (frame.arrays["move_progress"] <= 1)).all()
    assert "vm_host" not in source.frame().arrays  # nothing has changed since
    source.keyframe()
    assert "vm_host" in source.frame().arrays
    source.close()


def test_what_has_ended_is_told_once() -> None:
    (source,) = LiveFactory(small()).lanes({"seed": "4"})
    told = []
    for until_s in range(0, 901, 50):
        source.advance(until_s)
        told += source.frame().header["events"]
    assert isinstance(source, LiveSource)
    numbers = [event["number"] for event in told if event["kind"] == "migration"]

    assert sorted(numbers) == list(range(len(source.model.manager.scheduler.records)))
    source.close()
