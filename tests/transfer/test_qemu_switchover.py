"""When QEMU switches over: pages x page size against wire bandwidth x limit, after 100 ms."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from cluster_emu.model import ClusterModel
from tests._support.small_scenarios import PAGE, WIRE, scenario

MIB = 2**20
GBPS_10 = 10e9
PAGES_PER_S = GBPS_10 / 8 / WIRE


def migrated(pages: int, profile: Any = "idle", seed: int = 1, **more: Any) -> pd.Series[Any]:
    """Return the record of one VM that migrates by QEMU's method over 10 Gbit/s."""
    more = {"link_bps": GBPS_10, "stop": "qemu", "strategy": "qemu"} | more
    given = scenario(pages=pages, profile=profile, run={"track_versions": False}, **more)
    return ClusterModel(given, rng=seed).run().migrations.iloc[0]


IDLE = {"name": "uniform", "writes_per_page_s": 0.0}


@pytest.mark.parametrize("fidelity", ["pages", "lumped", "mean-field", "scalar"])
def test_a_vm_that_fits_the_limit_is_sent_live_for_100_ms(fidelity: str) -> None:
    """256 MiB take 215 ms; what the first 100 ms did not send is sent in the 115 ms that follow."""
    pages = 256 * MIB // PAGE
    whole_s = pages / PAGES_PER_S
    given = scenario(
        pages=pages,
        profile=IDLE,
        link_bps=GBPS_10,
        stop="qemu",
        strategy="qemu",
        run={"track_versions": False, "fidelity": fidelity},
    )
    record = ClusterModel(given, rng=1).run().migrations.iloc[0]
    assert record["pause_s"] == pytest.approx(0.1, abs=4e-6)
    assert record["downtime_s"] == pytest.approx(whole_s - 0.1, abs=8e-6)
    assert record["why"] == "fits 0.3 s of downtime"


def test_a_small_vm_has_one_live_pass() -> None:
    """64 MiB take 54 ms, less than the 100 ms in which QEMU knows no bandwidth."""
    pages = 64 * MIB // PAGE
    record = migrated(pages, IDLE)
    assert (record["rounds"], record["pages_sent_precopy"]) == (1, pages)
    assert record["pause_s"] == pytest.approx(pages / PAGES_PER_S)
    assert record["downtime_s"] == 0.0
    assert record["why"] == "nothing left"


def test_a_small_vm_that_writes_has_live_rounds_until_100_ms() -> None:
    """328 hot pages, 1.1 ms of sending, are always dirty: after 100 ms they fit the limit."""
    pages = 64 * MIB // PAGE
    hot = {"share": 0.02, "writes_per_page_s": 1e5}
    cold = {"share": 0.98, "writes_per_page_s": 0.0}
    record = migrated(pages, {"name": "inline", "classes": [hot, cold]})
    assert record["pages_sent_precopy"] > pages
    assert record["pause_s"] == pytest.approx(0.1, abs=2 / PAGES_PER_S)
    assert record["downtime_s"] == pytest.approx(328 / PAGES_PER_S, abs=2 / PAGES_PER_S)


def test_the_100_ms_do_not_count_the_waits_for_turns() -> None:
    """The clock of the rule stands still while a migration waits for its turn."""
    pages = 256 * MIB // PAGE
    vm = {
        "count": 2,
        "cpu_capacity": 1,
        "memory_bytes": pages * PAGE,
        "profile": IDLE,
        "host": 0,
    }
    record = migrated(
        pages,
        vms=[vm],
        migrations=[{"vm": 0, "target": 1}, {"vm": 1, "target": 1}],
        manager={"interleave": True},
    )
    live_s = record["pause_s"] - record["start_s"] - record["waited_s"]
    assert live_s == pytest.approx(0.1, abs=8e-6)


def test_compression_does_not_make_a_vm_converge_that_never_does() -> None:
    """40,000 pages, each written again at once: 164 MB of memory never fit 125 MB/s x 0.3 s.

    Compressed 8 times they take 20 MB on the wire, which would fit.
    """
    record = migrated(
        40_000,
        {"name": "uniform", "writes_per_page_s": 100.0},
        link_bps=1e9,
        stop="qemu:deadline_s=20",
        transfer={"encoders": ["compression:ratio=0.125,cpu_bytes_per_s=1e12"]},
    )
    assert record["outcome"] == "not converged"
    assert record["why"] == "deadline of 20 s"


def test_zero_pages_count_in_full() -> None:
    """2,097,152 pages, 96 % of them zero: a live pass until 91,552 pages wait, 1/23 of the bytes.

    Zero pages are drawn: 4 % of the 91,552 pages are sent whole, 12.0 ms, and 9 bytes of each of
    the others, 0.6 ms. One draw has a standard deviation of 0.2 ms.
    """
    record = migrated(
        8 * 2**30 // PAGE,
        IDLE,
        transfer={"encoders": ["zero-page:share=0.96"]},
    )
    assert record["downtime_s"] == pytest.approx(0.0127, abs=0.0008)
    assert record["pause_s"] == pytest.approx(0.277, abs=0.004)
