"""`cluster-emu trace`: what is said, what is written, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests._support.recorded import AZURE_V2, TRACES, made_up
from tests.cli.conftest import Emu


@pytest.mark.parametrize("format", TRACES)
def test_info_names_the_format_and_counts(emu: Emu, format: str) -> None:
    files = made_up(*TRACES[format])
    shown = emu("trace", "info", *files)
    assert shown.exit_code == 0, shown.stderr
    assert f"{format} (found from the content)" in shown.stdout
    (report,) = json.loads(emu("trace", "info", *files, "--json").stdout)["traces"]
    assert report["format"] == format
    assert report["vms"] == (4 if format.startswith("azure") else 1)
    assert report["quantities"]["cpu_share"]["missing"] == 0


def test_info_describes_every_trace_in_a_folder(emu: Emu, tmp_path: Path) -> None:
    for path in made_up("planetlab_vm", "materna_01.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "README").write_text("two traces\n")
    reports = json.loads(emu("trace", "info", tmp_path, "--json").stdout)["traces"]
    assert [report["format"] for report in reports] == ["materna", "planetlab"]
    assert [report["ignored"] for report in reports] == [["README"], ["README"]]


def test_convert_and_run(emu: Emu, tmp_path: Path) -> None:
    files = made_up(*AZURE_V2)
    wanted = "azure-2019:cores_above_24=32"
    out = tmp_path / "neutral"
    done = emu("trace", "convert", *files, "--format", wanted, "--out", out, "--json")
    assert done.exit_code == 0, done.stderr
    written = json.loads(done.stdout)
    assert (written["vms"], written["samples"]) == (4, 12)
    assert written["source"]["found"] is False
    vms = pq.read_table(out / "vms.parquet").to_pylist()
    assert [row["cpu_cores"] for row in vms] == [2.0, 4.0, 32.0, 8.0]
    ran = json.loads(emu("run", "single", "--traces", out, "--json").stdout)
    assert "2 files; format found from the content" in ran["traces"]
    again = emu("trace", "convert", *files, "--out", out)
    assert again.exit_code == 2
    assert "--overwrite replaces it" in again.stderr


def test_sample(emu: Emu, tmp_path: Path) -> None:
    files = made_up(*AZURE_V2)
    drawn = []
    for number, seed in enumerate((3, 3, 4, 5)):
        out = tmp_path / str(number)
        words = ("--count", "2", "--by", "cpu", "--strata", "2", "--seed", str(seed), "--out", out)
        done = emu("trace", "sample", *files, *words)
        assert done.exit_code == 0, done.stderr
        assert "2 VMs with 6 samples written." in done.stdout
        drawn.append(tuple(pq.read_table(out / "vms.parquet")["vm"].to_pylist()))
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    assert all(one[0] in ("vm0", "vm1") and one[1] in ("vm2", "vm3") for one in drawn)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("info", "FILE", "--format", "azure"),
            "--format = 'azure': allowed is one of alibaba-2018",
        ),
        (("info", "FILE", "--format", "bitbrains:step=3"), "--format.step = 3: allowed is a param"),
        (("info", "FILE", "--format", "materna"), "line 2: "),
        (("info", "nowhere"), "nowhere: 'no such folder'"),
        (("convert", "FILE"), "--out = nothing: allowed is a folder to write to"),
        (("sample", "FILE", "--count", "2", "--out", "OUT"), "--count = 2: allowed is at most 1"),
        (("sample", "FILE", "--count", "0", "--out", "OUT"), "--count = '0': allowed is a whole"),
        (
            ("sample", "FILE", "--count", "1", "--by", "size", "--out", "OUT"),
            "--by = 'size': allowed is cpu, memory or lifetime",
        ),
        (
            ("sample", "FILE", "--count", "1", "--strata", "2", "--out", "OUT"),
            "--strata = 2: allowed is a number only with --by",
        ),
    ],
)
def test_bad_input_is_named(emu: Emu, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (file,) = made_up("bitbrains_1.csv")
    out = tmp_path / "out"
    places = {"FILE": file, "OUT": out}
    result = emu("trace", *(places.get(word, word) for word in words))
    assert result.exit_code == 2
    assert said in result.stderr
    assert not out.exists() or not list(out.iterdir())


def test_a_bad_line_leaves_nothing_written(emu: Emu, tmp_path: Path) -> None:
    file = tmp_path / "1.csv"
    text = made_up("bitbrains_1.csv")[0].read_text()
    file.write_text(text.replace("5200.0;\t156.0", "5200.0;\tx"))
    result = emu("trace", "convert", file, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"{file}, line 5: 'x': allowed is CPU usage [MHZ]" in result.stderr
    assert not (tmp_path / "out" / "samples.parquet").exists()


def test_traces_of_a_run_may_be_forced_into_a_format(emu: Emu) -> None:
    (file,) = made_up("planetlab_vm")
    words = ("--set", "workload.trace_format=planetlab:step_s=60", "--traces", file, "--json")
    assert (
        json.loads(emu("run", "single", *words).stdout)["traces"]
        == "PlanetLab planetlab_vm (1 file)"
    )
