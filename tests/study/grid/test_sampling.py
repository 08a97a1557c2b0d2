"""Axes whose values are drawn: between their ends, as the method says, the same for one seed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cluster_emu import grid
from cluster_emu.study.grid.grid import Grid, load_grid
from cluster_emu.study.grid.sampling import Sample

AXES = {
    "transfer.resume_s": {"low": "20 ms", "high": "1 s"},
    "topology.host_bps": {"low": "1 Gbit/s", "high": "100 Gbit/s", "scale": "log"},
    "vms.0.vcpus": {"low": 1, "high": 4, "whole": True},
}


def drawn(method: str, values: int, **more: Any) -> Grid:
    sample = {"method": method, "values": values}
    return grid("single", ["qemu"], AXES, replications=1, sample=sample, **more)


def points(found: Grid) -> NDArray[np.float64]:
    return np.array([[cell.labels[path] for path in AXES] for cell in found.cells], dtype=float)


def shares(found: Grid) -> NDArray[np.float64]:
    """Return where the points lie between the ends of the two continuous axes."""
    table = points(found)
    first = (table[:, 0] - 0.02) / 0.98
    return np.column_stack([first, (np.log10(table[:, 1]) - 9) / 2])


@pytest.mark.parametrize("method", ["random", "latin-hypercube", "sobol", "saltelli"])
def test_points_lie_between_the_ends_and_follow_the_seed(method: str) -> None:
    found, table = drawn(method, 16), points(drawn(method, 16))
    assert len(table) == (16 * 5 if method == "saltelli" else 16)
    assert found.columns == ("sample", *AXES)
    assert [cell.labels["sample"] for cell in found.cells] == list(range(len(table)))
    assert ((shares(found) >= 0) & (shares(found) <= 1)).all()
    assert set(table[:, 2]) == {1, 2, 3, 4}
    assert isinstance(found.cells[0].labels["vms.0.vcpus"], int)
    np.testing.assert_array_equal(points(drawn(method, 16)), table)
    assert not np.array_equal(points(drawn(method, 16, seed=1)), table)


def test_cells_run_the_value_of_their_row() -> None:
    for cell in drawn("sobol", 4).cells:
        assert cell.scenario.transfer.resume_s == cell.labels["transfer.resume_s"]
        assert cell.scenario.vms[0].vcpus == cell.labels["vms.0.vcpus"]


@pytest.mark.parametrize("method", ["latin-hypercube", "sobol"])
def test_each_part_of_every_axis_has_one_value(method: str) -> None:
    found = shares(drawn(method, 16))
    for column in found.T:
        assert sorted(np.floor(column * 16).astype(int)) == list(range(16))


def test_the_points_of_saltelli_are_those_that_salib_reads() -> None:
    """Row by row: a, a with one value of b after the other, b; as `sobol.analyze` takes them."""
    table = shares(drawn("saltelli", 8)).reshape(8, 5, 2)
    a, b = table[:, 0], table[:, -1]
    np.testing.assert_array_equal(table[:, 1], np.column_stack([b[:, 0], a[:, 1]]))
    np.testing.assert_array_equal(table[:, 2], np.column_stack([a[:, 0], b[:, 1]]))
    np.testing.assert_array_equal(table[:, 3], a)  # the third axis is not in the table
    assert not (a == b).any()


def test_evenly_spread_points_integrate_better_than_random_ones() -> None:
    """The mean of x * y over the unit square is 1/4; a sequence of low discrepancy comes closer."""
    random = np.random.default_rng(0)
    errors = {}
    for method in ("random", "latin-hypercube", "sobol"):
        means = [
            np.prod(Sample(method=method, values=64).shares(2, random), axis=1).mean()
            for _ in range(20)
        ]
        errors[method] = math.sqrt(np.mean((np.array(means) - 0.25) ** 2))
    assert errors["sobol"] < errors["latin-hypercube"] / 2 < errors["random"] / 2


def test_points_are_crossed_with_the_axes_that_are_lists(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        'name = "s"\nscenario = "single"\nstrategies = ["qemu", "pre-copy"]\nreplications = 2\n'
        '[axes]\n"vms.0.profile" = ["web", "cache"]\nworkload.demand.share = { low = 0, high = 1 }'
        "\n[sample]\nvalues = 5\n[[leave_out]]\nworkload.demand.share = { above = 0.5 }\n",
        "utf-8",
    )
    found = load_grid(file).to_frame()
    low = found["workload.demand.share"].drop_duplicates()
    assert (low <= 0.5).all() and 1 <= len(low) < 5
    assert len(found) == len(low) * 2 * 2 * 2


def test_a_file_and_a_call_give_the_same_grid(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        'name = "same"\nscenario = "single"\nstrategies = ["qemu"]\npolicies = ["kubevirt"]\n'
        'replications = 2\nseed = 5\n[fields]\ntransfer.resume_s = "20 ms"\n'
        '[axes]\nrun.duration_s = { range = { from = "1 min", to = "3 min", step = 60 } }\n'
        "workload.demand.share = { low = 0.2, high = 0.4 }\n"
        "[[zip]]\nvms.0.vcpus = [1, 2]\nvms.0.cpu_capacity = [1, 2]\n"
        '[variants.small]\nvms.0.memory_bytes = "512 MiB"\n[variants.as-it-is]\n'
        '[sample]\nvalues = 3\n[[leave_out]]\nvariant = "small"\nvms.0.vcpus = { above = 1 }\n',
        "utf-8",
    )
    made = grid(
        "single",
        ["qemu"],
        {
            "run.duration_s": {"range": {"from": "1 min", "to": "3 min", "step": 60}},
            "workload.demand.share": {"low": 0.2, "high": 0.4},
        },
        name="same",
        policies=["kubevirt"],
        replications=2,
        seed=5,
        fields={"transfer.resume_s": "20 ms"},
        zip=[{"vms.0.vcpus": [1, 2], "vms.0.cpu_capacity": [1, 2]}],
        variants={"small": {"vms.0.memory_bytes": "512 MiB"}, "as-it-is": {}},
        leave_out=[{"variant": "small", "vms.0.vcpus": {"above": 1}}],
        sample={"values": 3},
    )
    loaded = load_grid(file)
    assert loaded == made
    assert [cell.key for cell in loaded.cells] == [cell.key for cell in made.cells]
    assert len(made) == 3 * 3 * 3 * 2
    assert repr(made).startswith("<Grid 'same': 54 cells over sample, workload.demand.share")


def test_a_grid_made_in_python_runs(tmp_path: Path) -> None:
    axes = {"transfer.warm_intervals": [0, 5]}
    made = grid("paper", ["time-series"], axes, replications=1, fields={"run.duration_s": "5 s"})
    done = made.run(out=tmp_path / "out")
    assert list(done.table["transfer.warm_intervals"]) == [0, 5]
    assert (done.axes, done.study) == (("transfer.warm_intervals",), "grid")
    again = made.run(out=tmp_path / "out", changes={"replications": 2})
    assert (again.cells, again.found) == (4, 2)
