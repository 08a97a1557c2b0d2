"""The results that README.md quotes are what the package computes."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
NAMES = re.findall(r"<!-- results: ([\w-]+) -->", (ROOT / "README.md").read_text("utf-8"))


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "readme_tables.py"
    spec = importlib.util.spec_from_file_location("readme_tables", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_block_of_results_has_what_makes_it(tool: ModuleType) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert list(tool.blocks(text)) == list(tool.BLOCKS)
    assert text.count("<!-- results:") == text.count("<!-- end of results -->") == len(tool.BLOCKS)


def test_every_table_of_results_says_how_many_seeds_it_is_from(tool: ModuleType) -> None:
    for name, content in tool.blocks((ROOT / "README.md").read_text("utf-8")).items():
        assert any(word in content for word in ("seeds", "replications", "times")), name


def test_a_block_is_replaced_and_keeps_its_indentation(tool: ModuleType) -> None:
    text = "a\n  <!-- results: x -->\n  old\n  <!-- end of results -->\nb\n"
    new = tool.with_block(text, "x", "one\n\ntwo\n")
    assert new == "a\n  <!-- results: x -->\n  one\n\n  two\n  <!-- end of results -->\nb\n"
    assert tool.blocks(new) == {"x": "one\n\ntwo\n"}
    assert tool.with_block(text, "y", "one\n") == text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_the_package(
    tool: ModuleType, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "FIGURE", tmp_path / "comparison.png")
    written = tool.blocks((ROOT / "README.md").read_text("utf-8"))[name]
    assert tool.BLOCKS[name]() == written, f"run: python tools/readme_tables.py {name}"
