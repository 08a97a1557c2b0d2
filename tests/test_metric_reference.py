"""docs/metrics.md is what the catalogue says."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from cluster_emu.metrics.catalogue import metric_catalogue

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "metrics.md").read_text("utf-8")


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    path = ROOT / "tools" / "metric_reference.py"
    spec = importlib.util.spec_from_file_location("metric_reference", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_what_the_catalogue_says(tool: ModuleType) -> None:
    assert tool.reference() == TEXT, "run: python tools/metric_reference.py"


def test_every_metric_is_in_it_once() -> None:
    for metric in metric_catalogue:
        assert TEXT.count(f"| `{metric.name}` | ") == 1, metric.name


def test_the_example_of_a_metric_works() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", example], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0
