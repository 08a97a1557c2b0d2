"""A folder holds one result: it is not mixed with another, and what replaces it is whole."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster_emu import ClusterEmuError, ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.results import complete_result, new_result, own_result
from cluster_emu.results.folder_lock import LOCK
from cluster_emu.results.result_folder import (
    MANIFEST,
    MOST_MANIFEST_BYTES,
    UNFINISHED,
    added_files,
    check_unused,
    check_whole,
    read_manifest,
)
from cluster_emu.results.writing import write_text
from tests._support.small_scenarios import scenario


def write(folder: Path, command: str, *names: str, overwrite: bool = False) -> None:
    with new_result(folder, command, overwrite=overwrite) as place:
        for name in names:
            (place / name).write_text(command, "utf-8")


def files_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != LOCK}


def test_a_folder_holds_the_files_and_their_manifest(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "out"
    write(folder, "run", "a.csv", "b.csv")

    assert files_of(folder) == {"a.csv", "b.csv", MANIFEST}
    manifest = read_manifest(folder)
    assert manifest is not None
    assert (manifest.command, manifest.complete, manifest.files) == (
        "run",
        True,
        ("a.csv", "b.csv"),
    )


def test_a_used_folder_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, "run", "a.csv")
    with pytest.raises(ScenarioError, match=r"holds a result of run; overwrite replaces it"):
        write(tmp_path, "evacuate", "b.csv")
    assert files_of(tmp_path) == {"a.csv", MANIFEST}


def test_overwriting_leaves_nothing_of_the_older_result(tmp_path: Path) -> None:
    write(tmp_path, "run", "a.csv", "b.csv")
    (tmp_path / "notes.txt").write_text("mine", "utf-8")
    write(tmp_path, "evacuate", "b.csv", "c.csv", overwrite=True)

    assert files_of(tmp_path) == {"b.csv", "c.csv", "notes.txt", MANIFEST}
    assert (tmp_path / "b.csv").read_text("utf-8") == "evacuate"


def test_files_of_somebody_else_are_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine", "utf-8")
    for overwrite in (False, True):
        with pytest.raises(ScenarioError, match="files that are no result of cluster-emu"):
            check_unused(tmp_path, overwrite=overwrite)
    assert files_of(tmp_path) == {"thesis.tex"}


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").touch()
    write(tmp_path, "run", "a.csv")
    assert files_of(tmp_path) == {".DS_Store", "a.csv", MANIFEST}


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "sub/../../outside.txt"])
def test_a_manifest_cannot_reach_out_of_its_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    write(folder, "run", "a.csv")
    (tmp_path / "outside.txt").write_text("mine", "utf-8")
    document = json.loads((folder / MANIFEST).read_text("utf-8"))
    (folder / MANIFEST).write_text(json.dumps(document | {"files": [name]}), "utf-8")

    with pytest.raises(ScenarioError, match="no result of cluster-emu"):
        write(folder, "run", "b.csv", overwrite=True)
    assert (tmp_path / "outside.txt").exists()


@pytest.mark.parametrize(
    "more", [{"more": "x" * MOST_MANIFEST_BYTES}, {"more": json.loads("[" * 99 + "]" * 99)}]
)
def test_a_manifest_of_any_size_or_depth_is_none(tmp_path: Path, more: dict[str, object]) -> None:
    write(tmp_path, "run", "a.csv")
    document = json.loads((tmp_path / MANIFEST).read_text("utf-8"))
    (tmp_path / MANIFEST).write_text(json.dumps(document | {"more": 1}), "utf-8")
    assert read_manifest(tmp_path) is not None
    (tmp_path / MANIFEST).write_text(json.dumps(document | more), "utf-8")
    assert read_manifest(tmp_path) is None


def test_an_error_leaves_the_older_result(tmp_path: Path) -> None:
    write(tmp_path, "run", "a.csv")
    with (
        pytest.raises(RuntimeError),
        new_result(tmp_path, "run", overwrite=True) as place,
    ):
        (place / "b.csv").touch()
        raise RuntimeError
    assert files_of(tmp_path) == {"a.csv", MANIFEST}


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("b")])
def test_a_file_that_does_not_belong_is_named(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    write(tmp_path, "run", "a.csv", "b.csv")
    check_whole(tmp_path)
    damage(tmp_path / "b.csv")
    with pytest.raises(ClusterEmuError, match=r"b\.csv: .* run wrote"):
        check_whole(tmp_path)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / ".unfinished-killed").mkdir()
    (tmp_path / ".unfinished-killed" / "a.csv").touch()
    write(tmp_path, "run", "b.csv")
    assert files_of(tmp_path) == {"b.csv", MANIFEST}


def test_an_error_leaves_no_folder_that_was_not_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_result(tmp_path / "a" / "b", "run"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_what_was_written_marked_as_unfinished(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_result(tmp_path, "run") as place:
        (place / "a.csv").touch()
        raise KeyboardInterrupt
    manifest = read_manifest(tmp_path)
    assert manifest is not None and not manifest.complete
    with pytest.raises(ScenarioError, match="an unfinished result of run"):
        check_unused(tmp_path, overwrite=False)


def test_figures_count_to_the_result_that_they_show(tmp_path: Path) -> None:
    write(tmp_path, "run", "a.csv")
    (tmp_path / "a.png").touch()
    with added_files(tmp_path) as place:
        (place / "a.png").write_text("figure", "utf-8")
    write(tmp_path, "run", "b.csv", overwrite=True)
    assert files_of(tmp_path) == {"b.csv", MANIFEST}


def test_a_command_continues_its_own_result_and_no_other(tmp_path: Path) -> None:
    with own_result(tmp_path, "batch", "few", ["parts"]):
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "cell").touch()
    with own_result(tmp_path, "batch", "few", ["parts"]):
        assert (tmp_path / "parts" / "cell").exists()
    with (
        pytest.raises(ScenarioError, match="an unfinished result of batch few"),
        own_result(tmp_path, "batch", "many", ["parts"]),
    ):
        pass
    complete_result(tmp_path)
    with pytest.raises(ScenarioError, match="a result of batch few"):
        write(tmp_path, "run", "a.csv")
    with own_result(tmp_path, "batch", "few", ["parts"], overwrite=True):
        assert files_of(tmp_path) == {MANIFEST}


def test_a_figure_of_a_continued_result_is_replaced_with_it(tmp_path: Path) -> None:
    with own_result(tmp_path, "batch", "few", ["parts"]):
        (tmp_path / "study.png").touch()
        with added_files(tmp_path) as place:
            (place / "study.png").write_text("figure", "utf-8")
    with own_result(tmp_path, "batch", "few", ["parts"]):
        pass
    write(tmp_path, "run", "a.csv", overwrite=True)
    assert files_of(tmp_path) == {"a.csv", MANIFEST}


def test_a_streamed_run_is_saved_where_it_was_streamed_to(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    ClusterModel(scenario(), rng=1, stream_to=folder).run().save(folder)

    manifest = read_manifest(folder)
    assert manifest is not None and manifest.complete
    assert {*manifest.files, MANIFEST} == files_of(folder)
    assert "hosts.parquet" in manifest.files
    with pytest.raises(ScenarioError, match="stream_to"):
        ClusterModel(scenario(), rng=1, stream_to=folder)


def test_a_kill_at_any_step_of_saving_leaves_the_old_or_the_new_or_what_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill is an exception from one call of the file system that nobody catches."""

    class Killed(BaseException):
        pass

    def save(folder: Path, content: str) -> None:
        with new_result(folder, "run", overwrite=True) as place:
            for name in ("a", "b", "c"):
                (place / name).write_text(f"{content} {name}", "utf-8")

    def contents(folder: Path) -> set[str]:
        return {(folder / name).read_text("utf-8")[:3] for name in ("a", "b", "c")}

    calls = 0
    outcomes = []
    for last in range(1, 40):
        folder = tmp_path / str(last)
        save(folder, "old")
        calls = 0

        def counted(name: str, last: int = last) -> None:
            original = getattr(Path, name)

            def call(self: Path, *args: object, **kwargs: object) -> object:
                nonlocal calls
                calls += 1
                if calls == last:
                    raise Killed
                return original(self, *args, **kwargs)

            patch.setattr(Path, name, call)

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                counted(name)
            with contextlib.suppress(Killed):
                save(folder, "new")
        try:
            check_whole(folder)
            outcomes.append(contents(folder))
        except ClusterEmuError:
            outcomes.append(set())
        save(folder, "two")  # the folder can be used again
        check_whole(folder)
        assert contents(folder) == {"two"}

    assert all(found in ({"old"}, {"new"}, set()) for found in outcomes)
    assert {"old"} in outcomes and {"new"} in outcomes and set() in outcomes


def test_a_link_among_the_files_of_a_continued_result_is_refused(tmp_path: Path) -> None:
    folder, victim = tmp_path / "out", tmp_path / "victim"
    with own_result(folder, "batch", "a", ["cells"]):
        pass
    victim.write_text("kept")
    (folder / "cells").symlink_to(victim)
    with (
        pytest.raises(ScenarioError, match="not a link"),
        own_result(folder, "batch", "a", ["cells"]),
    ):
        pytest.fail("the folder must not be opened")
    with own_result(folder, "batch", "a", ["cells"], overwrite=True):
        assert not (folder / "cells").is_symlink()
    assert victim.read_text() == "kept"


def test_what_a_killed_process_left_is_removed_also_a_link(tmp_path: Path) -> None:
    folder, other = tmp_path / "out", tmp_path / "other"
    (folder / f"{UNFINISHED}a").mkdir(parents=True)
    other.mkdir()
    (folder / f"{UNFINISHED}b").symlink_to(other)
    with new_result(folder, "run") as place:
        (place / "x").touch()
    assert not list(folder.glob(f"{UNFINISHED}*"))
    assert other.is_dir()


def test_a_pipe_for_a_manifest_or_lock_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MANIFEST)
    assert read_manifest(tmp_path) is None
    check_whole(tmp_path)


def test_a_file_that_cannot_take_its_place_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError):
        write_text("x", tmp_path / "a.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
