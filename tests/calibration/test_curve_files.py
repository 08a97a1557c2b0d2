"""Files of dirty curves: units, order, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cluster_emu.calibration import read_curve
from cluster_emu.errors import ScenarioError

VECTOR = Path(__file__).parents[1] / "data" / "qemu_dirty_vector.json"
GOOD: dict[str, Any] = {
    "page-size": 4096,
    "n-total-pages": 1000,
    "periods": [1000, 250],
    "n-dirty-pages": [200, 50],
}


def test_the_made_up_vector_of_qemu() -> None:
    """Milliseconds, and dirty pages of a sample of 4,096 of 2,097,152 pages."""
    curve = read_curve(VECTOR)
    assert (curve.page_bytes, curve.total_pages, curve.sampled_pages) == (4096, 2_097_152, 4096)
    assert curve.zero_pages == 300
    assert curve.periods_s.tolist() == [0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0]
    assert curve.dirty_share[0] == 40 / 4096
    assert curve.dirty_pages[-1] == 200 * 512
    share = 40 / 4096
    assert curve.counting_variance[0] == pytest.approx(share * (1 - share) / 4096)


def test_readings_are_put_in_order(tmp_path: Path) -> None:
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({**GOOD, "dirty-resolution-pages": [10, 5]}))
    curve = read_curve(path)
    assert curve.periods_s.tolist() == [0.25, 1.0]
    assert curve.dirty_pages.tolist() == [50.0, 200.0]
    assert np.allclose(curve.resolution_share, [0.005, 0.01])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"page-size": 0}, "page-size = 0"),
        ({"n-total-pages": None}, "n-total-pages"),
        ({"n-total-pages": True}, "n-total-pages"),
        ({"n-sampled-pages": 1001}, "n-sampled-pages = 1001"),
        ({"n-zero-pages": -1}, "n-zero-pages = -1"),
        ({"periods": []}, "periods"),
        ({"periods": [1000, 0]}, "periods.1 = 0"),
        ({"periods": [1000, "x"]}, "periods.1 = 'x'"),
        ({"n-dirty-pages": [200]}, "one for each of the periods"),
        ({"n-dirty-pages": [200, 1001]}, "n-dirty-pages.1 = 1001"),
        ({"n-dirty-pages": [200, float("nan")]}, "n-dirty-pages.1 = nan"),
        ({"dirty-resolution-pages": [1]}, "dirty-resolution-pages"),
        ({"status": "measuring"}, "status = 'measuring'"),
    ],
)
def test_what_is_not_allowed_is_named(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(ScenarioError) as refused:
        read_curve(path)
    assert said in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1, "a": 2}', "{" * 50, "\x00"])
def test_what_is_no_document_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "curve.json"
    path.write_text(content)
    with pytest.raises(ScenarioError):
        read_curve(path)
    with pytest.raises(ScenarioError):
        read_curve(tmp_path / "missing.json")
