"""The names, files and links in the documents exist."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from cluster_emu.plugins import families

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
FOLDERS = (ROOT, ROOT / "cluster_emu")
"""Where a path in a document may begin."""
ELSEWHERE = {"docs/devel/migration/", "parts/", "mine.toml", "mine.overrides.toml"}
"""Paths in QEMU's sources, in the folder of a batch, and where a reader imports."""


def prose(document: str) -> str:
    """Return a document without code blocks and without the files that a reader creates."""
    text = (ROOT / document).read_text("utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^File inside the package:.*$", "", text, flags=re.MULTILINE)


def exists(dotted: str) -> bool:
    """Return whether a dotted name is a module, an attribute or a group of entry points."""
    if dotted in {family.group for family in families().values()}:
        return True
    path, *names = dotted.split(".")
    found: object = import_module(path)
    for name in names:
        path = f"{path}.{name}"
        try:
            found = import_module(path)
        except ModuleNotFoundError:
            if not hasattr(found, name):
                return False
            found = getattr(found, name)
    return True


def test_the_readme_names_files_that_exist() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
    assert len(links) > 5
    assert not missing


@pytest.mark.parametrize("document", DOCUMENTS)
def test_dotted_names_exist(document: str) -> None:
    names = set(re.findall(r"\bcluster_emu(?:\.\w+)+", prose(document)))
    assert not {name for name in names if not exists(name)}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_and_folders_exist(document: str) -> None:
    paths = set(re.findall(r"`([\w./-]+(?:/|\.py|\.toml|\.md))`", prose(document))) - ELSEWHERE
    assert not {path for path in paths if not any((each / path).exists() for each in FOLDERS)}


def test_a_missing_name_is_found() -> None:
    assert exists("cluster_emu.compare")
    assert exists("cluster_emu.strategies")
    assert not exists("cluster_emu.strategies.no_such_name")
