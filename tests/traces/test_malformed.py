"""What is wrong in a trace file is named by file and line; nothing odd is taken for a number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from cluster_emu.errors import TraceError
from cluster_emu.traces.detection import trace_at
from cluster_emu.traces.formats.auto import AutoReader
from cluster_emu.traces.replay import demand_traces
from tests._support.recorded import TRACES, made_up, read, write_opendc, write_parquet

Change = Callable[[bytes], bytes]


def put(old: bytes, new: bytes) -> Change:
    def change(line: bytes) -> bytes:
        assert old in line
        return line.replace(old, new, 1)

    return change


BAD_LINES: dict[str, tuple[str, int, Change, str]] = {
    "planetlab": ("planetlab_vm", 17, lambda _: b"many", "a whole number from 0 to 100"),
    "bitbrains, text": (
        "bitbrains_1.csv",
        3,
        put(b"5200.0", b"much"),
        "'much': allowed is CPU capacity provisioned [MHZ]: a finite number >= 0",
    ),
    "bitbrains, negative": ("bitbrains_1.csv", 4, put(b"104.0", b"-1"), "-1.0: allowed is CPU us"),
    "bitbrains, nan": ("bitbrains_1.csv", 4, put(b"104.0", b"nan"), "nan: allowed is CPU usage"),
    "bitbrains, inf": ("bitbrains_1.csv", 4, put(b"104.0", b"1e999"), "inf: allowed is CPU usage"),
    "bitbrains, no time": ("bitbrains_1.csv", 2, put(b"1376314846", b""), "allowed is Timestamp"),
    "bitbrains, short": ("bitbrains_1.csv", 7, lambda _: b"1;\t2", "11 fields: Timestamp [ms], "),
    "bitbrains, columns": (
        "bitbrains_1.csv",
        1,
        put(
            b"capacity provisioned [MHZ];\tCPU usage [MHZ];\tCPU usage [%]",
            b"a;\tCPU usage [MHZ];\tc",
        ),
        "allowed is the columns Timestamp [ms]; CPU cores; ",
    ),
    "bitbrains, unit": (
        "bitbrains_1.csv",
        1,
        put(b"Memory usage [KB]", b"Memory usage [pages]"),
        "allowed is Memory usage in one of the units kb, mb, gb, %",
    ),
    "bitbrains, twice": (
        "bitbrains_1.csv",
        1,
        put(b"Memory usage [KB]", b"CPU usage [%]"),
        "allowed is one column CPU usage [%]",
    ),
    "materna, no such day": (
        "materna_01.csv",
        4,
        put(b"04.11.2015", b"31.02.2015"),
        "'31.02.2015 20:33:22': allowed is a date and time as dd.MM.yyyy HH:mm:ss",
    ),
    "materna, decimal point": (
        "materna_01.csv",
        2,
        put(b"2,43", b"2.43"),
        "'2.43': allowed is CPU",
    ),
    "azure, text": (
        "azure_vm_cpu_readings-file-1-of-1.csv.gz",
        9,
        put(b"2.5", b"two"),
        "'two': allowed is avgcpu: a finite number from 0 to 1e+06, or nothing",
    ),
    "azure, field": (
        "azure_vm_cpu_readings-file-1-of-1.csv.gz",
        12,
        put(b",", b",x,"),
        "5 fields: timestamp, vmid, mincpu, maxcpu, avgcpu (not 6)",
    ),
    "azure, size": (
        "azure_v1_vmtable.csv.gz",
        2,
        put(b",2,", b",>24,"),
        "'>24': allowed is vmcore",
    ),
    "azure, lifetime": (
        "azure_v1_vmtable.csv.gz",
        3,
        put(b",0,2591700", b",300,200"),
        "200.0: allowed is vmdeleted: a time from vmcreated = 300 on",
    ),
    "google 2011, order": (
        "google2011_task_usage.csv.gz",
        2,
        put(b"1200000000", b"800000000"),
        "allowed is an end time after the start time 900000000 us",
    ),
    "google 2019, cut": (
        "google2019_instance_usage.jsonl",
        2,
        lambda line: line[:-9],
        "JSON object",
    ),
    "google 2019, type": (
        "google2019_instance_usage.jsonl",
        3,
        put(b'"cpus": 0.01,', b'"cpus": "x",'),
        "allowed is one JSON object with start_time",
    ),
    "google 2019, value": (
        "google2019_instance_usage.jsonl",
        3,
        put(b'"cpus": 0.01,', b'"cpus": -0.01,'),
        "-0.01: allowed is average_usage.cpus: a finite number >= 0, or nothing",
    ),
    "alibaba, range": (
        "alibaba2018_machine_usage.csv",
        2,
        put(b",43,", b",430,"),
        "430.0: allowed is cpu_util_percent: a finite number from -1 to 101, or nothing",
    ),
}


@pytest.mark.parametrize(("name", "line", "change", "said"), BAD_LINES.values(), ids=BAD_LINES)
@pytest.mark.parametrize("blanks", [0, 1])
def test_a_bad_line_is_named(
    tmp_path: Path, name: str, line: int, change: Change, said: str, blanks: int
) -> None:
    (source,) = made_up(name)
    packed = name.endswith(".gz")
    content = gzip.decompress(source.read_bytes()) if packed else source.read_bytes()
    lines = content.splitlines()
    lines[line - 1] = change(lines[line - 1])
    if blanks and line > 2:  # a blank line before it is counted
        if name == "planetlab_vm":
            pytest.skip("a blank line is itself an error")
        lines.insert(line - 2, b"")
        line += 1
    content = b"\n".join(lines) + b"\n"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if packed else content)
    (format,) = {
        each for each, names in TRACES.items() if name in names and each != "azure-2019"
    } or {"alibaba-2018"}
    with pytest.raises(TraceError) as caught:
        read([path], format)
    assert str(caught.value).startswith(f"{path}, line {line}: ")
    assert said in str(caught.value)


def test_half_a_gzip_file_is_named(tmp_path: Path) -> None:
    lines = b"".join(b"%d,vm%d,1,3,2\n" % (300 * (i // 50), i % 50) for i in range(100_000))
    packed = gzip.compress(lines)
    path = tmp_path / "vm_cpu_readings-file-1-of-1.csv.gz"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(TraceError, match=r"file-1-of-1.csv.gz: 'Truncated compressed stream'"):
        read([path])


def test_a_damaged_file_beside_traces_is_not_passed_over(tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.csv").write_bytes(made_up("bitbrains_1.csv")[0].read_bytes())
    (tmp_path / "3.csv").write_bytes(b"")
    (tmp_path / "README").write_text("Bitbrains\n")
    with pytest.raises(TraceError, match=r"3.csv, line 1: '': allowed is the columns Timestamp"):
        read([tmp_path])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"; Excerpt from the PWA\n1 0 588530\n", "'; Excerpt from the PWA'"),
        (b"\x7fELF\x02\x01", "ELF"),
        (b"", "'end of the file'"),
        (b"x" * 100_000, "xxx..."),
    ],
)
def test_a_file_in_no_known_format_is_refused_with_those_that_are(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = tmp_path / "trace.swf"
    path.write_bytes(content)
    with pytest.raises(TraceError) as caught:
        trace_at([path])
    assert f"{path}, line 1: " in str(caught.value)
    assert said in str(caught.value)
    assert "allowed is a trace in the format alibaba-2018, azure-2017, " in str(caught.value)


def test_a_parquet_file_without_a_column_is_named(tmp_path: Path) -> None:
    write_opendc(tmp_path)
    write_parquet(
        tmp_path / "tasks.parquet",
        id=pa.array([7]),
        submission_time=pa.array([0]),
        duration=pa.array([1]),
    )
    with pytest.raises(TraceError, match=r"tasks.parquet: .*a file with the columns cpu_count"):
        read([tmp_path])


def test_a_fragment_of_no_task_is_named_by_its_row(tmp_path: Path) -> None:
    write_opendc(tmp_path)
    write_parquet(
        tmp_path / "fragments.parquet",
        id=pa.array([7, 9], pa.int32()),
        duration=pa.array([1, 1]),
        cpu_usage=pa.array([1.0, 1.0]),
    )
    with pytest.raises(TraceError, match=r"fragments.parquet, line 2: '9': allowed is the id of"):
        read([tmp_path])


def test_a_broken_parquet_file_is_named(tmp_path: Path) -> None:
    fragments, _ = write_opendc(tmp_path)
    fragments.write_bytes(fragments.read_bytes()[:-20])
    with pytest.raises(TraceError, match=r"fragments.parquet: "):
        read([tmp_path])


def test_carbon_and_failures_are_no_traces(tmp_path: Path) -> None:
    write_parquet(tmp_path / "carbon.parquet", timestamp=[1], carbon_intensity=[80.0])
    with pytest.raises(TraceError, match=r"no trace file, but carbon\.parquet"):
        trace_at([tmp_path])
    write_opendc(tmp_path)
    assert list(read([tmp_path])[0]) == ["7", "8"]


def test_a_table_of_vms_without_readings_cannot_be_replayed() -> None:
    found = trace_at(made_up("azure_v2_vmtable.csv.gz"))
    with pytest.raises(TraceError, match=r"only azure_v2_vmtable\.csv\.gz"):
        demand_traces(found, AutoReader())


@pytest.mark.parametrize("value", ["1e999", "-1e999"])
def test_a_column_of_one_number_that_is_not_finite_is_an_error(tmp_path: Path, value: str) -> None:
    path = tmp_path / "alibaba2018_container_meta.csv"
    path.write_text(f"c_1,m_1,0,app_5052,started,400,400,{value}\n")
    with pytest.raises(TraceError, match=r"line 1: .*: allowed is mem_size: a finite number"):
        read([path, *made_up("alibaba2018_container_usage.csv")], "alibaba-2018")
