"""The neutral form says what the trace said; samples of VMs are drawn as they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from cluster_emu.errors import TraceError
from cluster_emu.traces import Replay
from cluster_emu.traces.converting import write_neutral
from cluster_emu.traces.describing import VMReport, described, survey
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.formats.auto import AutoReader
from cluster_emu.traces.sampling import apportioned, drawn_vms
from tests._support.recorded import (
    AZURE_V2,
    MACHINES,
    TRACES,
    assert_same_series,
    made_up,
    read,
    write_opendc,
    write_opendc_v1,
)


@pytest.mark.parametrize("format", [*TRACES, "machines", "opendc", "opendc-v1"])
def test_the_neutral_form_is_read_back_as_it_was(tmp_path: Path, format: str) -> None:
    match format:
        case "opendc":
            places = write_opendc(tmp_path)
        case "opendc-v1":
            places = write_opendc_v1(tmp_path)
        case "machines":
            places = made_up(*MACHINES)
        case _:
            places = made_up(*TRACES[format])
    folder = tmp_path / "neutral"
    folder.mkdir()
    found = survey(trace_at(places))
    vms, samples = write_neutral(found, folder, Replay())
    before, was = read(places)
    after, now = read([folder])
    assert (vms, samples) == (len(before), sum(map(len, before.values())))
    assert before.keys() == after.keys()
    for vm, series in before.items():
        assert_same_series(series, after[vm])
        facts = {
            name: value for name, value in was.facts().get(vm, {}).items() if value is not None
        }
        assert now.facts().get(vm, {}) == pytest.approx(facts)
    original, copy = described(found), described(survey(trace_at([folder])))
    same = ("clock", "first_s", "last_s", "span_s", "samples", "gaps", "quantities", "interval_s")
    assert {name: getattr(original, name) for name in same} == {
        name: getattr(copy, name) for name in same
    }
    assert copy.format == "neutral"


def test_replaying_the_neutral_form_gives_the_same_demand(tmp_path: Path) -> None:
    places = made_up(*AZURE_V2)
    write_neutral(survey(trace_at(places)), tmp_path, Replay())
    reader = AutoReader()
    (tmp_path / "raw").mkdir()
    for place in places:
        (tmp_path / "raw" / place.name).write_bytes(place.read_bytes())
    one, other = reader.read(tmp_path / "raw"), reader.read(tmp_path)
    assert one.names == other.names
    assert np.array_equal(one.values, other.values)


def test_a_part_of_the_time_and_of_the_vms_is_written(tmp_path: Path) -> None:
    found = survey(trace_at(made_up(*AZURE_V2)))
    written = write_neutral(found, tmp_path, Replay(from_s=300, until_s=600), {"vm1", "vm3"})
    assert written == (2, 2)
    table = pq.read_table(tmp_path / "samples.parquet").to_pydict()
    assert table["vm"] == ["vm1", "vm3"]
    assert table["time_s"] == [300.0, 300.0]
    vms = pq.read_table(tmp_path / "vms.parquet").to_pylist()
    assert [row["first_sample_s"] for row in vms] == [300.0, 300.0]
    assert [row["samples_end_s"] for row in vms] == [600.0, 600.0]
    assert [row["start_s"] for row in vms] == [558300.0, 558300.0]
    with pytest.raises(TraceError, match="no samples to write"):
        write_neutral(found, tmp_path, Replay(from_s=9000))


def test_a_report_says_what_is_missing() -> None:
    report = described(survey(trace_at(made_up(*MACHINES))))
    assert (report.format, report.vms, report.samples, report.interval_s) == (
        "alibaba-2018",
        1,
        3,
        30,
    )
    assert (report.first_s, report.last_s, report.end_s, report.span_s) == (
        386640,
        386700,
        386730,
        90,
    )
    assert report.quantities["memory_bandwidth_share"].missing == 2
    assert report.quantities["cpu_share"].least == 0.41
    assert "memory_bytes" in report.absent
    assert report.facts["cpu_cores"] == 1
    assert report.counts == {"invalid values of disk_io_percent (-1 or 101), left out": 2}


def test_arrivals_and_departures(tmp_path: Path) -> None:
    report = described(survey(trace_at(write_opendc(tmp_path))))
    assert (report.lifetimes_stated, report.arrivals, report.departures) == (2, 1, 0)


def vms_of(*cpu: float) -> dict[str, VMReport]:
    return {
        f"vm{i}": VMReport(0.0, 300.0, 600.0 * (i + 1), 2, share, np.nan)
        for i, share in enumerate(cpu)
    }


def test_every_vm_is_drawn_equally_often() -> None:
    """Chance of a false alarm below 1e-6: 6 binomial counts of 3,000, five sigma each."""
    vms = vms_of(*np.linspace(0, 1, 6))
    rng = np.random.default_rng(5)
    counts = {name: 0 for name in vms}
    for _ in range(3000):
        drawn = drawn_vms(vms, 2, rng)
        assert drawn == sorted(set(drawn))
        for name in drawn:
            counts[name] += 1
    sigma = np.sqrt(3000 * (1 / 3) * (2 / 3))
    assert all(abs(count - 1000) < 5 * sigma for count in counts.values())


def test_a_stratified_sample_takes_its_share_of_every_stratum() -> None:
    rng = np.random.default_rng(0)
    vms = vms_of(*rng.permutation(np.linspace(0, 1, 40)))
    for _ in range(20):
        drawn = drawn_vms(vms, 8, rng, by="cpu", strata=4)
        strata = np.rint(np.sort([vms[name].cpu_share for name in drawn]) * 39) // 10
        assert strata.astype(int).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_the_same_seed_draws_the_same_vms_in_any_order_of_the_trace() -> None:
    vms = vms_of(0.1, 0.2, 0.3, 0.4, 0.5)
    reverse = dict(reversed(vms.items()))
    draws = [drawn_vms(each, 3, np.random.default_rng(4), "lifetime", 2) for each in (vms, reverse)]
    assert draws[0] == draws[1]


def test_largest_remainders() -> None:
    assert apportioned(7, np.array([10, 10, 10])).tolist() == [3, 2, 2]
    assert apportioned(30, np.array([10, 10, 10])).tolist() == [10, 10, 10]
    assert apportioned(1, np.array([11, 10, 10])).tolist() == [1, 0, 0]
