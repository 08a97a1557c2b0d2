"""Trace folders: what is read, and that every fault names its file, line, value and remedy."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cluster_emu.traces
from cluster_emu.errors import ScenarioError, TraceError
from cluster_emu.traces import DemandTraces, trace_readers
from cluster_emu.traces.formats.planetlab import read_planetlab
from cluster_emu.traces.own import own_traces
from cluster_emu.workload.trace_demand import TraceDemand

ROOT = Path(__file__).parents[2]
GOOD = b"".join(b"%d\n" % (number % 101) for number in range(288))


def with_line(number: int, text: bytes) -> bytes:
    lines = GOOD.splitlines()
    lines[number - 1] = text
    return b"\n".join(lines) + b"\n"


def test_values_are_shares_of_288_samples_300_s_apart(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(GOOD)
    traces = read_planetlab(tmp_path)
    assert traces.values.dtype == np.float64
    assert traces.values.tolist() == [[number % 101 / 100 for number in range(288)]]
    assert traces.step_s == 300
    assert traces.source == f"PlanetLab folder {tmp_path.name} (1 file)"


def test_values_cannot_be_changed_by_accident(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(GOOD)
    with pytest.raises(ValueError, match="read-only"):
        read_planetlab(tmp_path).values[0, 0] = 1.0


def test_files_are_sorted_by_name_in_byte_order(tmp_path: Path) -> None:
    for name in ("b", "a_1", "B", "a-1", "ä", "10", "9"):
        (tmp_path / name).write_bytes(GOOD)
    assert read_planetlab(tmp_path).names == ("10", "9", "B", "a-1", "a_1", "b", "ä")


@pytest.mark.parametrize(
    "content",
    [
        b"#288\n" + GOOD,
        b"# 288\r\n" + GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(),
        GOOD + b"\n\n",
        GOOD.replace(b"\n", b" \t\n"),
    ],
    ids=["count line", "windows", "no last newline", "blank lines after", "trailing blanks"],
)
def test_harmless_variants_are_read_the_same(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plain").write_bytes(GOOD)
    (tmp_path / "variant").write_bytes(content)
    values = read_planetlab(tmp_path).values
    assert np.array_equal(values[0], values[1])


@pytest.mark.parametrize(
    ("content", "line", "value"),
    [
        (with_line(17, b"many"), 17, "'many'"),
        (with_line(1, b"101"), 1, "'101'"),
        (with_line(288, b"-1"), 288, "'-1'"),
        (with_line(5, b"NaN"), 5, "'NaN'"),
        (with_line(5, b"12.5"), 5, "'12.5'"),
        (with_line(5, b""), 5, "''"),
        (with_line(5, b"1 2"), 5, "'1 2'"),
        (with_line(5, b"1_0"), 5, "'1_0'"),
        (with_line(5, b"9" * 5000), 5, "'999"),
        (with_line(5, b"\xff\xfe"), 5, r"\\xff"),
        (with_line(5, "٣".encode()), 5, "'٣'"),
        (with_line(2, b"#288"), 2, "'#288'"),
        (b"#288\n" + with_line(17, b"many"), 18, "'many'"),
        (b"", 1, "'end of the file'"),
        (b"#288\n", 2, "'end of the file'"),
        (GOOD.decode().encode("utf-16"), 1, r"\\xff\\xfe"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: bytes, line: int, value: str) -> None:
    (tmp_path / "good").write_bytes(GOOD)
    (tmp_path / "vm bad").write_bytes(content)
    with pytest.raises(TraceError) as caught:
        read_planetlab(tmp_path)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'vm bad'}, line {line}: ")
    assert value in message
    assert "whole number from 0 to 100" in message


def test_a_huge_file_is_refused_without_reading_all_of_it(tmp_path: Path) -> None:
    with (tmp_path / "long").open("wb") as stream:
        stream.write(b"7\n")
        stream.truncate(1 << 30)
    with pytest.raises(TraceError, match=r"long: 'more than 16777216 bytes': allowed is a smaller"):
        read_planetlab(tmp_path)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"absent: 'no such folder': allowed is a folder with"):
        read_planetlab(tmp_path / "absent")


def test_a_file_is_a_trace_of_one_vm(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(GOOD)
    traces = read_planetlab(tmp_path / "vm")
    assert traces.names == ("vm",)
    assert traces.source == "PlanetLab vm (1 file)"


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match=r"'an empty folder': allowed is a folder with"):
        read_planetlab(tmp_path)


def test_a_folder_of_folders_is_named(tmp_path: Path) -> None:
    (tmp_path / "20110303").mkdir()
    with pytest.raises(TraceError, match=r"'no trace file, but 20110303': allowed is a folder"):
        read_planetlab(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang_the_reader(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceError, match="no trace file, but pipe"):
        read_planetlab(tmp_path)


@given(content=st.binary(max_size=2000))
@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_binary_garbage_only_ever_gives_a_trace_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "garbage").write_bytes(content)
    try:
        read_planetlab(tmp_path)
    except TraceError as error:
        assert "garbage" in str(error)
    else:
        assert content.split()  # lines of numbers from 0 to 100 are a trace


@given(percents=st.lists(st.integers(-2, 102), min_size=1, max_size=290))
@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_number_of_numbers_from_0_to_100_is_accepted(
    tmp_path: Path, percents: list[int]
) -> None:
    (tmp_path / "vm").write_text("\n".join(map(str, percents)))
    if min(percents) >= 0 and max(percents) <= 100:
        assert read_planetlab(tmp_path).values.tolist() == [[p / 100 for p in percents]]
    else:
        with pytest.raises(TraceError):
            read_planetlab(tmp_path)


def test_the_registered_reader_reads_the_same(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(GOOD)
    read = trace_readers.create("planetlab").read(tmp_path)
    assert np.array_equal(read.values, read_planetlab(tmp_path).values)


NOT_TRACES = {
    ".DS_Store": b"\x00\x00\x00\x01Bud1",
    "README": b"# PlanetLab\n\nTraces of 20110303.\n",
    "Thumbs.db": bytes(range(256)) * 4,
    "LICENSE.md": b"Copyright 2011\n",
}


def test_what_is_no_trace_is_ignored_with_a_note(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(GOOD)
    (tmp_path / "older").mkdir()
    for name, content in NOT_TRACES.items():
        (tmp_path / name).write_bytes(content)
    traces = read_planetlab(tmp_path)
    assert traces.names == ("vm",)
    assert traces.source == (
        f"PlanetLab folder {tmp_path.name} (1 file; "
        "ignored, as they are no traces: .DS_Store, LICENSE.md, README and 2 more)"
    )


def test_traces_of_different_lengths_start_again_after_their_own_ends(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"10\n20\n30\n")
    (tmp_path / "short").write_bytes(b"\xef\xbb\xbf50\n60\n")
    traces = trace_readers.create("planetlab", step_s="1 min").read(tmp_path)
    assert (traces.step_s, traces.lengths) == (60.0, (3, 2))
    assert "2 to 3 samples each" in traces.source
    model = TraceDemand(order="files", rotation_share=0.5)
    demand = model.build(4, np.random.default_rng(0), traces)
    # VM 2 and 3 run half their own trace ahead: 1.5 and 1 samples, rounded to even
    seen = [demand.at(60.0 * step).tolist() for step in range(4)]
    assert seen == [
        [0.1, 0.5, 0.3, 0.6],
        [0.2, 0.6, 0.1, 0.5],
        [0.3, 0.5, 0.2, 0.6],
        [0.1, 0.6, 0.3, 0.5],
    ]


def test_scaled_traces_are_cut_to_the_whole_cpu(tmp_path: Path) -> None:
    (tmp_path / "vm").write_bytes(b"10\n60\n80\n20\n")
    traces = read_planetlab(tmp_path)
    demand = TraceDemand(scale=1.5).build(1, np.random.default_rng(0), traces)
    seen = [demand.share(0, 300.0 * step) for step in range(4)]
    assert seen == pytest.approx([0.15, 0.9, 1.0, 0.3])
    assert any(
        "1.5 times" in each and "25.0% of the samples" in each for each in demand.assumptions
    )


def test_timed_samples_are_averaged_over_steps(tmp_path: Path) -> None:
    """40 % for 60 s, 100 % for 30 s, 10 % for 90 s, and 0 % as long as that."""
    text = "time,cpu\n1000,40\n1060,100\n1090,10\n1180,0\n"
    (tmp_path / "vm.csv").write_text(text)
    (tmp_path / "README").write_text("See the paper.\n")
    coarse = trace_readers.create("timed", step_s=60).read(tmp_path)
    assert coarse.values[0] == pytest.approx([0.4, 0.55, 0.1, 0.0, 0.0])
    fine = trace_readers.create("timed").read(tmp_path)
    assert fine.step_s == 30.0
    assert fine.values[0] == pytest.approx([0.4, 0.4, 1.0, 0.1, 0.1, 0.1, 0.0, 0.0, 0.0])
    uneven = trace_readers.create("timed", step_s=100).read(tmp_path)
    # the last step is 70 s long; the mean over all time stays the same
    assert uneven.values[0] == pytest.approx([(24 + 30 + 1) / 100, 8 / 100, 0.0])
    assert "ignored, as they are no traces: README" in fine.source


def test_timed_shares_with_other_separators(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("0 0.5\n300 0.25\n")
    (tmp_path / "b").write_text("0;1\n")
    traces = trace_readers.create("timed", full=1).read(tmp_path)
    assert traces.values.tolist() == [[0.5, 0.25], [1.0, 0.0]]
    assert traces.lengths == (2, 1)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("0,10\n60,101\n", 2, "a time in s and a number from 0 to 100"),
        ("0,10\n60,x\n", 2, "a time in s and a number from 0 to 100"),
        ("0,10\n60\n", 2, "a time in s and a number from 0 to 100"),
        ("0,10\n60,20\n60,30\n", 3, "a time after 60 s"),
        ("", 1, "lines of a time in s and a number"),
    ],
)
def test_a_bad_line_of_a_timed_trace_is_named(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    (tmp_path / "vm").write_text(text)
    with pytest.raises(TraceError, match=f"vm, line {line}: .*allowed is {said}"):
        trace_readers.create("timed").read(tmp_path)


def test_own_traces_look_like_a_planetlab_day() -> None:
    traces = own_traces()
    assert traces.values.shape == (40, 288)
    assert traces.source == "cluster_emu's own made-up traces (40 files)"
    assert 0.10 < traces.values.mean() < 0.15
    assert np.median(traces.values) < 0.10
    assert (traces.values > 0.8).mean() > 0.01


def test_five_own_vms_packed_by_their_mean_overload_their_host_at_times() -> None:
    values = own_traces().values[np.random.default_rng(1).permutation(40)]
    together = values.reshape(8, 5, 288).sum(axis=1)
    fits_on_average = together.mean(axis=1) < 0.8
    overloaded = (together > 1.0).mean(axis=1)
    assert fits_on_average.sum() >= 5
    assert overloaded[fits_on_average].max() > 0.02


def test_own_traces_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["make_traces.py", str(tmp_path)])
    runpy.run_path(str(ROOT / "tools" / "make_traces.py"), run_name="__main__")
    shipped = Path(cluster_emu.traces.__file__).parent / "own_day"
    made = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert made == {file.name: file.read_bytes() for file in shipped.iterdir()}


@pytest.mark.parametrize(
    ("names", "values", "step_s", "field"),
    [
        (("a",), [[0.5, 1.5]], 300.0, "values"),
        (("a",), [[0.5, float("nan")]], 300.0, "values"),
        (("a", "b"), [[0.5]], 300.0, "values"),
        (("a",), [[]], 300.0, "values"),
        (("a",), [[0.5]], 0.0, "step_s"),
        (("a",), [[0.5]], float("nan"), "step_s"),
    ],
)
def test_traces_made_in_python_are_checked(
    names: tuple[str, ...], values: list[list[float]], step_s: float, field: str
) -> None:
    with pytest.raises(ScenarioError, match=f"traces.{field}"):
        DemandTraces(names, np.array(values), "mine", step_s)
