"""A network read from a GraphML file."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar
from xml.etree import ElementTree
from xml.etree.ElementTree import ParseError

import networkx as nx
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.network.topologies.contract import Latency, topologies
from cluster_emu.network.topologies.from_networkx import as_topology


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
        document = ElementTree.fromstring(self._document())
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
            content = self._document()
            graph: nx.Graph[Any] = nx.read_graphml(BytesIO(content))
            _add_defaults(graph, ElementTree.fromstring(content))
        except (ParseError, nx.NetworkXError, ValueError, KeyError) as error:
            raise ScenarioError(
                "graphml", str(error), "a GraphML document", file=self.path
            ) from error
        return graph

    def _document(self) -> bytes:
        if self.path is None:
            return str(self.content).encode()
        try:
            return self.path.read_bytes()
        except OSError as error:
            allowed = f"a file that can be read ({error.strerror})"
            raise ScenarioError("path", str(self.path), allowed) from error


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
