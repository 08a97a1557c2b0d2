"""Completion times measured with an independent simulator; the files' `meta` says how."""

import json
from pathlib import Path

import numpy as np
import pytest

from cluster_emu.network import completion_times

DATA = Path(__file__).parents[1] / "data"
CASES = [
    case
    for name in ("sharing_cases.json", "sharing_cases_starts_caps.json")
    for case in json.loads((DATA / name).read_text())["cases"]
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['id']}-{case['topo']}")
def test_completion_times_equal_the_measured_ones(case):
    times = completion_times(
        case["caps"],
        case["flows"],
        case["sizes"],
        starts=case.get("starts"),
        caps=case.get("rates"),
    )
    np.testing.assert_allclose(times, case["t"], rtol=1e-9)
