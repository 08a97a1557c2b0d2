"""docs/scenarios.md says what the models of a scenario allow, and its examples are allowed."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from tests._support.small_scenarios import scenario

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "scenarios.md").read_text("utf-8")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "scenario_reference", ROOT / "tools" / "scenario_reference.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_models_say(tool: ModuleType) -> None:
    assert tool.reference() == TEXT, "run: python tools/scenario_reference.py"


def test_every_section_of_a_scenario_is_in_it(tool: ModuleType) -> None:
    models = {model for _, model in tool.SECTIONS}
    top = scenario(background=[{"source": 0, "target": 1}], faults=["host-crash:host=1,at_s=1"])
    for name in type(top).model_fields:
        value = getattr(top, name)
        parts = value if isinstance(value, tuple) else (value,)
        own = [type(part) for part in parts if type(part).__module__.startswith("cluster_emu.scen")]
        assert {kind for kind in own if kind.__name__ != "Choice"} <= models


def test_its_examples_are_allowed() -> None:
    examples = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    assert examples
    for example in examples:
        assert scenario(**tomllib.loads(example))
