"""Power and energy: exact at the measured points, vectorised over unlike hosts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.metrics.power import (
    CalibratedPower,
    CubicPower,
    EnergyMeter,
    IdleFractionPower,
    LinearPower,
    PowerColumns,
    PowerModel,
    SpecPower,
    SquarePower,
    SquareRootPower,
    load_power_tables,
    power_models,
)

CURVES = (LinearPower, SquarePower, CubicPower, SquareRootPower, CalibratedPower)
TABLES = load_power_tables()
SERVERS = sorted(TABLES)


@pytest.mark.parametrize("server", SERVERS)
def test_power_is_exactly_the_measured_one_at_the_measured_loads(server: str) -> None:
    loads = np.array([tenth / 10 for tenth in range(11)])
    assert SpecPower(server).watts(loads).tolist() == list(TABLES[server].watts)


@pytest.mark.parametrize("server", SERVERS)
def test_between_two_measured_loads_power_lies_on_a_straight_line(server: str) -> None:
    watts = TABLES[server].watts
    halfway = SpecPower(server).watts(np.arange(10) / 10 + 0.05)
    assert halfway == pytest.approx([(low + high) / 2 for low, high in pairwise(watts)])


@given(
    server=st.sampled_from(SERVERS),
    loads=st.lists(
        st.one_of(
            st.floats(0, 1),
            st.tuples(st.integers(0, 10), st.sampled_from([-1.0, 2.0])).map(
                lambda near: min(abs(math.nextafter(near[0] / 10, near[1])), 1.0)
            ),
        ),
        max_size=30,
    ),
)
def test_power_is_what_looking_the_load_up_gives(server: str, loads: list[float]) -> None:
    plain = np.interp(np.array(loads), np.arange(11) / 10, TABLES[server].watts)
    assert SpecPower(server).watts(np.array(loads)).tolist() == plain.tolist()


@pytest.mark.parametrize("server", SERVERS)
def test_tables_rise_with_load_and_say_where_they_come_from(server: str) -> None:
    table = TABLES[server]
    assert list(table.watts) == sorted(table.watts)
    assert table.tag == "secondary"
    assert table.title and table.source
    if table.flag == "good":
        assert table.report.startswith("power_ssj2008-")
    else:
        assert table.note, "a table to check says why"


def test_tables_with_one_report_are_to_be_checked() -> None:
    cited = [table.report for table in TABLES.values() if table.report]
    for table in TABLES.values():
        assert table.flag == "check" or cited.count(table.report) == 1


def test_a_known_table_is_right() -> None:
    assert SpecPower("hp-ml110-g5").watts(np.array([0.0, 0.25, 1.0])).tolist() == [93.7, 103, 135]


MODELS = st.one_of(
    st.sampled_from(SERVERS).map(SpecPower),
    st.tuples(st.floats(0, 300), st.floats(0, 300)).map(
        lambda pair: LinearPower(min(pair), max(pair))
    ),
    st.tuples(st.sampled_from(CURVES), st.floats(0, 300), st.floats(0, 300)).map(
        lambda given: given[0](min(given[1:]), max(given[1:]))
    ),
    st.floats(1, 2).map(lambda exponent: CalibratedPower(exponent=exponent)),
    st.tuples(st.floats(0, 300), st.floats(0, 1)).map(lambda pair: IdleFractionPower(*pair)),
)


@given(model=MODELS, one=st.floats(0, 1), other=st.floats(0, 1))
@settings(deadline=None)
def test_power_never_falls_with_load(model: PowerModel, one: float, other: float) -> None:
    low, high = model.watts(np.array(sorted((one, other))))
    assert low <= high + 1e-9


@pytest.mark.parametrize("curve", CURVES)
def test_curves_are_exact_at_both_ends(curve: type[LinearPower]) -> None:
    assert curve(idle_w=0.1, peak_w=0.7).watts(np.array([0.0, 1.0])).tolist() == [0.1, 0.7]


@pytest.mark.parametrize(
    ("model", "expected_w"),
    [
        (LinearPower(100, 200), 125.0),
        (SquarePower(100, 200), 106.25),
        (CubicPower(100, 200), 101.5625),
        (SquareRootPower(100, 200), 150.0),
        (CalibratedPower(100, 200, exponent=1), 125.0),
        (CalibratedPower(100, 200, exponent=1.5), 137.5),  # 2/4 - 1/8
        (CalibratedPower(100, 200, exponent=2), 143.75),
        (IdleFractionPower(200, 0.5), 125.0),
        (IdleFractionPower(200, 0.8), 170.0),
    ],
)
def test_power_at_a_quarter_of_the_load_by_hand(model: PowerModel, expected_w: float) -> None:
    assert model.watts(np.array([0.25])).tolist() == pytest.approx([expected_w], rel=1e-15)


def test_seventy_percent_of_the_peak_when_idle_is_the_default_of_the_literature() -> None:
    watts = IdleFractionPower().watts(np.array([0.0, 0.5, 1.0]))
    assert watts.tolist() == pytest.approx([175.0, 212.5, 250.0], rel=1e-15)


@given(data=st.data(), models=st.lists(MODELS, min_size=1, max_size=12))
@settings(deadline=None, max_examples=50)
def test_columns_give_each_host_its_own_models_power(
    data: st.DataObject, models: list[PowerModel]
) -> None:
    count = len(models)
    loads = np.array(data.draw(st.lists(st.floats(0, 1), min_size=count, max_size=count)))
    on = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    watts = PowerColumns(models).watts(loads, on)
    alone = [model.watts(np.array([load]))[0] for model, load in zip(models, loads, strict=True)]
    assert watts.tolist() == np.where(on, alone, 0.0).tolist()


def test_equal_models_are_evaluated_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    plain = LinearPower.watts

    def counting(self: LinearPower, utilisation: np.ndarray) -> np.ndarray:
        calls.append(len(utilisation))
        return plain(self, utilisation)

    monkeypatch.setattr(LinearPower, "watts", counting)
    columns = PowerColumns([LinearPower(100, 200 + host % 2) for host in range(1000)])
    columns.watts(np.zeros(1000), np.ones(1000, dtype=bool))
    assert calls == [500, 500]


def test_hosts_that_are_off_draw_their_sleep_power() -> None:
    columns = PowerColumns([LinearPower(100, 200), LinearPower(100, 200, sleep_w=7.5)])
    assert columns.watts(np.array([0.5, 0.5]), np.array([False, False])).tolist() == [0.0, 7.5]


def test_a_day_at_constant_load_costs_exactly_the_tables_power() -> None:
    columns = PowerColumns([SpecPower("hp-ml110-g5"), SpecPower("hp-ml110-g4")])
    meter = EnergyMeter(2)
    for _ in range(288):
        meter.add(columns.watts(np.array([0.3, 1.0]), np.array([True, True])), 300.0)
    assert meter.joules.tolist() == [105 * 86_400, 117 * 86_400]
    assert meter.host_energy_kwh == pytest.approx([105 * 0.024, 117 * 0.024], rel=1e-15)
    assert meter.energy_kwh == pytest.approx(222 * 0.024, rel=1e-15)


@given(
    watts=st.lists(st.floats(0, 1000), min_size=1, max_size=5),
    cuts=st.lists(st.floats(0, 300), max_size=20),
)
@settings(deadline=None)
def test_energy_does_not_depend_on_how_time_is_cut(watts: list[float], cuts: list[float]) -> None:
    cut, whole = EnergyMeter(len(watts)), EnergyMeter(len(watts))
    instants = [0.0, *sorted(cuts), 300.0]
    for start_s, end_s in pairwise(instants):
        cut.add(np.array(watts), end_s - start_s)
    whole.add(np.array(watts), 300.0)
    assert cut.joules == pytest.approx(whole.joules, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("linear", {"idle_w": -1.0}, "idle_w = -1.0: allowed is"),
        ("linear", {"idle_w": math.nan}, "idle_w = nan: allowed is"),
        ("linear", {"peak_w": math.inf}, "peak_w = inf: allowed is"),
        ("linear", {"idle_w": 10, "peak_w": 5}, "peak_w = 5: allowed is a power not below idle_w"),
        ("linear", {"idle": 10}, "idle = 10: allowed is a parameter of power model 'linear'"),
        ("cubic", {"idle_w": 10, "peak_w": 5}, "peak_w = 5: allowed is a power not below idle_w"),
        ("calibrated", {"exponent": 2.5}, "exponent = 2.5: allowed is"),
        ("idle-fraction", {"idle_share": "120 %"}, "idle_share = '120 %': allowed is"),
        ("specpower", {"server": "hp-ml110-g7"}, "server = 'hp-ml110-g7': allowed is one of dell"),
    ],
)
def test_a_bad_parameter_is_named(name: str, parameters: dict[str, object], message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        power_models.create(name, **parameters)
    assert str(caught.value).startswith(message)


def test_every_registered_model_can_be_made_as_it_is() -> None:
    for name in power_models.names():
        assert power_models.create(name).watts(np.array([0.5]))[0] > 0
