"""Every study in docs/studies.md is a study, of as many cells or settings as it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cluster_emu.study.grid.grid import load_grid

DOCUMENT = Path(__file__).parents[3] / "docs" / "studies.md"
TEXT = DOCUMENT.read_text("utf-8")
STUDIES = re.findall(r"^```toml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
HEAD = 'name = "s"\nscenario = "single"\nstrategies = ["time-series"]\nreplications = 1\n'


@pytest.mark.parametrize("text", STUDIES)
def test_the_studies_are_what_they_say(text: str, tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text(text if text.startswith("name") else HEAD + text, "utf-8")
    count = re.search(r"^# (\d+) (cells|settings)$", text, re.MULTILINE)
    assert count is not None, text
    assert len(load_grid(file)) == int(count[1])


def test_every_kind_has_its_example() -> None:
    words = [
        "range =",
        "logrange =",
        "[[zip]]",
        "[variants",
        "policies =",
        "[[leave_out]]",
        "low =",
    ]
    for word in words:
        assert any(word in text for text in STUDIES), word


def test_the_python_in_it_makes_a_grid() -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    names: dict[str, object] = {}
    exec(code.partition("batch = ")[0], names)
    assert len(names["found"]) == 30  # type: ignore[arg-type]
