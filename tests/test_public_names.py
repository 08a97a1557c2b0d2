"""The package's public names: all can be imported, and importing the package stays cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import cluster_emu
from cluster_emu.plugins import families

PACKAGES = (
    "strategies",
    "encoding",
    "transfer.stop_rules",
    "managers",
    "scheduling.orders",
    "network",
    "consolidation",
    "workload",
    "faults",
    "inventory",
    "lifecycle",
    "results",
    "scenario",
    "signals",
    "study",
    "validation",
    "view",
)
"""Packages whose `__all__` is public, too."""


@pytest.mark.parametrize("name", cluster_emu.__all__)
def test_every_public_name_can_be_imported(name: str) -> None:
    found = getattr(cluster_emu, name)

    assert found is getattr(import_module(cluster_emu._MODULE_OF[name]), name)
    assert name in dir(cluster_emu)


def test_the_names_are_sorted_and_those_that_can_be_fetched() -> None:
    assert cluster_emu.__all__ == sorted(cluster_emu.__all__)
    assert len(set(cluster_emu.__all__)) == len(cluster_emu.__all__)
    assert sorted(cluster_emu._MODULE_OF) == sorted(cluster_emu.__all__)


def test_no_public_name_is_that_of_a_module() -> None:
    """An import of the module would replace the public name."""
    folder = Path(str(cluster_emu.__file__)).parent
    modules = {path.stem for path in folder.iterdir()}

    assert not modules & set(cluster_emu.__all__)


def test_type_checkers_see_each_name_in_the_module_it_comes_from() -> None:
    tree = ast.parse(Path(str(cluster_emu.__file__)).read_text("utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert seen == cluster_emu._MODULE_OF


def test_everything_else_is_private() -> None:
    others = {
        name
        for name, value in vars(cluster_emu).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    }

    assert others <= set(cluster_emu.__all__)


def test_a_star_import_gives_exactly_these_names() -> None:
    found: dict[str, object] = {}
    exec("from cluster_emu import *", found)

    assert set(found) - {"__builtins__"} == set(cluster_emu.__all__)


def test_the_registry_of_every_family_is_public() -> None:
    public = [getattr(cluster_emu, name) for name in cluster_emu.__all__]
    packages = [import_module(f"cluster_emu.{name}") for name in PACKAGES]
    public += [getattr(package, name) for package in packages for name in package.__all__]

    for kind, registry in families().items():
        assert any(registry is each for each in public), kind


@pytest.mark.parametrize("name", PACKAGES)
def test_the_names_of_a_public_package_can_be_imported(name: str) -> None:
    package = import_module(f"cluster_emu.{name}")

    assert f"`.{name}`" in str(cluster_emu.__doc__) or f"`cluster_emu.{name}`" in str(
        cluster_emu.__doc__
    )
    assert len(set(package.__all__)) == len(package.__all__)
    for public in package.__all__:
        assert hasattr(package, public)


def test_other_names_are_missing_as_in_any_module() -> None:
    with pytest.raises(AttributeError, match="'Clutser'"):
        cluster_emu.Clutser  # noqa: B018


def test_importing_it_does_not_import_mesa() -> None:
    code = "import sys, cluster_emu; sys.exit(bool({'mesa', 'pandas', 'numpy'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
