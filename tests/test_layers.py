"""Imports point downwards only: each subpackage may use its own layer and those below."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import networkx as nx
import pytest

PACKAGE = "cluster_emu"
ROOT = Path(__file__).parents[1] / PACKAGE

# From the ground up; a part may import from its own layer and from any layer before it.
LAYERS = (
    {
        "_jit",
        "command_line",
        "errors",
        "field_errors",
        "file_names",
        "html_card",
        "json_input",
        "lazy_imports",
        "input_files",
        "json_output",
        "numerals",
        "numeric_fields",
        "optional_fields",
        "orphans",
        "part_parameters",
        "part_text",
        "plausibility",
        "plugin_loading",
        "plugins",
        "rng",
        "scenario",
        "signals",
        "shown_text",
        "snapshot",
        "units",
        "wording",
    },
    {"cluster", "encoding", "network", "strategies", "traces", "workload"},
    {"memory", "results"},
    {"transfer"},
    {"consolidation", "metrics"},
    {"managers", "scheduling"},
    {"agents", "faults", "lifecycle", "maintenance", "mesa_releases"},
    {"building", "clock", "inventory"},
    {"model"},
    {"observation"},
    {"calibration", "file_schemas", "study", "validation"},
    {"view"},
    {"html_report", "live"},
    {"__init__", "__main__", "cli"},
)
LAYER_OF = {part: number for number, parts in enumerate(LAYERS) for part in parts}


@dataclass(frozen=True)
class Import:
    """One import of something in the package; the target of a relative one begins with a dot."""

    importer: str
    target: str
    line: int

    @property
    def relative(self) -> bool:
        return self.target.startswith(".")

    @property
    def upward(self) -> bool:
        if self.relative or {part_of(self.importer), part_of(self.target)} - set(LAYER_OF):
            return False  # other tests complain of these
        return LAYER_OF[part_of(self.target)] > LAYER_OF[part_of(self.importer)]

    def __str__(self) -> str:
        return f"{self.importer}, line {self.line}: imports {self.target}"


def part_of(module: str) -> str:
    """Return the part of the package that a module belongs to: ``cluster_emu.PART.anything``."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def modules_below(root: Path) -> dict[str, Path]:
    return {module_name(path, root): path for path in sorted(root.rglob("*.py"))}


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def read_imports(root: Path) -> list[Import]:
    modules = modules_below(root)
    return [
        found
        for module, path in modules.items()
        for found in imports_of(module, ast.parse(path.read_text("utf-8")), set(modules))
    ]


def imports_of(module: str, tree: ast.AST, modules: set[str]) -> list[Import]:
    """Return every import of the package, those in functions and under TYPE_CHECKING too."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            targets = [origin(node, alias.name, modules) for alias in node.names]
        else:
            continue
        found += [Import(module, target, node.lineno) for target in targets if is_ours(target)]
    return found


def origin(node: ast.ImportFrom, name: str, modules: set[str]) -> str:
    """Return the module that ``from node.module import name`` takes `name` from."""
    package = "." * node.level + (node.module or "")
    submodule = f"{package}.{name}"
    return submodule if submodule in modules else package


def is_ours(target: str) -> bool:
    return target.startswith(".") or target.split(".")[0] == PACKAGE


def import_graph(imports: list[Import]) -> nx.DiGraph[str]:
    """Draw an edge from each module to every module that runs because it is imported.

    Importing a module runs the packages around it first. Those shared with the importer are left
    out: they are running already.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    for found in imports:
        if found.relative:
            continue
        running = {found.importer, *packages_around(found.importer)}
        around = set(packages_around(found.target)) - running
        graph.add_edges_from((found.importer, name) for name in {found.target} | around)
    return graph


def packages_around(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


def cycle(graph: nx.DiGraph[str]) -> str:
    """Return one cycle in words, or nothing where there is none."""
    try:
        edges = nx.find_cycle(graph)
    except nx.NetworkXNoCycle:
        return ""
    return " -> ".join([edges[0][0], *(edge[1] for edge in edges)])


IMPORTS = read_imports(ROOT)


def test_the_package_was_read() -> None:
    assert any(found.target == "cluster_emu.errors" for found in IMPORTS)


def test_every_part_has_its_layer() -> None:
    homeless = {part_of(module) for module in modules_below(ROOT)} - set(LAYER_OF)
    assert not homeless, f"give {sorted(homeless)} a place in LAYERS"


def test_imports_point_downwards() -> None:
    wrong = [str(found) for found in IMPORTS if found.upward]
    assert not wrong, "\n".join(wrong)


def test_imports_make_no_cycle() -> None:
    assert cycle(import_graph(IMPORTS)) == ""


def test_imports_are_absolute() -> None:
    wrong = [str(found) for found in IMPORTS if found.relative]
    assert not wrong, "\n".join(wrong)


BROKEN_FILES = {
    "__init__.py": "",
    "errors.py": "from . import units\n",
    "units.py": "def f():\n    import cluster_emu.model\n",
    "model.py": "from cluster_emu.memory import pages\n",
    "memory/__init__.py": "from cluster_emu.memory.pages import x\n",
    "memory/pages.py": "if TYPE_CHECKING:\n    from cluster_emu.memory import x\n",
}


@pytest.fixture
def broken_package(tmp_path: Path) -> Path:
    """Return a package that breaks each rule once."""
    root = tmp_path / PACKAGE
    (root / "memory").mkdir(parents=True)
    for name, text in BROKEN_FILES.items():
        (root / name).write_text(text, "utf-8")
    return root


def test_the_rules_bite(broken_package: Path) -> None:
    imports = read_imports(broken_package)

    assert [str(found) for found in imports if found.upward] == [
        "cluster_emu.units, line 2: imports cluster_emu.model"
    ]
    assert [str(found) for found in imports if found.relative] == [
        "cluster_emu.errors, line 1: imports ."
    ]
    assert cycle(import_graph(imports)) in {
        "cluster_emu.memory -> cluster_emu.memory.pages -> cluster_emu.memory",
        "cluster_emu.memory.pages -> cluster_emu.memory -> cluster_emu.memory.pages",
    }
