"""Scenarios as data: fields by path, choices as text, quantities as people write them, ticks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from cluster_emu.clock import Clock
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.scenario import (
    Choice,
    Run,
    Scenario,
    built_in_scenarios,
    load_scenario,
    parse_choice,
    scenario_from,
)
from cluster_emu.units import (
    BITS_PER_S,
    BYTES,
    SECONDS,
    BitsPerSecond,
    MemoryBytes,
    PositiveSeconds,
)
from tests._support.small_scenarios import scenario

# --- fields by path ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(built_in_scenarios()))
def test_built_in_scenarios_are_valid_and_survive_a_round_trip(name: str) -> None:
    loaded = load_scenario(name)
    assert loaded.name == name
    assert scenario_from(loaded.model_dump(mode="json")) == loaded
    assert loaded.with_fields({}) == loaded


def test_a_field_is_replaced_by_path_and_the_original_stays() -> None:
    original = load_scenario("paper")
    changed = original.with_fields(
        {
            "vms.0.profile.probability": 0.25,
            "transfer.strategy.history": 7,
            "run.tick_s": "500 ms",
            "hosts.0.power": "specpower:server=dell-r720",
            "topology.host_bps": "20 Mbit/s",
            "manager.max_per_cluster": 1,
        }
    )
    assert changed.vms[0].profile == Choice(name="samples", probability=0.25)
    assert changed.transfer.strategy.parameters == {"history": 7, "first_round": "full"}
    assert changed.run.tick_s == 0.5
    assert changed.hosts[0].power.parameters == {"server": "dell-r720"}
    assert changed.topology.parameters["host_bps"] == "20 Mbit/s"
    assert changed.manager.max_per_cluster == 1
    assert original == load_scenario("paper")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("nothing", 1),
        ("run.nothing", 1),
        ("run.tick_s.deeper", 1),
        ("name.deeper", 1),
        ("vms.1.count", 2),
        ("vms.x.count", 2),
        ("vms.-1.count", 2),
        ("vms.0.count", 0),
        ("vms.0.count", 1.5),
        ("vms.0.memory_bytes", "128 Mb"),
        ("vms.0.memory_bytes", -1),
        ("run.duration_s", float("nan")),
        ("run.duration_s", float("inf")),
        ("transfer.bandwidth_bps", "1 Gbit/s"),  # together with page_time_s
        ("transfer.suspend_s", -0.1),
        ("placement", "anywhere"),
        ("vms.0.profile", None),
        ("vms.0", {"count": 1}),
        ("vms", []),
        ("", 1),
        ("run.", 1),
    ],
)
def test_a_bad_path_or_value_is_one_error(path: str, value: object) -> None:
    with pytest.raises(ScenarioError):
        load_scenario("paper").with_fields({path: value})


# --- choices -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("qemu", {"name": "qemu"}),
        (" qemu : ", {"name": "qemu"}),
        ("hu:threshold=4,history=5", {"name": "hu", "threshold": 4, "history": 5}),
        (
            "x:a=1.5,b=true,c=word,d='two words'",
            {"name": "x", "a": 1.5, "b": True, "c": "word", "d": "two words"},
        ),
        ("x:rate=10 Gbit/s", {"name": "x", "rate": "10 Gbit/s"}),
        ("x:a=b=c", {"name": "x", "a": "b=c"}),
        ("x:a=", {"name": "x", "a": ""}),
    ],
)
def test_a_choice_may_be_a_text(text: str, expected: dict[str, Any]) -> None:
    assert parse_choice(text) == expected


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_]{1,8}", fullmatch=True).filter(lambda key: key != "name"),
        st.one_of(
            st.integers(-1000, 1000), st.booleans(), st.from_regex(r"[a-z]{1,6}", fullmatch=True)
        ),
        max_size=4,
    )
)
def test_the_text_of_a_choice_gives_the_choice_again(parameters: dict[str, Any]) -> None:
    choice = Choice(name="some-part", **parameters)
    words = {"true", "false", "inf", "nan"}
    if not words & {str(value) for value in parameters.values() if isinstance(value, str)}:
        assert Choice.model_validate(str(choice)) == choice


@pytest.mark.parametrize(
    "value",
    [[0, 1], ["a,b", "c"], "a,b", {"name": "x", "hosts": [0, 1]}, [True, 0.5], 'say "x"'],
)
def test_lists_tables_and_commas_survive_the_text_form(value: object) -> None:
    choice = Choice(name="some-part", first=value, second=2)
    assert Choice.model_validate(str(choice)) == choice


@pytest.mark.parametrize("text", ["x:novalue", "x:a=1,b"])
def test_a_choice_without_a_value_is_the_packages_own_error(text: str) -> None:
    with pytest.raises(ScenarioError):
        scenario(strategy=text)


# --- quantities ----------------------------------------------------------------------------------

MEMORY = TypeAdapter(MemoryBytes)
RATE = TypeAdapter(BitsPerSecond)
TIME = TypeAdapter(PositiveSeconds)


@pytest.mark.parametrize(
    ("adapter", "text", "expected"),
    [
        (MEMORY, "4 GiB", 4 * 2**30),
        (MEMORY, "128MB", 128_000_000),
        (MEMORY, "1.5 KiB", 1536),
        (MEMORY, " 7 ", 7),
        (MEMORY, 4096.0, 4096),
        (MEMORY, "4e3", 4000),
        (RATE, "10 Gbit/s", 1e10),
        (RATE, 5, 5.0),
        (TIME, "6.78 ms", 0.00678),
        (TIME, "4 h", 14_400.0),
        (TIME, "1e-3 s", 0.001),
    ],
)
def test_quantities_as_people_write_them(adapter: Any, text: object, expected: float) -> None:
    assert adapter.validate_python(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("adapter", "text"),
    [
        (MEMORY, "4 Gib"),
        (MEMORY, "4 GB/s"),
        (MEMORY, "four"),
        (MEMORY, ""),
        (MEMORY, "0"),
        (MEMORY, "-1 GiB"),
        (MEMORY, "0.5"),
        (MEMORY, "1 KiB extra"),
        (MEMORY, "nan"),
        (RATE, "10 Gbps"),
        (RATE, "inf"),
        (RATE, "0"),
        (TIME, "5 minutes"),
        (TIME, "1.2.3 s"),
        (TIME, "1_ s"),
        (TIME, float("nan")),
        (TIME, float("inf")),
    ],
)
def test_other_texts_are_refused(adapter: Any, text: object) -> None:
    with pytest.raises(ValidationError):
        adapter.validate_python(text)


@given(
    thousandths=st.integers(1, 99_999),
    unit=st.sampled_from([unit for unit in BYTES if BYTES[unit] % 1000 == 0]),
)
def test_decimals_of_a_decimal_unit_are_whole_bytes(thousandths: int, unit: str) -> None:
    text = f"{Decimal(thousandths) / 1000} {unit}"
    assert MEMORY.validate_python(text) == thousandths * BYTES[unit] // 1000


@given(
    number=st.floats(1e-3, 1e6),
    unit=st.sampled_from([(RATE, BITS_PER_S), (TIME, SECONDS)]),
    data=st.data(),
)
def test_a_unit_is_a_factor(number: float, unit: tuple[Any, dict[str, float]], data: Any) -> None:
    adapter, units = unit
    name = data.draw(st.sampled_from(sorted(units)))
    expected = pytest.approx(number * units[name], rel=1e-15)
    assert adapter.validate_python(f"{number} {name}") == expected


# --- the clock -----------------------------------------------------------------------------------


def clock(tick_s: float, control_s: float, duration_s: float = 100.0) -> Clock:
    return Clock(Run(tick_s=tick_s, control_interval_s=control_s, duration_s=duration_s))


@pytest.mark.parametrize(("tick_s", "control_s"), [(2.0, 1.0), (0.7, 1.0), (7.0, 300.0)])
def test_a_tick_divides_the_control_interval(tick_s: float, control_s: float) -> None:
    with pytest.raises(ClusterEmuError, match=f"{control_s:g}"):
        clock(tick_s, control_s)


@given(
    per_control=st.integers(1, 50),
    control_s=st.sampled_from([0.1, 0.3, 0.7, 1.0, 1.1, 7.5, 300.0]),
    intervals=st.integers(1, 40),
)
def test_control_instants_come_every_so_many_ticks_and_are_the_same_for_every_tick(
    per_control: int, control_s: float, intervals: int
) -> None:
    fine = clock(control_s / per_control, control_s, duration_s=control_s * (intervals + 1))
    starts = [fine.tick(number)[0] for number in range(per_control * intervals)]
    instants = [start for start in starts if fine.is_control_instant(start)]
    assert instants == [control_s * number for number in range(intervals)]


@given(
    per_control=st.integers(1, 50),
    control_s=st.sampled_from([0.3, 1.0, 300.0]),
    duration_s=st.floats(0.5, 500),
)
def test_ticks_are_laid_end_to_end_up_to_the_duration(
    per_control: int, control_s: float, duration_s: float
) -> None:
    ticking = clock(control_s / per_control, control_s, duration_s)
    number, end_s = 0, 0.0
    while end_s < duration_s and number < 200:
        start_s, next_s = ticking.tick(number)
        assert start_s == end_s
        assert start_s < next_s <= duration_s
        number, end_s = number + 1, next_s


def test_a_scenario_cannot_be_changed() -> None:
    given_scenario: Scenario = scenario()
    with pytest.raises(ValidationError):
        given_scenario.run.tick_s = 5.0  # type: ignore[misc]
