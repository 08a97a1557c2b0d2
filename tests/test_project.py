"""What the project's own files promise: one version, public names, typed and finished."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from importlib.metadata import packages_distributions, version
from pathlib import Path

import pytest
import yaml

import cluster_emu

TOP = Path(__file__).parents[1]
PACKAGE = TOP / "cluster_emu"
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
SOURCES = sorted(PACKAGE.rglob("*.py"))
PACKAGES = [
    ".".join(path.parent.relative_to(TOP).parts) for path in SOURCES if path.name == "__init__.py"
]

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((TOP / "CITATION.cff").read_text("utf-8"))
    installed = version(PROJECT["name"])

    assert PROJECT["version"] == installed
    assert citation["version"] == installed
    assert f"## [{installed}]" in (TOP / "CHANGELOG.md").read_text("utf-8")
    assert getattr(cluster_emu, "__version__", installed) == installed


def test_the_citation_names_us_and_the_reference_paper() -> None:
    citation = yaml.safe_load((TOP / "CITATION.cff").read_text("utf-8"))
    (paper,) = citation["references"]

    assert {"cff-version", "message", "title", "authors", "license"} <= set(citation)
    assert [author["family-names"] for author in paper["authors"]] == ["Jain", "Agrawal"]
    assert (paper["year"], paper["volume"], paper["issue"]) == (2016, 6, 6)
    assert (paper["start"], paper["end"]) == (51, 59)


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_exist_and_are_sorted(package: str) -> None:
    module = importlib.import_module(package)
    names = list(getattr(module, "__all__", []))

    assert [name for name in names if not hasattr(module, name)] == []
    assert names == sorted(set(names), key=constants_then_classes_then_the_rest)


def constants_then_classes_then_the_rest(name: str) -> tuple[int, str]:
    """Return the key of the order that the linter keeps in ``__all__``."""
    rank = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return rank, name


def test_what_the_package_imports_is_declared() -> None:
    """Guards against what only happens to be installed."""
    extras = PROJECT["optional-dependencies"]
    wanted = [
        *PROJECT["dependencies"],
        *(one for name in extras if name != "dev" for one in extras[name]),
    ]
    declared = {normal(re.split(r"[<>=~! \[]", one)[0]) for one in wanted}
    providers = packages_distributions()
    provided = {
        name: {normal(distribution) for distribution in providers.get(name, ["not installed"])}
        for name in third_party_imports()
    }
    assert {name: by for name, by in provided.items() if not by & declared} == {}


def third_party_imports() -> set[str]:
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCES]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    tops = {name.split(".")[0] for name in plain | froms}
    return tops - set(sys.stdlib_module_names) - {"cluster_emu"}


def normal(distribution: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_nothing_is_left_unfinished() -> None:
    left = [
        f"{path.relative_to(TOP)}, line {number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if UNFINISHED.search(line)
    ]
    assert not left, "\n".join(left)
