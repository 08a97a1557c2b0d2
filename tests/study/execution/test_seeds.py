"""Seeds of replications: recorded, distinct, and the same however many there are."""

from __future__ import annotations

import json

from cluster_emu.study.execution.seeds import replication_seeds


def test_more_replications_begin_with_the_same_seeds() -> None:
    assert replication_seeds(3, 100)[:7] == replication_seeds(3, 7)


def test_seeds_differ_within_and_between_base_seeds() -> None:
    seeds = [seed for base in range(20) for seed in replication_seeds(base, 50)]

    assert len(set(seeds)) == len(seeds)


def test_readers_that_know_only_floats_get_them_back_unchanged() -> None:
    seeds = list(replication_seeds(1, 200))

    assert [int(value) for value in json.loads(json.dumps(seeds), parse_int=float)] == seeds
