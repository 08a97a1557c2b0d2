"""Lives are the same bytes with any number of workers, and the same VMs come to any strategy."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest

from cluster_emu import ClusterModel, compare
from tests.lifecycle.test_speed_paths import busy, tables


@pytest.mark.slow
def test_any_number_of_workers_gives_the_same_bytes() -> None:
    short = busy().with_fields({"run.duration_s": 300})
    alone = compare(short, ["pre-copy", "post-copy"], replications=2, seed=3, jobs=1)
    pair = compare(short, ["pre-copy", "post-copy"], replications=2, seed=3, jobs=2)
    assert alone.runs.to_csv() == pair.runs.to_csv()
    assert (alone.runs["migrations"] > 0).any()


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, second = tables(busy(), 4), tables(busy(), 4)
    for name, table in first.items():
        assert pickle.dumps(table.to_dict("list")) == pickle.dumps(second[name].to_dict("list"))
    other = tables(busy(), 5)["lifecycle"]
    assert first["lifecycle"]["arrived_s"].tolist() != other["arrived_s"].tolist()


def test_the_same_vms_come_to_every_strategy_and_placement() -> None:
    kept = ["vm", "flavour", "arrived_s", "lifetime_s"]
    first = tables(busy())["lifecycle"][kept]
    for changes in (
        {"transfer.strategy": "post-copy"},
        {"arrivals.placement": "first-fit"},
        {"arrivals.queue": True, "manager.triggers": []},
    ):
        changed = tables(busy().with_fields(changes))["lifecycle"][kept]
        pd.testing.assert_frame_equal(first, changed, check_exact=True)


def test_a_longer_run_begins_with_the_same_vms() -> None:
    kept = ["vm", "flavour", "arrived_s", "lifetime_s"]
    longer = ClusterModel(busy().with_fields({"run.duration_s": 1800}), rng=1)
    population = longer.lifecycle._population if longer.lifecycle is not None else None
    assert population is not None
    first = tables(busy())["lifecycle"][kept]
    count = len(first)
    assert population.arrives_s[:count].tolist() == first["arrived_s"].tolist()
