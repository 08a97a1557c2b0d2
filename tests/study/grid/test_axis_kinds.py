"""Axes that are no plain lists: ranges, zipped axes, variants, policies, what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BeforeValidator

from cluster_emu import families, grid
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study.grid.axes import Axis
from cluster_emu.study.grid.grid import Grid, load_grid
from cluster_emu.units import read_quantity

HEAD = 'name = "kinds"\nscenario = "single"\nstrategies = ["pre-copy", "qemu"]\nreplications = 1\n'


def loaded(folder: Path, text: str, head: str = HEAD) -> Grid:
    file = folder / "study.toml"
    file.write_text(head + text, "utf-8")
    return load_grid(file)


def values(found: Grid, column: str) -> list[Any]:
    return list(dict.fromkeys(cell.labels[column] for cell in found.cells))


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        ({"range": {"from": 0.1, "to": 0.5, "step": 0.1}}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"range": {"from": 0.1, "to": 0.45, "step": 0.1}}, [0.1, 0.2, 0.3, 0.4]),
        ({"range": {"from": 5, "to": 1, "step": -2}}, [5, 3, 1]),
        ({"range": {"from": 0, "to": 1, "values": 4}}, [0, 0.333333333333, 0.666666666667, 1]),
        ({"range": {"from": "1 s", "to": "1 min", "values": 3}}, [1, 30.5, 60]),
        ({"logrange": {"from": 1, "to": 1024, "values": 11}}, [2**n for n in range(11)]),
        ({"logrange": {"from": "1 ms", "to": "1 s", "values": 4}}, [0.001, 0.01, 0.1, 1]),
        ({"logrange": {"from": 1, "to": 9, "values": 4, "whole": True}}, [1, 2, 4, 9]),
    ],
)
def test_ranges_are_the_decimals_that_one_would_write(
    axis: dict[str, Any], expected: list[float]
) -> None:
    found = list(Axis.model_validate(axis).values_of("run.tick_s"))
    assert found == expected
    assert all(isinstance(value, int) for value in found if float(value).is_integer())


def test_a_range_takes_units_and_gives_numbers(tmp_path: Path) -> None:
    text = (
        "[axes]\ntopology.host_bps = "
        '{ logrange = { from = "1 Gbit/s", to = "100 Gbit/s", values = 3 } }\n'
        '"vms.0.memory_bytes" = { range = { from = "1 GiB", to = "2 GiB", step = "512 MiB" } }\n'
    )
    found = loaded(tmp_path, text)
    assert values(found, "topology.host_bps") == [1e9, 1e10, 1e11]
    assert values(found, "vms.0.memory_bytes") == [2**30, 3 * 2**29, 2**31]


def test_zipped_axes_move_together_and_each_is_a_column(tmp_path: Path) -> None:
    text = (
        "[[zip]]\nvms.0.cpu_capacity = [1, 2, 4]\n"
        'vms.0.memory_bytes = ["1 GiB", "2 GiB", "4 GiB"]\n'
    )
    found = loaded(tmp_path, text)
    places = [(c.labels["vms.0.cpu_capacity"], c.labels["vms.0.memory_bytes"]) for c in found.cells]
    assert list(dict.fromkeys(places)) == [(1, 2**30), (2, 2**31), (4, 2**32)]
    assert all(
        cell.scenario.vms[0].memory_bytes == cell.labels["vms.0.memory_bytes"]
        for cell in found.cells
    )


def test_variants_are_one_column_and_set_several_fields(tmp_path: Path) -> None:
    text = (
        "[axes]\ntransfer.stop = ['qemu', 'xen-legacy']\n[variants.as-it-is]\n"
        '[variants.large]\nvms.0.memory_bytes = "2 GiB"\n"vms.0.profile" = "cache"\n'
    )
    found = loaded(tmp_path, text)
    assert found.columns == ("transfer.stop", "variant")
    assert len(found) == 2 * 2 * 2
    by_variant = {cell.labels["variant"]: cell.scenario.vms[0] for cell in found.cells}
    assert by_variant["as-it-is"] == load_scenario("single").vms[0]
    assert (by_variant["large"].memory_bytes, str(by_variant["large"].profile)) == (2**31, "cache")


def test_policies_are_an_axis_beside_strategies(tmp_path: Path) -> None:
    found = loaded(tmp_path, "", HEAD + 'policies = ["kubevirt", "nova:downtime_s=1"]\n')
    assert found.columns == ("policy",)
    assert [(c.labels["policy"], c.labels["strategy"]) for c in found.cells] == [
        ("kubevirt", "pre-copy"),
        ("kubevirt", "qemu"),
        ("nova:downtime_s=1", "pre-copy"),
        ("nova:downtime_s=1", "qemu"),
    ]
    assert [str(cell.scenario.transfer.policy) for cell in found.cells][::2] == [
        "kubevirt",
        "nova:downtime_s=1",
    ]


AXES = (
    "[axes]\nvms.0.vcpus = [1, 2, 3]\n"
    'topology.host_bps = ["1 Gbit/s", "10 Gbit/s"]\ntransfer.stop = ["qemu", "xen-legacy"]\n'
)


@pytest.mark.parametrize(
    ("rows", "left"),
    [
        ('{ "vms.0.vcpus" = 3, "topology.host_bps" = "1 Gbit/s" }', 24 - 4),
        ('{ "vms.0.vcpus" = [1, 3] }', 8),
        ("{ vms.0.vcpus = { above = 1 } }", 8),
        ("{ vms.0.vcpus = { at_least = 2, below = 3 } }", 16),
        ('{ strategy = "qemu", transfer.stop = "xen-legacy" }', 18),
        ('{ transfer.stop = { other_than = "qemu" } }', 12),
        ('{ topology.host_bps = { at_most = "2 Gbit/s" } }, { vms.0.vcpus = 1 }', 8),
        ("{ vms.0.vcpus = { at_least = { axis = 'topology.host_bps' } } }, { vms.0.vcpus = 1 }", 0),
    ],
)
def test_what_meets_all_conditions_of_a_row_is_left_out(
    tmp_path: Path, rows: str, left: int
) -> None:
    head = HEAD + f"leave_out = [{rows}]\n"
    if left:
        assert len(loaded(tmp_path, AXES, head)) == left
    else:  # no number of processors is as large as a bandwidth
        with pytest.raises(ScenarioError, match=r"leave_out\.0 .* a cell of the study meets"):
            _ = loaded(tmp_path, AXES, head).cells


def test_an_axis_may_be_compared_with_another_one() -> None:
    times = {"run.tick_s": [1, 10, 60], "run.control_interval_s": [10, 60]}
    row = {"run.tick_s": {"above": {"axis": "run.control_interval_s"}}}
    found = grid("single", ["qemu"], times, replications=1, leave_out=[row])
    assert [(c.scenario.run.tick_s, c.scenario.run.control_interval_s) for c in found.cells] == [
        (1, 10),
        (1, 60),
        (10, 10),
        (10, 60),
        (60, 60),
    ]


TICKS = "[axes]\nrun.tick_s = "
METHOD = "{ low = 1, high = 2 }\n[sample]\nvalues = 3\nmethod = "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TICKS + "{ range = { from = 1, to = 2 } }", "a step, or a number of values"),
        (TICKS + "{ range = { from = 2, to = 1, step = 1 } }", "a step that leads"),
        (TICKS + "{ range = { from = 1, to = 2, step = 1, by = 2 } }", "range.by"),
        (TICKS + "{ range = { from = true, to = 2, step = 1 } }", "range.from"),
        (TICKS + "{ range = { from = nan, to = inf, step = 1 } }", "a finite number"),
        (TICKS + "{ range = { from = 1, to = '2 GB', step = 1 } }", "units us, ms"),
        (TICKS + "{ logrange = { from = 0, to = 2, values = 3 } }", "above 0"),
        (TICKS + "{ logrange = { from = 1, to = 2, values = 1 } }", ">= 2"),
        (
            "[axes]\nvms.0.vcpus = { logrange = { from = 1, to = 2, values = 9, whole = true } }",
            "one",
        ),
        (TICKS + "{ low = 1, high = 2 }", "a table [sample]"),
        (TICKS + "{ low = 1 }\n[sample]\nvalues = 2", "or low and high"),
        (TICKS + "{ low = 2, high = 1 }\n[sample]\nvalues = 2", "a low end below"),
        (TICKS + "{ low = 0, high = 1, scale = 'log' }\n[sample]\nvalues = 2", "above 0"),
        (TICKS + "[1, 2]\n[sample]\nvalues = 2", "only where an axis has low"),
        (TICKS + METHOD + "'sobol'", "power"),
        (TICKS + METHOD + "'lhs'", "'sobol'"),
        ("[[zip]]\nrun.tick_s = [1, 2]\nvms.0.vcpus = [1]", "lists of one length"),
        ("[[zip]]\nrun.tick_s = [1, 2]", "two or more fields"),
        (TICKS + "[1, 2]\n[[zip]]\nrun.tick_s = [1]\nvms.0.vcpus = [1]", "overlap"),
        (TICKS + "[1, 2]\n[variants.a]\nrun.tick_s = 3", "no axis sets"),
        ("[variants.a]\nrun.tick = 3", "did you mean 'tick_s'"),
        ("[[leave_out]]\nrun.tick_s = 3", "one of strategy"),
        (TICKS + "[1, 2]\n[[leave_out]]\nrun.tick = 3", "did you mean 'run.tick_s'"),
        (TICKS + "[1, 2]\n[[leave_out]]\nrun.tick_s = 3", "a cell of the study meets"),
        (TICKS + "[1, 2]\n[[leave_out]]\nrun.tick_s = '3 GB'", "a number for run.tick_s"),
        (TICKS + "[1, 2]\n[[leave_out]]\nrun.tick_s = { above = 0 }", "leave a cell"),
        ("[[leave_out]]\nstrategy = { above = 'a' }", "other_than alone"),
        (TICKS + "{ range = { from = 1, to = 3000000, step = 1 } }", "1,000,000 values"),
    ],
)
def test_what_cannot_be_is_refused_by_file_and_field(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=r"study\.toml") as caught:
        _ = loaded(tmp_path, text).cells
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '[axes]\ntransfer.policy = ["nova"]\n',
        "[axes]\ntransfer.policy.downtime_s = [1, 2]\n",
        '[fields]\ntransfer.policy = "nova"\n',
        '[variants.a]\ntransfer.policy = "nova"\n',
    ],
)
def test_what_sets_the_policy_beside_policies_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match=r"nothing that sets transfer\.policy"):
        loaded(tmp_path, text, HEAD + 'policies = ["qemu"]\n')


# --- what holds for every grid --------------------------------------------------------------------

COUNTS = st.integers(1, 3)
PATHS = {
    "run.duration_s": [60.0, 61.0, 62.0],
    "vms.0.vcpus": [1, 2, 3],
    "transfer.resume_s": [0.0, 0.1, 0.2],
    "topology.host_bps": [1e9, 2e9, 3e9],
}


@st.composite
def studies(draw: st.DrawFn) -> dict[str, Any]:
    """Return the arguments of `grid`: some axes, maybe two of them zipped, some rows left out."""
    paths = draw(st.permutations(list(PATHS)))
    zipped = paths[2:] if draw(st.booleans()) else []
    length = draw(COUNTS)
    axes = {path: PATHS[path][: draw(COUNTS)] for path in paths[: draw(st.integers(1, 2))]}
    rows = [
        {path: draw(st.sampled_from(axis)) for path, axis in axes.items() if draw(st.booleans())}
        for _ in range(draw(st.integers(0, 2)))
    ]
    return {
        "strategies": ["pre-copy", "qemu"][: draw(st.integers(1, 2))],
        "axes": axes,
        "zip": [{path: PATHS[path][:length] for path in zipped}] if zipped else [],
        "leave_out": [row for row in rows if row],
        "replications": draw(COUNTS),
    }


def product_of(study: dict[str, Any]) -> int:
    count: int = len(study["strategies"]) * study["replications"]
    for axis in study["axes"].values():
        count *= len(axis)
    for group in study["zip"]:
        count *= len(next(iter(group.values())))
    return count


@settings(max_examples=25, deadline=None)
@given(studies())
def test_cells_are_the_product_less_what_is_left_out(study: dict[str, Any]) -> None:
    everything = grid("single", **{**study, "leave_out": []})
    assert len(everything) == product_of(study)
    kept = [
        cell
        for cell in everything.cells
        if not any(
            all(cell.labels[path] == value for path, value in row.items())
            for row in study["leave_out"]
        )
    ]
    if not kept:
        with pytest.raises(ScenarioError, match="conditions that leave a cell"):
            _ = grid("single", **study).cells
        return
    found = grid("single", **study)
    assert [cell.key for cell in found.cells] == [cell.key for cell in kept]
    assert len({cell.key for cell in found.cells}) == len(found)


@settings(max_examples=10, deadline=None)
@given(studies())
def test_the_order_of_axes_changes_the_order_of_cells_and_no_key(study: dict[str, Any]) -> None:
    study = {**study, "leave_out": []}
    turned = {**study, "axes": dict(reversed(study["axes"].items()))}
    one, other = grid("single", **study), grid("single", **turned)
    assert {cell.key for cell in one.cells} == {cell.key for cell in other.cells}


def readers(annotation: Any, metadata: tuple[Any, ...] = ()) -> list[Any]:
    """Return what reads the texts of a numeric field."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return readers(inner, (*metadata, *more))
    if annotation in (int, float):
        return [each.func for each in metadata if isinstance(each, BeforeValidator)]
    if get_origin(annotation) in (tuple, list, dict):
        return []
    return [found for each in get_args(annotation) for found in readers(each, metadata)]


def fields_of(model: Any, seen: set[Any], path: str = "") -> list[tuple[str, Any]]:
    """Return every numeric field of a scenario or part, with what reads its texts."""
    found: list[tuple[str, Any]] = []
    if model in seen:
        return found
    seen.add(model)
    for name, field in getattr(model, "__pydantic_fields__", {}).items():
        reading = readers(field.annotation, tuple(field.metadata))
        found += [(f"{path}{name}", each) for each in reading]
        for part in parts_in(field.annotation):
            found += fields_of(part, seen, f"{path}{name}.")
    return found


def parts_in(annotation: Any) -> list[Any]:
    if hasattr(annotation, "__pydantic_fields__"):
        return [annotation]
    if get_origin(annotation) is Union or get_args(annotation):
        return [part for each in get_args(annotation) for part in parts_in(each)]
    return []


def test_a_column_has_the_number_that_the_field_reads() -> None:
    """A field whose name does not tell its unit would have texts in the tables."""
    found = fields_of(Scenario, set())
    for family in families().values():
        for name in family.names():
            found += fields_of(family.factory(name), set())
    assert len(found) > 200
    for path, read in found:
        for text in ("3 GiB", "2 Gbit/s", "5 min", "25 %"):
            try:
                expected = read(text)
            except ValueError:
                continue
            if expected != text:  # a count passes texts on
                assert read_quantity(path, text, shares=True) == expected, path
