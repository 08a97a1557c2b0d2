"""Intensity mappings: what each gives by hand, what is refused, and what drives them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.rng import RandomStreams
from cluster_emu.traces import DemandTraces
from cluster_emu.workload import (
    BurstSchedule,
    IntensityMapping,
    IntensityPath,
    TraceDemand,
    intensity_mappings,
)

PAIRS = [[0.0, 20.0], [0.5, 300.0], [0.8, 100.0]]
CASES = {
    "constant:0.3": ({"share": 0.3}, [0.3, 0.3, 0.3], "0.3 at any load"),
    "affine:": ({}, [0.1, 0.55, 1.0], "0.1 + 0.9 x CPU demand"),
    "affine:low": (
        {"idle_share": 0.2, "full_share": 0.6},
        [0.2, 0.4, 0.6],
        "0.2 + 0.4 x CPU demand",
    ),
    "power-law:2": ({"exponent": 2.0}, [0.0, 0.25, 1.0], "(CPU demand) ^ 2"),
    "power-law:idle": (
        {"exponent": 0.5, "idle_share": 0.2, "driver": "memory-bandwidth"},
        [0.2, 0.2 + 0.8 * np.sqrt(0.5), 1.0],
        "0.2 + 0.8 x (memory bandwidth) ^ 0.5",
    ),
    "measured:": (
        {"pairs": PAIRS},
        [20 / 300, 1.0, 1 / 3],
        "lines through 3 measured pairs over CPU demand, 1 = 300",
    ),
    "measured:full": (
        {"pairs": PAIRS, "full_rate": 600},
        [20 / 600, 0.5, 1 / 6],
        "lines through 3 measured pairs over CPU demand, 1 = 600",
    ),
}


def made(case: str) -> IntensityMapping:
    return intensity_mappings.create(case.partition(":")[0], **CASES[case][0])  # type: ignore[arg-type]


def test_every_mapping_has_a_case() -> None:
    assert {case.partition(":")[0] for case in CASES} == set(intensity_mappings.names())


@pytest.mark.parametrize("case", CASES)
def test_intensity_at_no_half_and_full_load(case: str) -> None:
    mapping, (_, wanted, formula) = made(case), CASES[case]
    assert mapping.intensity(np.array([0.0, 0.5, 1.0])) == pytest.approx(wanted)
    assert mapping.formula == formula


@given(case=st.sampled_from(sorted(CASES)), loads=st.lists(st.floats(0, 1), min_size=1))
def test_each_load_has_an_intensity_of_its_own_between_0_and_1(
    case: str, loads: list[float]
) -> None:
    mapping = made(case)
    together = mapping.intensity(np.array(loads))
    assert ((together >= 0) & (together <= 1)).all()
    assert together.tolist() == [mapping.intensity(np.array([load]))[0] for load in loads]


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("constant", {"share": 1.2}, "share = 1.2"),
        ("affine", {"driver": "disk"}, "driver = 'disk'"),
        ("power-law", {"exponent": 0}, "exponent = 0"),
        ("measured", {}, "pairs"),
        ("measured", {"pairs": []}, "pairs"),
        ("measured", {"pairs": [[0.5, 1], [0.5, 2]]}, "pairs whose first numbers increase"),
        ("measured", {"pairs": [[0, 0], [1, 0]]}, "pairs with a rate above 0"),
        ("measured", {"pairs": [[0, 1], [1.5, 2]]}, "pairs.1.0 = 1.5"),
        ("measured", {"pairs": PAIRS, "full_rate": 299}, "at least 300, the largest measured"),
    ],
)
def test_what_is_not_allowed_is_named(name: str, parameters: dict, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ScenarioError) as refused:
        intensity_mappings.create(name, **parameters)
    assert message in str(refused.value)


def test_memory_bandwidth_drives_where_it_is_known_and_cpu_demand_elsewhere() -> None:
    cpu = np.array([[0.2, 0.4], [0.6, 0.8]])
    bandwidth = np.array([[0.1, 0.9], [np.nan, np.nan]])
    traces = DemandTraces(
        ("a", "b"), cpu, "given", 10.0, quantities={"memory_bandwidth_share": bandwidth}
    )
    demand = TraceDemand(order="files", scale=2.0).build(2, np.random.default_rng(0), traces)
    mapping = intensity_mappings.create("affine", idle_share=0.0, driver="memory-bandwidth")
    path = IntensityPath(demand, BurstSchedule([None, None], RandomStreams(0)), mapping)
    assert path.levels(0.0) == pytest.approx([0.2, 1.0])
    assert path.levels(10.0) == pytest.approx([1.0, 1.0])
    assert path.level(0, 5.0) == path.levels(5.0)[0]
    assert path.level(1, 5.0) == path.levels(5.0)[1]
    assert path.demand(0, 0.0) == pytest.approx(0.4)
    assert "VMs whose traces hold no memory bandwidth: 1 of 2" in path.assumptions[-1]
