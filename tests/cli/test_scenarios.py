"""`scenarios`: the built-in scenarios."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

Emu = Callable[..., Any]


def test_scenarios_are_listed_and_shown(emu: Emu) -> None:
    listed = json.loads(emu("scenarios", "--json").stdout)

    assert [one["name"] for one in listed] == [
        "cloudsim-planetlab",
        "cluster",
        "evacuation",
        "evacuation-large",
        "paper",
        "single",
    ]
    assert listed[1] | {"hosts": 32, "vms": 160} == listed[1]
    assert tomllib.loads(emu("scenarios", "paper").stdout)["name"] == "paper"
    assert json.loads(emu("scenarios", "paper", "--json").stdout)["vms"][0]["page_count"] == 10
    assert emu("scenarios", "papers").exit_code == 2


def test_what_is_shown_can_be_written(emu: Emu, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    emu("scenarios", "paper", "--out", out)

    assert json.loads((out / "paper.json").read_text("utf-8"))["name"] == "paper"
