"""Every format against what its made-up files say: counts, first and last values, units."""

from __future__ import annotations

import gzip
import json
import random
import tarfile
from pathlib import Path

import numpy as np
import pytest

from cluster_emu.errors import TraceError
from cluster_emu.traces.detection import traces_at
from cluster_emu.traces.replay import demand_traces
from tests._support.recorded import (
    AZURE_V1,
    AZURE_V2,
    CONTAINERS,
    MACHINES,
    TRACES,
    made_up,
    read,
    write_opendc,
    write_opendc_20,
    write_opendc_v1,
)

GIB = 2**30


@pytest.mark.parametrize("format", TRACES)
def test_the_format_is_found_from_the_content(format: str) -> None:
    (found,) = traces_at(made_up(*TRACES[format]))
    assert found.format.name == format
    assert found.by_content


def test_planetlab() -> None:
    vms, _ = read(made_up("planetlab_vm"))
    series = vms["planetlab_vm"]
    random_numbers = random.Random(7)
    wanted = [random_numbers.randint(0, 100) / 100 for _ in range(288)]
    assert series.quantities["cpu_share"].tolist() == wanted
    assert series.times_s.tolist() == [300.0 * number for number in range(288)]


def test_bitbrains() -> None:
    """Seconds in spite of [ms]; MHz and %; KB of 1,024 bytes; capacity of all cores."""
    vms, recording = read(made_up("bitbrains_1.csv"))
    series = vms["bitbrains_1"]
    assert series.times_s.tolist() == [1376314846 + 300 * i for i in range(6)]
    assert series.quantities["cpu_mhz"].tolist() == [52.0 * i for i in range(6)]
    assert series.quantities["cpu_share"].tolist() == [i / 100 for i in range(6)]
    assert series.quantities["memory_bytes"].tolist() == [(1048576 + i) * 1024 for i in range(6)]
    assert series.quantities["memory_share"][0] == 0.25
    assert set(series.quantities["disk_read_bytes_per_s"]) == {0.0}
    assert set(series.quantities["disk_write_bytes_per_s"]) == {1536.0}
    assert series.quantities["network_received_bytes_per_s"] == pytest.approx([204.8] * 6)
    assert series.quantities["network_sent_bytes_per_s"] == pytest.approx([102.4] * 6)
    assert recording.facts() == {
        "bitbrains_1": {
            "cpu_cores": 2.0,
            "cpu_capacity_mhz": 5200.0,
            "memory_capacity_bytes": 4.0 * GIB,
        }
    }


HEADER = made_up("bitbrains_1.csv")[0].read_text().splitlines()[0]


def bitbrains(path: Path, *rows: tuple[float, ...]) -> Path:
    lines = [";\t".join(map(repr, row)) for row in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_bitbrains_in_true_milliseconds_and_without_a_capacity(tmp_path: Path) -> None:
    rest = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    path = bitbrains(
        tmp_path / "9.csv",
        (1376314846000, 0, 0.0, 0.0, 0.0, *rest),
        (1376315146000, 1, 2600.0, 2756.0, 106.0, *rest),
    )
    vms, recording = read([path])
    assert vms["9"].times_s.tolist() == [1376314846, 1376315146]
    assert vms["9"].quantities["cpu_share"].tolist() == [0.0, 1.06]
    assert np.isnan(vms["9"].quantities["memory_share"]).all()
    assert recording.tally["rows whose times are in ms"] == 2
    assert recording.tally["rows with a CPU capacity of 0 MHz, whose CPU use in % counts"] == 1


def test_the_months_of_a_bitbrains_vm_are_one_trace(tmp_path: Path) -> None:
    for month, start in (("2013-8", 600), ("2013-7", 0)):
        (tmp_path / month).mkdir()
        rows = [(start + 300 * i, 1, 1.0, 0.1, 10.0, *[0.0] * 6) for i in range(2)]
        bitbrains(tmp_path / month / "1.csv", *rows)
        bitbrains(tmp_path / month / "2.csv", *rows)
    vms, recording = read([tmp_path / "2013-8", tmp_path / "2013-7"])
    assert vms["1"].times_s.tolist() == vms["2"].times_s.tolist() == [0.0, 300.0, 600.0, 900.0]
    assert not +recording.tally


def test_columns_of_bitbrains_in_any_order_and_in_other_units(tmp_path: Path) -> None:
    path = tmp_path / "vm.csv"
    path.write_text(
        "Memory usage [MB];\tcolour;\tCPU usage [GHZ];\tTimestamp [s];\tCPU capacity provisioned "
        "[GHZ];\tMemory capacity provisioned [GB];\tDisk read throughput [MB/s]\n"
        "512;\tred;\t1.3;\t1376314846;\t5.2;\t4;\t2\n"
        "1024;\t;\t2.6;\t1376315146;\t5.2;\t4;\t\n"
    )
    vms, recording = read([path])
    series = vms["vm"]
    assert series.times_s.tolist() == [1376314846, 1376315146]
    assert series.quantities["cpu_share"] == pytest.approx([0.25, 0.5])
    assert series.quantities["cpu_mhz"] == pytest.approx([1300, 2600])
    assert series.quantities["memory_bytes"].tolist() == [2.0**29, 2.0**30]
    assert series.quantities["memory_share"] == pytest.approx([1 / 8, 1 / 4])
    assert series.quantities["disk_read_bytes_per_s"][0] == 2.0**21
    assert np.isnan(series.quantities["disk_read_bytes_per_s"][1])
    assert np.isnan(series.quantities["network_sent_bytes_per_s"]).all()
    assert recording.facts()["vm"]["cpu_capacity_mhz"] == 5200.0
    assert recording.facts()["vm"]["memory_capacity_bytes"] == 4.0 * GIB
    assert recording.notes == ["Columns that are not used: colour."]


def test_a_blank_share_of_bitbrains_is_that_of_mhz_in_the_capacity(tmp_path: Path) -> None:
    text = made_up("bitbrains_1.csv")[0].read_text()
    (tmp_path / "1.csv").write_text(text.replace(";\t52.0;\t1.0;", ";\t104.0;\t;"))
    vms, _ = read([tmp_path])
    assert vms["1"].quantities["cpu_share"][:3] == pytest.approx([0.0, 0.02, 0.02])


def test_materna() -> None:
    """A decimal comma, dates, and a CPU capacity of 0, so that the share is the column in %."""
    vms, recording = read(made_up("materna_01.csv"))
    series = vms["materna_01"]
    start_s = 1446668602.0  # 2015-11-04 20:23:22 UTC
    assert series.times_s.tolist() == [start_s + 300.0 * i for i in range(6)]
    assert series.quantities["cpu_mhz"].tolist() == [110.0 + i for i in range(6)]
    assert series.quantities["cpu_share"] == pytest.approx([(2.43 + i) / 100 for i in range(6)])
    assert set(series.quantities["memory_bytes"]) == {1132462 * 1024.0}
    assert set(series.quantities["memory_share"]) == {1132462 / 6291456}
    assert set(series.quantities["disk_read_bytes_per_s"]) == {19 * 1024.0}
    assert set(series.quantities["disk_write_bytes_per_s"]) == {22 * 1024.0}
    assert set(series.quantities["network_received_bytes_per_s"]) == {3 * 1024.0}
    assert set(series.quantities["network_sent_bytes_per_s"]) == {1024.0}
    assert recording.facts()["materna_01"]["memory_capacity_bytes"] == 6 * GIB


def test_columns_of_materna_count_by_name_or_else_by_place(tmp_path: Path) -> None:
    rows = [line.split(";") for line in made_up("materna_01.csv")[0].read_text().splitlines()]
    turned = tmp_path / "turned.csv"
    turned.write_text("".join(";".join(row[::-1]) + "\n" for row in rows))
    named = tmp_path / "named.csv"
    rows[0][0], rows[0][10] = '"Zeit"', '"Size"'
    named.write_text("".join(";".join(row) + "\n" for row in rows))
    wanted = read(made_up("materna_01.csv"))[0]["materna_01"]
    for path in (turned, named):
        found = read([path])[0][path.stem]
        assert found.times_s.tolist() == wanted.times_s.tolist()
        for name, values in wanted.quantities.items():
            assert np.array_equal(found.quantities[name], values, equal_nan=True)


def test_blanks_of_materna_are_missing(tmp_path: Path) -> None:
    text = made_up("materna_01.csv")[0].read_text()
    path = tmp_path / "01.csv"
    path.write_text(text.replace('"2,43"', '""', 1).replace('"112"', "", 1))
    vms, _ = read([path])
    assert np.isnan(vms["01"].quantities["cpu_share"]).tolist() == [True] + [False] * 5
    assert np.isnan(vms["01"].quantities["cpu_mhz"]).tolist() == [False] * 2 + [True] + [False] * 3


@pytest.mark.parametrize(
    ("files", "start_s", "end_s", "cores", "gb"),
    [
        (AZURE_V1, 0.0, 2591700.0, [1, 2, 4, 8], [1.75, 3.5, 7, 56]),
        (AZURE_V2, 558300.0, 1673700.0, [2, 4, 30, 8], [4, 32, 70, 32]),
    ],
)
def test_azure(
    files: tuple[str, ...], start_s: float, end_s: float, cores: list[float], gb: list[float]
) -> None:
    """Readings by time are gathered by VM; lifetimes and sizes come from the table of VMs."""
    vms, recording = read(made_up(*files))
    assert list(vms) == ["vm0", "vm1", "vm2", "vm3"]
    for number, series in enumerate(vms.values()):
        assert series.times_s.tolist() == [0.0, 300.0, 600.0]
        assert series.quantities["cpu_share"].tolist() == [(2.5 + number) / 100] * 3
        assert series.quantities["cpu_max_share"].tolist() == [(4.0 + number) / 100] * 3
    facts = [recording.facts()[vm] for vm in vms]
    assert [one["cpu_cores"] for one in facts] == cores
    assert [one["memory_capacity_bytes"] for one in facts] == [size * GIB for size in gb]
    assert {(one["start_s"], one["end_s"]) for one in facts} == {(start_s, end_s)}
    categories = ["Delay-insensitive", "Interactive", "Unknown", "Delay-insensitive"]
    assert [one["category"] for one in facts] == categories
    assert not recording.tally["rows out of order, put in order"]


def test_open_buckets_of_azure_are_parameters() -> None:
    files = made_up(*AZURE_V2)
    _, recording = read(files, "azure-2019", cores_above_24=32, memory_above_64_gb=128)
    assert recording.facts()["vm2"]["cpu_cores"] == 32
    assert recording.facts()["vm2"]["memory_capacity_bytes"] == 128 * GIB
    with pytest.raises(TraceError, match="line 3: '>24': allowed is vmcorecount: a number above 0"):
        read(files, "azure-2017")


def test_readings_of_azure_are_taken_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (1, 2, 10):
        path = tmp_path / f"vm_cpu_readings-file-{number}-of-10.csv"
        path.write_text(f"{300 * number},a/b+c=,1,3,2\n")
    vms, recording = read([tmp_path])
    assert vms["a/b+c="].times_s.tolist() == [300.0, 600.0, 3000.0]
    assert not +recording.tally


def test_google_2011() -> None:
    """Microseconds from 600 s on; CPU as a share of the largest machine."""
    vms, _ = read(made_up("google2011_task_usage.csv.gz"))
    series = vms["3418309-0"]
    assert series.times_s.tolist() == [600.0, 900.0, 1200.0]
    assert series.durations_s.tolist() == [300.0] * 3
    assert series.quantities["cpu_share"].tolist() == [0.0015] * 3
    assert series.quantities["cpu_max_share"].tolist() == [0.039] * 3
    assert series.quantities["memory_machine_share"].tolist() == [0.067] * 3


EVENTS = (
    "0,,3418309,0,,0,user,2,9,0.03,0.08,0.0001,0\n"
    "650000000,,3418309,0,4155527081,1,user,2,9,0.03,0.08,0.0001,0\n"
    "1500000000,,3418309,0,4155527081,4,user,2,9,0.03,0.08,0.0001,0\n"
    "9223372036854775807,,3418309,0,,5,user,2,9,,,,\n"
)


def test_google_2011_with_events_has_lifetimes_and_shares_of_the_request(tmp_path: Path) -> None:
    (tmp_path / "task_events-part-0.csv").write_text(EVENTS)
    usage = gzip.decompress(made_up("google2011_task_usage.csv.gz")[0].read_bytes())
    lines = [line.rpartition(b",")[0] for line in usage.splitlines()]  # 19 columns, v2.0
    (tmp_path / "task_usage-part-0.csv").write_bytes(b"# a header\n" + b"\n".join(lines) + b"\n")
    vms, recording = read([tmp_path], "google-2011", cpu_of="request")
    assert vms["3418309-0"].quantities["cpu_share"] == pytest.approx([0.05] * 3)
    assert recording.facts()["3418309-0"] == {
        "group": "3418309",
        "host": "4155527081",
        "start_s": 650.0,
        "end_s": 1500.0,
        "cpu_machine_share": 0.03,
        "memory_machine_share": 0.08,
    }


def test_google_2019() -> None:
    vms, _ = read(made_up("google2019_instance_usage.jsonl"))
    series = vms["1-0"]
    assert series.times_s.tolist() == [300.0, 600.0, 900.0]
    assert series.durations_s.tolist() == [300.0] * 3
    assert series.quantities["cpu_share"].tolist() == [0.01] * 3
    assert series.quantities["cpu_max_share"].tolist() == [0.03] * 3
    assert series.quantities["memory_machine_share"].tolist() == [0.02] * 3


def test_google_2019_with_numbers_for_numbers(tmp_path: Path) -> None:
    objects = [
        json.loads(line)
        for line in made_up("google2019_instance_usage.jsonl")[0].read_text().splitlines()
    ]
    for one in objects:
        one["start_time"], one["end_time"] = int(one["start_time"]), int(one["end_time"])
        one["collection_id"], one["cpu_usage_distribution"] = 5, [0.0] * 10
    path = tmp_path / "usage.json"
    path.write_text("\n".join(map(json.dumps, objects)))
    vms, _ = read([path])
    assert vms["5-0"].times_s.tolist() == [300.0, 600.0, 900.0]


def test_containers_of_alibaba() -> None:
    vms, recording = read(made_up(*CONTAINERS))
    series = vms["c_1"]
    assert series.times_s.tolist() == [86400.0, 86430.0]
    assert series.quantities["cpu_share"].tolist() == [0.09, 0.07]
    assert series.quantities["memory_share"].tolist() == [0.63, 0.63]
    bandwidth = series.quantities["memory_bandwidth_share"]
    assert bandwidth[0] == 0.004 and np.isnan(bandwidth[1])
    assert recording.facts() == {
        "c_1": {
            "group": "app_5052",
            "host": "m_1",
            "start_s": 0.0,
            "cpu_cores": 4.0,
            "memory_machine_share": pytest.approx(0.0156),
        }
    }


def test_machines_of_alibaba_with_blanks_and_marks_for_invalid() -> None:
    vms, recording = read(made_up(*MACHINES))
    series = vms["m_1"]
    assert series.times_s.tolist() == [386640.0, 386670.0, 386700.0]
    assert series.quantities["cpu_share"].tolist() == [0.41, 0.43, 0.44]
    assert np.isnan(series.quantities["memory_bandwidth_share"]).tolist() == [True, False, True]
    assert series.quantities["memory_bandwidth_share"][1] == 0.0143
    assert series.quantities["disk_share"][0] == 0.05
    assert np.isnan(series.quantities["disk_share"]).tolist() == [False, True, True]
    assert recording.tally["invalid values of disk_io_percent (-1 or 101), left out"] == 2
    assert recording.facts()["m_1"]["cpu_cores"] == 96.0
    assert recording.facts()["m_1"]["memory_machine_share"] == 1.0


def test_containers_go_before_machines_unless_these_are_wanted() -> None:
    files = made_up(*CONTAINERS, *MACHINES)
    assert list(read(files)[0]) == ["c_1"]
    assert list(read(files, "alibaba-2018", vms="machines")[0]) == ["m_1"]


def test_opendc(tmp_path: Path) -> None:
    """Fragments follow each other from the submission on, whatever is between them in the file."""
    vms, recording = read(write_opendc(tmp_path))
    assert vms["7"].times_s.tolist() == [1000.0, 1300.0, 1600.0]
    assert vms["7"].quantities["cpu_share"].tolist() == [0.25, 0.5, 0.0]
    assert vms["8"].times_s.tolist() == [1600.0, 1900.0]
    assert vms["8"].quantities["cpu_share"].tolist() == [1.0, 0.25]
    assert vms["8"].quantities["cpu_mhz"].tolist() == [8000.0, 2000.0]
    assert recording.facts()["7"] == {
        "start_s": 1000.0,
        "end_s": 1900.0,
        "cpu_cores": 1.0,
        "cpu_capacity_mhz": 2000.0,
        "memory_capacity_bytes": 4.0 * GIB,  # KB
    }
    _, in_mb = read([tmp_path], "opendc", memory_unit="MB")
    assert in_mb.facts()["7"]["memory_capacity_bytes"] == 4096.0 * GIB


def test_opendc_v1(tmp_path: Path) -> None:
    vms, recording = read(write_opendc_v1(tmp_path))
    assert vms["vm"].times_s.tolist() == [1000.0, 1300.0, 1600.0]
    assert vms["vm"].durations_s.tolist() == [300.0, 300.0, 600.0]
    assert vms["vm"].quantities["cpu_share"].tolist() == [0.0, 0.25, 1.0]
    assert recording.facts()["vm"]["start_s"] == 1000.0
    assert recording.facts()["vm"]["end_s"] == 2200.0
    assert recording.facts()["vm"]["memory_capacity_bytes"] == 2.0 * GIB


def test_opendc_20_needs_a_clock_rate(tmp_path: Path) -> None:
    write_opendc_20(tmp_path)
    vms, _ = read([tmp_path], "opendc-v1", core_mhz=2400)
    assert vms["vm"].times_s.tolist() == [1000.0, 1300.0]
    assert vms["vm"].quantities["cpu_share"].tolist() == [0.125, 0.25]
    (found,) = traces_at([tmp_path])
    with pytest.raises(TraceError, match="core_mhz, the clock rate of a core"):
        demand_traces(found, found.format)


@pytest.mark.parametrize("format", ["planetlab", "bitbrains", "materna", "google-2019"])
def test_gzip_files_are_read_as_they_are(tmp_path: Path, format: str) -> None:
    (path,) = made_up(*TRACES[format])
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, _ = read([path])
    for one, other in zip(read([packed])[0].values(), plain.values(), strict=True):
        assert np.array_equal(one.times_s, other.times_s)
        assert np.array_equal(one.quantities["cpu_share"], other.quantities["cpu_share"])


def test_a_folder_with_several_formats_is_described_and_refused(tmp_path: Path) -> None:
    for path in made_up("planetlab_vm", "bitbrains_1.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert [one.format.name for one in traces_at([tmp_path])] == ["bitbrains", "planetlab"]
    with pytest.raises(TraceError, match=r"bitbrains: bitbrains_1.csv; planetlab: planetlab_vm"):
        read([tmp_path])
    assert list(read([tmp_path], "bitbrains")[0]) == ["bitbrains_1"]


def test_both_versions_of_azure_in_a_folder_are_told_apart(tmp_path: Path) -> None:
    for path in made_up(*AZURE_V1, *AZURE_V2):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    found = {one.format.name: one for one in traces_at([tmp_path])}
    assert list(found) == ["azure-2017", "azure-2019"]
    for one in found.values():
        assert [len(files) for files in one.files.values()] == [1, 1]


def test_an_archive_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "container_usage.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(made_up(*CONTAINERS)[1], "container_usage.csv")
    with pytest.raises(TraceError, match="an archive"):
        read([path])
