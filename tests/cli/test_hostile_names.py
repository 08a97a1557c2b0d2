"""Names with paths, markup, control characters and formulas neither escape nor act."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cluster_emu.cli.output import progress_bar, show_lines, show_table, write_lines
from cluster_emu.file_names import file_name
from cluster_emu.results.folder_lock import LOCK_FILES
from cluster_emu.results.result_folder import check_unused, new_result, read_manifest

Emu = Callable[..., Any]

SINGLE = (resources.files("cluster_emu") / "scenarios" / "single.toml").read_text("utf-8")
SMALL = SINGLE.replace('"1 GiB"', '"4 MiB"')
NAMES = (
    "../../outside",
    "/tmp/cluster-emu-absolute",
    "[/]",
    "[red]x[/red] :dog:",
    "\x1b]0;pwned\x07\x1b[2J",
    "a\nb\u202ec",
    "=cmd|' /C calc'!A0",
    "$\\frac{$ $x$",
    "..",
)


def write_scenario(folder: Path, name: str) -> Path:
    file = folder / "in" / "scenario.toml"
    file.parent.mkdir(parents=True)
    file.write_text(SMALL.replace('name = "single"', f"name = {json.dumps(name)}"), "utf-8")
    return file


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.name not in LOCK_FILES}


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_scenario_stays_in_its_folder(name: str, tmp_path: Path, emu: Emu) -> None:
    file = write_scenario(tmp_path, name)
    before = files_below(tmp_path)
    ended = emu("scenarios", file, "--out", tmp_path / "a" / "out", "--json")
    assert ended.exit_code == 0, ended.output
    written = files_below(tmp_path) - before
    assert written == {tmp_path / "a" / "out" / f"{file_name(name)}.json"}
    assert json.loads(written.pop().read_text("utf-8"))["name"] == name


@pytest.mark.parametrize("name", NAMES)
def test_a_run_shows_the_name_as_it_is(name: str, tmp_path: Path, emu: Emu) -> None:
    ended = emu("run", write_scenario(tmp_path, name))
    assert ended.exit_code == 0, ended.output
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    assert f"{shown}, history-majority, seed 0\n" in ended.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(ended.stdout)


def test_tables_and_lines_take_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_table("[/] title\x1b", ("[red]", "b"), [("[/]", ":dog:"), ("\x1b[2J", "\u202e")])
    show_lines("[bold]", ["[/x]\n"])
    write_lines(["a\tb\x1b"])
    shown = capsys.readouterr().out
    for text in (r"[/] title\x1b", "[red]", "[/]", ":dog:", r"\x1b[2J", r"\u202e", r"[/x]\n"):
        assert text in shown
    assert r"a" "\t" r"b\x1b" in shown
    assert "\x1b" not in shown


def test_a_bar_takes_its_title_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("[/]\x1b[2J [red]:dog:") as progress:
        progress(1, 1)
    assert r"[/]\x1b[2J [red]:dog:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("run", "[/]"),
        ("run", "single", "--set", "[/]\x1b=3"),
        ("run", "single", "--strategy", "[/red]\x1b[2J"),
        ("run", "single", "--seed", "[/]\n"),
        ("run", "single", "[/red]\x1b[2J"),
        ("run", "single", "--[/red]\x1b[2J"),
        ("[/red]\x1b[2J",),
        ("list", "[/red]\x1b[2J"),
        ("experiment", "[/red]\x1b[2J"),
    ],
)
def test_what_was_typed_is_shown_as_it_is(words: tuple[str, ...], emu: Emu) -> None:
    ended = emu(*words)
    assert ended.exit_code == 2
    assert "[/" in ended.stderr
    assert "\x1b" not in ended.stderr


def test_help_keeps_its_brackets(emu: Emu) -> None:
    assert "[METRIC=]VALUE" in emu("compare", "--help").stdout


def test_csv_has_no_formulas(tmp_path: Path, emu: Emu) -> None:
    study = tmp_path / "study.toml"
    study.write_text(
        'name = "formulas"\nscenario = "in/scenario.toml"\nstrategies = ["pre-copy"]\n'
        'replications = 1\n[axes]\n"description" = ["=1+1", "@x"]\n',
        "utf-8",
    )
    write_scenario(tmp_path, "=1")
    ended = emu("batch", study, "--out", tmp_path / "out")
    assert ended.exit_code == 0, ended.output
    for name in ("results.csv", "means.csv"):
        cells = pd.read_csv(tmp_path / "out" / name)["description"]
        assert set(cells) == {"'=1+1", "'@x"}
    table = pd.read_parquet(tmp_path / "out" / "results.parquet")
    assert set(table["description"]) == {"=1+1", "@x"}
    assert emu("plot", tmp_path / "out").exit_code == 0


@pytest.mark.parametrize("name", ["..", ".", "", "../victim", "a/b"])
def test_a_manifest_removes_nothing_outside_its_folder(name: str, tmp_path: Path) -> None:
    folder, victim = tmp_path / "out", tmp_path / "victim"
    with new_result(folder, "run") as place:
        (place / "run.json").write_text("{}")
    victim.write_text("kept")
    manifest = folder / "result.json"
    document = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(document | {"files": [name]}))
    assert read_manifest(folder) is None
    with pytest.raises(Exception, match="no result of cluster-emu"):
        check_unused(folder, overwrite=True)
    assert victim.read_text() == "kept"


def test_a_link_in_the_folder_is_replaced_not_followed(tmp_path: Path, emu: Emu) -> None:
    victim, out = tmp_path / "victim", tmp_path / "out"
    victim.write_text("kept")
    out.mkdir()
    (out / "single.json").symlink_to(victim)
    assert emu("scenarios", "single", "--out", out).exit_code == 0
    assert victim.read_text() == "kept"
    assert not (out / "single.json").is_symlink()
    assert json.loads((out / "single.json").read_text())["name"] == "single"
