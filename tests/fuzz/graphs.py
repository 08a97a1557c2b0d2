"""GraphML documents from nested tables, what may be wrong with them, and files that are none."""

from __future__ import annotations

import bz2
import gzip
from random import Random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from tests.fuzz import hostile
from tests.fuzz.mutations import mutate_tree, short

NAMES = ("self", "node_for_adding", "u_of_edge", "v_of_edge", "attr", "kind", "rack", "id", "", "x")
TYPES = ("boolean", "int", "long", "float", "double", "string", "xyz", "", "integer")
NAMESPACE = "http://graphml.graphdrawing.org/xmlns"

BILLION_LAUGHS = (
    '<!DOCTYPE g [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    + "]>"
)
OUTSIDE_ENTITY = '<!DOCTYPE g [<!ENTITY out SYSTEM "file:///etc/passwd">]>'


def document(graph: dict[str, Any]) -> bytes:
    """Return the GraphML of nested tables; entries that do not fit are written as they can be."""
    declaration = graph.get("declaration", '<?xml version="1.0" encoding="UTF-8"?>')
    lines = [str(declaration), str(graph.get("doctype", "")), f'<graphml xmlns="{NAMESPACE}">']
    for key in _tables(graph.get("keys")):
        default = key.pop("default", None)
        inner = "" if default is None else f"<default>{_text(default)}</default>"
        lines.append(f"<key {_attributes(key)}>{inner}</key>")
    lines.append(f"<graph {_attributes(_table(graph.get('graph')))}>")
    for tag in ("node", "edge"):
        lines += [_element(tag, each) for each in _tables(graph.get(f"{tag}s"))]
    lines += [str(graph.get("more", "")), "</graph></graphml>"]
    return "\n".join(lines).encode("utf-8", "xmlcharrefreplace")


def _table(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _tables(value: Any) -> list[dict[str, Any]]:
    return [_table(each) for each in value] if isinstance(value, list) else []


def _element(tag: str, table: dict[str, Any]) -> str:
    data = _table(table.pop("data", None))
    inner = "".join(f"<data key={quoteattr(k)}>{_text(v)}</data>" for k, v in data.items())
    return f"<{tag} {_attributes(table)}>{inner}</{tag}>"


def _attributes(table: dict[str, Any]) -> str:
    return " ".join(f"{key}={quoteattr(str(value)[:5000])}" for key, value in table.items() if key)


def _text(value: Any) -> str:
    return value if str(value).startswith("&") else escape(short(value).strip("'"))


def mutate(random: Random, graph: dict[str, Any]) -> str:
    """Change one thing in a graph; return what, in words."""
    draw = random.random()
    if draw < 0.45:
        return mutate_tree(random, graph)
    if draw < 0.65:
        key = {
            "id": random.choice(("z", "k", "c", "")),
            "for": random.choice(("node", "edge", "all", "graph", "port", "")),
            "attr.name": random.choice(NAMES),
            "attr.type": random.choice(TYPES),
        }
        if random.random() < 0.6:
            key["default"] = random.choice(("true", "1", "x", "", str(hostile.text(random))))
        graph.setdefault("keys", [])
        if isinstance(graph["keys"], list):
            graph["keys"].append(key)
        nodes = graph.get("nodes")
        if isinstance(nodes, list) and nodes and isinstance(nodes[0], dict):
            nodes[0]["data"] = {**_table(nodes[0].get("data")), "z": hostile.text(random)}
        return f"a key {short(key)}"
    if draw < 0.75:
        graph["declaration"] = random.choice(
            (
                '<?xml version="1.0" encoding="xyz"?>',
                '<?xml version="1.0" encoding="UTF-16"?>',
                '<?xml version="1.0" encoding="latin-1"?>',
                '<?xml version="9"?>',
                "",
                "\n",
            )
        )
        return f"declaration {short(graph['declaration'])}"
    if draw < 0.82:
        graph["doctype"] = random.choice((BILLION_LAUGHS, OUTSIDE_ENTITY))
        entity = "&a9;" if graph["doctype"] is BILLION_LAUGHS else "&out;"
        graph["nodes"] = [{"id": "a", "data": {"k": "host", "l": entity}}]
        graph["edges"] = []
        return f"entity {entity}"
    if draw < 0.92:
        more = random.choice(
            (
                '<node id="h0"/>',
                "<node/>",
                '<edge source="h0" target="nowhere"/>',
                '<edge source="h0" target="h0"><data key="c">1e9</data></edge>',
                '<edge source="h0" target="h1" directed="true"><data key="c">1e9</data></edge>',
                '<edge id="e" source="h0" target="s"><data key="c">5e8</data></edge>',
                "<edge/>",
                '<hyperedge><endpoint node="h0"/></hyperedge>',
                '<node id="n"><graph edgedefault="directed"><node id="m"/></graph></node>',
                '<port name="p"/>',
                '<data key="c"/>',
                '<data key="nowhere">1</data>',
                "</graph><graph edgedefault='directed'>",
                "<a>" * 5000 + "</a>" * 5000,
            )
        )
        graph["more"] = more
        return f"and {short(more)}"
    graph["graph"] = {"edgedefault": random.choice(("directed", "", "x", "UNDIRECTED"))}
    return f"edgedefault {graph['graph']['edgedefault']!r}"


def special(random: Random) -> tuple[str, bytes | str | None]:
    """Return what stands in a graph's place that is no plain XML file, in words and as contents."""
    good = b'<?xml version="1.0"?><graphml/>'
    return random.choice(
        (
            ("a FIFO", "fifo"),
            ("a folder", None),
            ("a link to itself", "net.graphml"),
            ("a link to nowhere", "/nowhere/at/all"),
            ("a device without end", "/dev/zero"),
            ("a terminal", "/dev/tty"),
            ("a file of the kernel", "/proc/self/mem"),
            ("compressed with gzip", gzip.compress(good, mtime=0)),
            ("cut gzip", gzip.compress(good * 100, mtime=0)[:40]),
            ("gzip that unpacks to a gigabyte", _gigabyte()),
            ("compressed with bzip2", bz2.compress(good)),
            ("cut bzip2", bz2.compress(good * 100)[:30]),
            ("a wrong checksum of gzip", gzip.compress(good, mtime=0)[:-8] + b"\0" * 8),
            ("an unknown compression", b"\xfd7zXZ\x00" + b"\0" * 50),
            ("empty", b""),
            ("zeros", b"\0" * 1000),
        )
    )


def _gigabyte() -> bytes:
    """Return many small gzip members, each of which unpacks to a megabyte of blanks."""
    return gzip.compress(b" " * 2**20, mtime=0) * 1024
