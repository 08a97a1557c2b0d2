"""The schemas say which columns the tables of a run have."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.model import ClusterModel
from cluster_emu.results.schemas import SCHEMAS

PAGE = (Path(__file__).parents[2] / "docs/results.md").read_text("utf-8")

SUFFIXES = {"_s": ("s", "CPU unit x s", "pages/s"), "bytes": ("bytes",), "_kwh": ("kWh",)}


@pytest.fixture(scope="module")
def tables():
    background = [{"source": 0, "target": 1}]
    flavour = {"cpu_capacity": 1, "memory_bytes": 2**30, "profile": "idle"}
    arrivals = {"process": "batch", "lifetime": "fixed:lifetime_s=1", "flavours": [flavour]}
    parts = {"background": background, "arrivals": arrivals, "maintenance": {"hosts": [1]}}
    return ClusterModel("single", rng=1, **parts).run().tables


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


def documented() -> dict[str, list[str]]:
    """Return the columns of every table of a run that docs/results.md names, in its order."""
    runs, _, _ = PAGE.partition("\n## ")
    parts = re.split(r"^\*\*(\w+)\*\*", runs, flags=re.MULTILINE)[1:]
    sections = dict(zip(parts[::2], parts[1::2], strict=True))
    first_cells = {
        name: re.findall(r"^\| (`.*?) \|", text, re.M) for name, text in sections.items()
    }
    return {
        name: re.findall(r"`(\w+)`", " ".join(first_cells[name]) or text)
        for name, text in sections.items()
    }


def test_the_page_names_every_column_of_every_table_once() -> None:
    columns = {name: [each.name for each in schema.columns] for name, schema in SCHEMAS.items()}
    columns["summary"] = [each.name for each in metric_catalogue if each.value is not None]

    assert {name: sorted(found) for name, found in documented().items()} == {
        name: sorted(expected) for name, expected in columns.items()
    }
