"""The schemas say which columns the tables of a run have."""

from __future__ import annotations

import pytest

from cluster_emu.model import ClusterModel
from cluster_emu.results.schemas import SCHEMAS

SUFFIXES = {"_s": ("s", "CPU unit x s", "pages/s"), "bytes": ("bytes",), "_kwh": ("kWh",)}


@pytest.fixture(scope="module")
def tables():
    background = [{"source": 0, "target": 1}]
    return ClusterModel("single", rng=1, background=background).run().tables


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_has_the_columns_of_its_schema_in_their_order(tables, name: str) -> None:
    assert list(tables[name]) == [column.name for column in SCHEMAS[name].columns]


def test_every_table_but_the_summary_has_a_schema(tables) -> None:
    assert list(tables) == [*SCHEMAS, "summary"]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_unit_is_the_one_at_the_end_of_the_name(name: str) -> None:
    for column in SCHEMAS[name].columns:
        assert column.meaning
        for suffix, units in SUFFIXES.items():
            if column.name.endswith(suffix):
                assert column.unit in units, column.name
