"""CPU demand: which VM follows what, between which instants it holds, and nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.traces import DemandTraces
from cluster_emu.traces.own import own_traces
from cluster_emu.workload import Demand, demand_models

RAMP = DemandTraces(
    ("up", "down", "flat"),
    np.array([[0.0, 0.1, 0.2, 0.3], [0.9, 0.8, 0.7, 0.6], [0.5, 0.5, 0.5, 0.5]]),
    "three short traces",
)
OWN = own_traces()
MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "constant": ("constant", {"share": 0.25}),
    "step": ("trace", {}),
    "linear": ("trace", {"interpolation": "linear", "step_s": 7.3}),
    "diurnal": ("diurnal", {"step_s": 0.1, "period_s": 500.0}),
}


def build(
    name: str, vm_count: int = 100, traces: DemandTraces = OWN, seed: int = 3, **parameters: object
) -> Demand:
    rng = np.random.default_rng(seed)
    return demand_models.create(name, **parameters).build(vm_count, rng, traces)


@pytest.fixture(params=MODELS)
def demand(request: pytest.FixtureRequest) -> Demand:
    name, parameters = MODELS[request.param]
    return build(name, **parameters)


def test_every_model_is_tested_here() -> None:
    assert {name for name, _ in MODELS.values()} == set(demand_models.names())


@pytest.mark.parametrize("case", MODELS)
@given(time_s=st.floats(0, 1e6), vm=st.integers(0, 99))
@settings(deadline=None, max_examples=60)
def test_demand_holds_from_one_change_to_the_next(case: str, time_s: float, vm: int) -> None:
    demand = build(MODELS[case][0], **MODELS[case][1])
    now, change = demand.at(time_s), demand.next_change(time_s)
    assert change > time_s
    assert now.shape == (100,)
    assert now.min() >= 0
    assert now.max() <= 1
    last = min(math.nextafter(change, 0.0), 1e9)
    assert np.array_equal(demand.at(last), now)
    assert demand.share(vm, time_s) == now[vm]


@given(step_s=st.floats(1e-3, 1e3), number=st.integers(0, 10**9))
@settings(deadline=None, max_examples=300)
def test_walking_the_changes_visits_every_grid_instant_once(step_s: float, number: int) -> None:
    demand = build("diurnal", vm_count=1, step_s=step_s)
    instant = number * step_s
    assert demand.next_change(instant) == (number + 1) * step_s
    if number:
        assert demand.next_change(math.nextafter(instant, 0.0)) == instant


def test_what_is_returned_may_be_written_to(demand: Demand) -> None:
    before = demand.at(10.0).copy()
    demand.at(10.0)[:] = -1.0
    assert np.array_equal(demand.at(10.0), before)


def test_no_vms_are_no_problem() -> None:
    for name, parameters in MODELS.values():
        assert build(name, vm_count=0, **parameters).at(5.0).shape == (0,)


def test_what_is_assumed_is_said(demand: Demand) -> None:
    assert demand.assumptions
    assert all(text.endswith(".") for text in demand.assumptions)


@pytest.mark.parametrize("case", MODELS)
def test_traces_matter_where_the_model_says_so(case: str) -> None:
    name, parameters = MODELS[case]
    same = np.array_equal(
        build(name, **parameters).at(7.0), build(name, 100, RAMP, **parameters).at(7.0)
    )
    assert same != demand_models.create(name, **parameters).uses_traces


def test_constant_demand_never_changes() -> None:
    demand = build("constant", share=0.25)
    assert demand.at(0.0).tolist() == [0.25] * 100
    assert demand.next_change(12.0) == math.inf


def test_step_holds_each_sample_for_its_300_s() -> None:
    demand = build("trace", vm_count=3, traces=RAMP, order="files")
    assert demand.at(0.0).tolist() == [0.0, 0.9, 0.5]
    assert demand.at(299.999).tolist() == [0.0, 0.9, 0.5]
    assert demand.at(300.0).tolist() == [0.1, 0.8, 0.5]
    assert demand.next_change(300.0) == 600.0


def test_a_trace_starts_again_after_its_end() -> None:
    demand = build("trace", vm_count=3, traces=RAMP, order="files")
    assert np.array_equal(demand.at(4 * 300.0 + 650.0), demand.at(650.0))


def test_linear_goes_straight_from_sample_to_sample() -> None:
    demand = build("trace", 3, RAMP, order="files", interpolation="linear", step_s=60.0)
    assert demand.at(300.0).tolist() == [0.1, 0.8, 0.5]
    assert demand.at(300.0 + 120.0) == pytest.approx([0.14, 0.76, 0.5], abs=1e-12)
    assert demand.at(300.0 + 179.0) == pytest.approx([0.14, 0.76, 0.5], abs=1e-12)
    # From the last sample it goes back to the first.
    assert demand.at(900.0 + 120.0) == pytest.approx([0.18, 0.72, 0.5], abs=1e-12)


def test_linear_agrees_with_numpy_on_the_grid() -> None:
    demand = build("trace", 40, OWN, order="files", interpolation="linear", step_s=30.0)
    times_s = np.arange(0, 287 * 300, 30.0)
    seen = np.array([demand.at(time_s) for time_s in times_s]).T
    samples_s = np.arange(288) * 300.0
    wanted = [np.interp(times_s, samples_s, trace) for trace in OWN.values]
    assert np.allclose(seen, wanted, rtol=0, atol=1e-12)


def test_vms_follow_a_permutation_of_the_traces() -> None:
    demand = build("trace", vm_count=40)
    followed = [
        int(np.flatnonzero((OWN.values == row).all(axis=1))[0])
        for row in np.array([demand.at(k * 300.0) for k in range(288)]).T
    ]
    assert sorted(followed) == list(range(40))
    assert followed != list(range(40))


def test_the_permutation_comes_from_the_generator() -> None:
    assert np.array_equal(build("trace", seed=1).at(0.0), build("trace", seed=1).at(0.0))
    assert not np.array_equal(build("trace", seed=1).at(0.0), build("trace", seed=2).at(0.0))


def test_more_vms_do_not_change_what_the_first_ones_do() -> None:
    for name, parameters in MODELS.values():
        few, many = build(name, 50, **parameters), build(name, 5000, **parameters)
        assert np.array_equal(few.at(1234.5), many.at(1234.5)[:50])


def test_copies_of_a_trace_do_not_move_in_step() -> None:
    demand = build("trace", vm_count=400, traces=OWN)
    day = np.array([demand.at(k * 300.0) for k in range(288)]).T
    assert len(np.unique(day, axis=0)) == 400
    first, second = day[0], day[40]
    assert np.array_equal(np.roll(first, -round(0.381966 * 288)), second)
    assert "400 VMs share 40 traces" in demand.assumptions[1]


def test_without_rotation_copies_are_equal() -> None:
    demand = build("trace", vm_count=80, rotation_share=0.0)
    assert np.array_equal(demand.at(900.0)[:40], demand.at(900.0)[40:])


def test_a_wave_peaks_when_it_should() -> None:
    demand = build("diurnal", 5, mean=0.4, amplitude=0.3, peak_at_s=3600.0, jitter_s=0.0)
    assert demand.at(3600.0) == pytest.approx([0.7] * 5)
    assert demand.at(3600.0 + 43_200.0) == pytest.approx([0.1] * 5)
    assert demand.at(3600.0 + 21_600.0) == pytest.approx([0.4] * 5)


def test_a_wave_has_its_mean_and_its_peaks_are_spread() -> None:
    demand = build("diurnal", 200, jitter_s=7200.0, step_s=600.0)
    day = np.array([demand.at(k * 600.0) for k in range(144)]).T
    assert day.mean(axis=1) == pytest.approx([0.3] * 200)
    peaks_s = day.argmax(axis=1) * 600.0
    assert peaks_s.min() >= 50_400.0 - 7_200.0 - 600.0
    assert peaks_s.max() <= 50_400.0 + 7_200.0 + 600.0
    assert np.ptp(peaks_s) > 12_000.0


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("constant", {"share": 1.5}, "share = 1.5: allowed is"),
        ("constant", {"share": math.nan}, "share = nan: allowed is"),
        ("trace", {"interpolation": "cubic"}, "interpolation = 'cubic': allowed is"),
        ("trace", {"step_s": 0.0}, "step_s = 0.0: allowed is"),
        ("trace", {"rotation": 1}, "rotation = 1: allowed is a parameter of demand model 'trace'"),
        ("diurnal", {"mean": 0.1}, "amplitude = 0.2 (the default): allowed is"),
        ("diurnal", {"mean": 0.9, "amplitude": 0.5}, "amplitude = 0.5: allowed is at most 0.1"),
        ("diurnal", {"period_s": math.inf}, "period_s = inf: allowed is"),
    ],
)
def test_a_bad_parameter_is_named(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        demand_models.create(name, **parameters)
    assert str(caught.value).startswith(message)
