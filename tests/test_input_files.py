"""Files that never end, are too large or too deep."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.input_files import MOST_DEPTH, MOST_TOML_BYTES, is_too_deep, read_input
from cluster_emu.memory.dirtying.sources import Replay
from cluster_emu.network.topologies.graphml import GraphML
from cluster_emu.part_text import parse_value
from cluster_emu.scenario import load_scenario, read_toml
from cluster_emu.study.grid.study_file import read_study
from cluster_emu.traces.formats.planetlab import read_planetlab
from cluster_emu.validation import validate_scalar


@pytest.fixture(params=["pipe", "device", "folder", "socket", "large", "loop"])
def endless(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make something that is no file to be read."""
    place = tmp_path / "it.toml"
    match request.param:
        case "pipe":
            os.mkfifo(place)
        case "device":
            place.symlink_to("/dev/zero")
        case "folder":
            place.mkdir()
        case "socket":
            bound = socket.socket(socket.AF_UNIX)
            bound.bind(os.path.relpath(place))
            request.addfinalizer(bound.close)
        case "large":
            with place.open("wb") as file:
                file.truncate(2**36)
        case "loop":
            place.symlink_to(place)
    return place


def test_what_is_no_file_of_a_fair_size_is_refused(endless: Path) -> None:
    with pytest.raises(OSError, match=str(endless)):
        read_input(endless, MOST_TOML_BYTES)
    for read in (read_toml, load_scenario, read_study, validate_scalar):
        with pytest.raises(ClusterEmuError):
            read(endless)
    with pytest.raises(ScenarioError):
        GraphML(path=endless).build()
    with pytest.raises(ScenarioError):
        Replay(endless)
    with pytest.raises(ClusterEmuError):
        read_planetlab(endless)


@pytest.mark.parametrize("name", ["a" * 300, "nul\0", "half\ud800"])
def test_what_is_no_name_of_a_file_is_refused(tmp_path: Path, name: str) -> None:
    for read in (read_toml, load_scenario, read_study, validate_scalar, read_planetlab):
        with pytest.raises(ClusterEmuError):
            read(tmp_path / name)


@pytest.mark.parametrize(
    "text", ["[" * 10**5, ".".join("a" * 10**5) + "=1", "9" * 10**5, "[" * 100 + "]" * 100]
)
def test_endless_toml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "deep.toml"
    file.write_text(text if "=" in text else f"a = {text}", encoding="utf-8")
    with pytest.raises(ScenarioError, match=f"^{file}: content = "):
        read_toml(file)
    assert parse_value(text) == text


def test_depth_is_counted_in_tables_and_lists() -> None:
    deep: object = 1
    for _ in range(MOST_DEPTH):
        deep = {"a": 1, "b": deep}
    assert not is_too_deep(deep)
    assert is_too_deep([deep])
    assert not is_too_deep({"a": [1] * 1000})


GRAPH = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{}<graph edgedefault="undirected"/>'
DOCUMENTS = {
    "entities": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "depth": "<a>" * 1000,
    "encoding": '<?xml version="1.0" encoding="xyz"?><a/>',
    "truncated": GRAPH.format(""),
    "UTF-16 without a mark": '<?xml version="1.0" encoding="utf-16"?><a/>',
    "self": GRAPH.format('<key id="k" for="node" attr.name="self"/>') + "</graphml>",
    "node_for_adding": GRAPH.format('<key id="k" attr.name="node_for_adding"/>') + "</graphml>",
    "number": GRAPH.format('<key id="k" for="graph" attr.name="x" attr.type="int"/>').replace(
        '"undirected"/>', '"undirected"><data key="k">1_0</data></graph></graphml>'
    ),
}


@pytest.mark.parametrize("text", DOCUMENTS.values(), ids=list(DOCUMENTS))
def test_hostile_graphml_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "network.graphml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=f"^{file}: "):
        GraphML(path=file).build()
