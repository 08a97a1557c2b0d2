"""A network read from a GraphML file."""

from __future__ import annotations

import inspect
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree
from xml.etree.ElementTree import ParseError
from xml.parsers.expat import ExpatError, ParserCreate

import networkx as nx
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import MOST_DEPTH, MOST_GRAPH_BYTES, read_input
from cluster_emu.network.topologies.contract import Latency, topologies
from cluster_emu.network.topologies.from_networkx import as_topology
from cluster_emu.numerals import decimal

_TAKEN = {
    name
    for method in (nx.DiGraph.add_node, nx.DiGraph.add_edge, nx.MultiDiGraph.add_edge)
    for name, parameter in inspect.signature(method).parameters.items()
    if parameter.kind is not parameter.VAR_KEYWORD
}
"""Names that the reader of networkx, which passes attributes as arguments, cannot take."""
_NUMERIC = ("int", "long", "integer", "float", "double", "real")
_SPECIAL = ("nan", "inf", "-inf", "+inf")


@topologies.register("graphml")
@dataclass(frozen=True, kw_only=True)
class GraphML:
    """Any GraphML file whose nodes have `kind` (host or switch) and whose edges `capacity_bps`.

    `rack` and `label` of a node and `latency_s` of an edge are optional; see `as_topology`. The
    ``<default>`` of a key holds for every node and edge that gives no value of its own.

    Args:
        path: the file; unset where its content is given.
        content: the GraphML document itself in place of a file, as saved runs have it.
        latency_s: one-way latency of the links for which the file gives none.
    """

    name: ClassVar[str] = "graphml"
    summary: ClassVar[str] = "any graph from a GraphML file"
    source: ClassVar[str] = "GraphML specification 1.0"

    path: Path | None = None
    content: str | None = None
    latency_s: Latency = 0.0

    def __post_init__(self) -> None:
        if (self.path is None) == (self.content is None):
            raise ScenarioError("path", self.path, "a file, unless content is given instead")

    def without_file(self) -> dict[str, Any]:
        """Return parameters that give the same network, with the content in place of the file.

        Raises:
            ScenarioError: if the file cannot be read.
        """
        document = _checked_document(self._content())
        return {
            "content": ElementTree.tostring(document, encoding="unicode"),
            "latency_s": self.latency_s,
        }

    def build(self) -> nx.Graph[int]:
        """Return the graph of the file.

        Raises:
            ScenarioError: if the file cannot be read or describes no usable network; the message
                names the file and the node or edge.
        """
        return as_topology(self._read(), latency_s=self.latency_s, file=self.path)

    def _read(self) -> nx.Graph[Any]:
        try:
            content = self._content()
            document = _checked_document(content)
            graph: nx.Graph[Any] = nx.read_graphml(BytesIO(content))
            _add_defaults(graph, document)
        except ScenarioError as error:
            raise error if self.path is None else error.at(file=self.path) from error
        # LookupError: an encoding that Python does not have, or a reference to nothing
        except (ExpatError, ParseError, nx.NetworkXError, ValueError, LookupError) as error:
            raise ScenarioError(
                "graphml", str(error), "a GraphML document", file=self.path
            ) from error
        return graph

    def _content(self) -> bytes:
        if self.path is None:
            return str(self.content).encode()
        try:
            return read_input(self.path, MOST_GRAPH_BYTES)
        except OSError as error:
            allowed = f"a file that can be read ({error.strerror})"
            raise ScenarioError("path", str(self.path), allowed) from error


def _checked_document(content: bytes) -> ElementTree.Element:
    """Return the elements of a document that is safe to read.

    Raises:
        ScenarioError: if it has a document type, is nested too deep, or has names or numbers that
            cannot be read.
        ExpatError, ParseError, LookupError: if it is no XML.
    """
    _check_plain(content)
    document = ElementTree.fromstring(content)
    _check_keys(document)
    return document


def _check_plain(content: bytes) -> None:
    """Refuse a document type, whose entities may expand without end, and deep elements."""
    parser = ParserCreate()
    depth = 0

    def refuse(name: str, *declaration: object) -> None:
        raise ScenarioError("graphml", f"<!DOCTYPE {name}>", "a document without a document type")

    def begin(name: str, attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth > MOST_DEPTH:
            allowed = f"at most {MOST_DEPTH} elements within each other"
            raise ScenarioError("graphml", f"<{name}>", allowed)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = begin
    parser.EndElementHandler = end
    parser.Parse(content, True)


def _check_keys(document: ElementTree.Element) -> None:
    """Refuse names of attributes that networkx cannot take, and numbers that are none."""
    numeric = {}
    for key in document.iterfind("{*}key"):
        name = key.get("attr.name")
        if name in _TAKEN:
            allowed = f"an attribute of another name than {', '.join(sorted(_TAKEN))}"
            raise ScenarioError("key.attr.name", name, allowed)
        default = key.find("{*}default")
        if default is not None and not default.text and key.get("attr.type") != "string":
            raise ScenarioError(f"key.{name}.default", "", "a value of the attribute's type")
        if key.get("attr.type") in _NUMERIC:
            numeric[key.get("id")] = name
    for data in document.iter("{*}data"):
        text = (data.text or "").strip()
        if data.get("key") in numeric and decimal(text) is None and text.lower() not in _SPECIAL:
            raise ScenarioError(f"data.{numeric[data.get('key')]}", text, "a number")


def _add_defaults(graph: nx.Graph[Any], document: ElementTree.Element) -> None:
    """Add the defaults that networkx passes over: of keys for the graph, and of keys for all."""
    for key in document.iterfind("{*}key"):
        name, default, scope = key.get("attr.name"), key.find("{*}default"), key.get("for", "all")
        if name is None or default is None or scope not in ("all", "graph"):
            continue
        text = (default.text or "").strip()
        value = text.lower() in ("true", "1") if key.get("attr.type") == "boolean" else text
        graph.graph.setdefault(name, value)
        if scope == "all":
            graph.graph["node_default"].setdefault(name, value)
            graph.graph["edge_default"].setdefault(name, value)
