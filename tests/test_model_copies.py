"""Pickle and deepcopy: a copy of a model goes on to the same results, and apart from it."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cluster_emu import snapshot
from cluster_emu.model import ClusterModel
from cluster_emu.results.run_result import RunResult
from tests._support.small_scenarios import BPS, PAGE, scenario

COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "deepcopy": copy.deepcopy,
    "snapshot": snapshot.copied,
    "twice": lambda model: copy.deepcopy(pickle.loads(pickle.dumps(model))),
}


def assert_same(one: RunResult, other: RunResult) -> None:
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name], check_exact=True)
    assert (one.notes, one.seed) == (other.notes, other.seed)


def eventful() -> ClusterModel:
    """Return a model with triggers, bursts, faults without end, background traffic and queues."""
    vm = {"cpu_capacity": 2, "memory_bytes": 1500 * PAGE}
    given = scenario(
        topology={"name": "star", "hosts": 6, "host_bps": BPS},
        hosts=6,
        vms=[
            {**vm, "count": 5, "profile_mix": {"web": 1.0, "oltp": 2.0}},
            {**vm, "count": 4, "profile": "analytics"},
        ],
        migrations=[{"vm": 8, "target": 0, "at_s": 27.3}],
        run={"duration_s": 40.0, "control_interval_s": 10.0, "stop_when_idle": False},
        manager={"triggers": ["consolidation", "load-balance"], "max_per_cluster": 2},
        placement="random",
        strategy="history-majority",
    ).with_fields(
        {
            "faults": [{"kind": "link-slow", "links": "all", "mtbf_s": 15.0, "mttr_s": 2.0}],
            "background": [{"pairs": "random", "count": 3, "on_s": 2.0, "off_s": 3.0}],
        }
    )
    return ClusterModel(given, rng=3)


@pytest.mark.parametrize("way", COPIES)
@pytest.mark.parametrize("ticks", [0, 13])
def test_a_copy_goes_on_to_the_same_bytes(way: str, ticks: int) -> None:
    model = eventful()
    for _ in range(ticks):
        model.step()
    twin = COPIES[way](model)
    result = model.run()
    assert len(result.migrations) > 3
    assert len(result.tables["faults"]) > 1
    assert_same(result, twin.run())


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "scalar"])
def test_a_copy_within_a_round_goes_on_in_every_memory_model(fidelity: str) -> None:
    model = ClusterModel("single", rng=1, **{"run.fidelity": fidelity})
    for _ in range(3):
        model.step()
    assert model.migrations_running == 1
    twin = copy.deepcopy(model)
    assert_same(model.run(), twin.run())


def test_a_copy_lives_apart_from_its_model() -> None:
    model = ClusterModel("paper", rng=1)
    twin = copy.deepcopy(model)
    assert twin.vms[0].model is twin
    twin.run()
    assert model.time == 0.0
    assert [vm.host for vm in model.vms] == [0, 0]
    assert [vm.host for vm in twin.vms] == [1, 1]
    assert_same(model.run(), ClusterModel("paper", rng=1).run())


def test_agents_of_a_copy_are_its_own_and_numbered_on() -> None:
    from mesa import Agent

    model = ClusterModel("paper", rng=1)
    twin = copy.deepcopy(model)
    assert [agent.unique_id for agent in twin.agents] == [agent.unique_id for agent in model.agents]
    assert not set(twin.agents) & set(model.agents)
    assert Agent(twin).unique_id == 6


def test_a_subclass_is_copied_with_what_it_has_added() -> None:
    model = Counting("single", rng=1)
    model.step()
    twin = copy.deepcopy(model)
    twin.step()
    assert (type(twin), model.count, twin.count) == (Counting, 1, 2)


class Counting(ClusterModel):
    count = 0

    def step(self) -> None:
        self.count += 1
        super().step()


def test_a_model_that_streams_is_not_copied(tmp_path: Path) -> None:
    model = ClusterModel("paper", rng=1, stream_to=tmp_path)
    with pytest.raises(TypeError, match="copy a model without stream_to"):
        copy.deepcopy(model)
    model.close()


# --- memory that is shared -----------------------------------------------------------------------


class Shared:
    def __init__(self) -> None:
        self.column = np.arange(12.0)
        self.part = self.column[2:11:3]
        self.table = self.column.reshape(3, 4)[::-1]
        self.reader = self.column.view()
        self.reader.flags.writeable = False
        self.elements = self.column.data
        self.ratio = lambda: self.column[2] / 2


def test_views_share_their_memory_in_a_copy_too() -> None:
    twin = pickle.loads(snapshot.dumps(Shared()))
    twin.elements[2] = 50.0
    assert twin.column[2] == twin.part[0] == twin.table[2, 2] == twin.reader[2] == 50.0
    assert twin.ratio() == 25.0
    assert not twin.reader.flags.writeable
    assert np.array_equal(twin.part, [50.0, 5.0, 8.0])
    assert Shared().column[2] == 2.0


def test_a_view_of_something_else_than_an_array_is_refused() -> None:
    with pytest.raises(pickle.PicklingError, match="one whole array"):
        snapshot.dumps([memoryview(b"bytes")])


def test_copied_arrays_are_apart_from_the_first_and_alike() -> None:
    whole = np.arange(12.0)
    first = {
        "whole": whole,
        "view": whole[2:6],
        "strided": whole.reshape(3, 4)[:, 1],
        "memory": memoryview(whole),
        "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "fixed": np.arange(3),
        "text": ["a", {"b": 1}],
    }
    first["fixed"].flags.writeable = False
    copy = snapshot.copied(first)
    whole[3] = -1.0  # after the copy, which does not see it
    assert copy["whole"].tolist() == list(range(12))
    copy["whole"][2] = 50.0
    assert copy["view"].tolist() == [50.0, 3.0, 4.0, 5.0]
    copy["view"][3] = 60.0
    assert copy["strided"].tolist() == [1.0, 60.0, 9.0]
    assert copy["memory"][5] == 60.0
    assert copy["columns"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert copy["columns"].flags.f_contiguous
    assert not copy["fixed"].flags.writeable
    assert copy["text"] == first["text"]
    assert whole.tolist() == [0.0, 1.0, 2.0, -1.0, *range(4, 12)]
