"""Folders that hold one result each: what is in them, and how a new result replaces an old one."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import json_text
from cluster_emu.results.writing import write_text

MANIFEST = "result.json"
"""The file that says which command wrote a folder's result, and which files it consists of."""

UNFINISHED = ".unfinished-"
"""Start of the name of the subfolder in which a result is written before it is moved into place."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds.

    Args:
        command: the command that wrote the result, such as "run".
        complete: False if the command was interrupted.
        files: the names of the result's files and subfolders.
        name: which result of this command it is, for a command that continues its own results.
    """

    command: str
    complete: bool
    files: tuple[str, ...]
    name: str = ""


def read_manifest(folder: Path) -> Manifest | None:
    """Return what a folder holds; None if it holds no result, or its manifest cannot be read."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = tuple(str(name) for name in found["files"])
        manifest = Manifest(
            str(found["command"]), bool(found["complete"]), files, str(found.get("name", ""))
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # a name with a separator would lead out of the folder
    return manifest if all(Path(name).name == name for name in files) else None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what a folder holds."""
    document = {
        "command": manifest.command,
        "name": manifest.name,
        "complete": manifest.complete,
        "files": sorted(manifest.files),
    }
    write_text(json_text(document), folder / MANIFEST)


def check_unused(folder: Path, *, overwrite: bool, field: str = "folder") -> None:
    """Refuse a folder in which a new result would mix with what is there.

    Files whose names begin with a dot do not count.

    Args:
        folder: where a result is to be written.
        overwrite: whether a result of this package that is there may be replaced.
        field: the name of the folder in an error.

    Raises:
        ScenarioError: if the folder holds a result and `overwrite` is false, or if it holds files
            that are no result of this package.
    """
    if not folder.is_dir() or not any(not path.name.startswith(".") for path in folder.iterdir()):
        return
    manifest = read_manifest(folder)
    if manifest is None:
        allowed = "a new or empty folder (this one holds files that are no result of cluster-emu)"
        raise ScenarioError(field, str(folder), allowed)
    if not overwrite:
        held = "a result" if manifest.complete else "an unfinished result"
        of = f"{manifest.command} {manifest.name}".rstrip()
        allowed = f"a new or empty folder (this one holds {held} of {of}; overwrite replaces it)"
        raise ScenarioError(field, str(folder), allowed)


@contextmanager
def new_result(
    folder: Path, command: str, *, overwrite: bool = False, name: str = ""
) -> Iterator[Path]:
    """Give an empty place to write a result to; move it into the folder at the end.

    The folder then holds this result and a manifest, and nothing of an older one. An error leaves
    the folder as it was. After an interrupt the folder holds what was written until then, marked as
    unfinished.

    Args:
        folder: where the result belongs; made if it is not there.
        command: the command that writes it.
        overwrite: whether an older result is replaced.
        name: see `Manifest`.

    Raises:
        ScenarioError: if the folder is in use, see `check_unused`.
        OSError: if the folder cannot be written.
    """
    check_unused(folder, overwrite=overwrite)
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        yield place
        _move_into(folder, place, command, name, complete=True)
    except (KeyboardInterrupt, SystemExit):
        if any(place.iterdir()):
            _move_into(folder, place, command, name, complete=False)
        raise
    finally:
        shutil.rmtree(place, ignore_errors=True)
        with suppress(OSError):  # a folder with files in it stays
            for each in made:
                each.rmdir()


def own_result(
    folder: Path, command: str, name: str, files: Iterable[str], *, overwrite: bool = False
) -> None:
    """Begin a result in its folder, or continue the same one: its files are written one by one.

    The manifest says that the result is not complete; `complete_result` says that it is.

    Args:
        folder: where the result belongs; made if it is not there.
        command: the command that writes it.
        name: which of the results of this command it is.
        files: the names of the files and subfolders that it may consist of.
        overwrite: whether an older result that is there is removed first.

    Raises:
        ScenarioError: if the folder holds something else, see `check_unused`.
    """
    there = read_manifest(folder)
    is_own = there is not None and (there.command, there.name) == (command, name)
    if overwrite or not is_own:
        check_unused(folder, overwrite=overwrite)
        remove(folder, () if there is None else there.files)
    folder.mkdir(parents=True, exist_ok=True)
    write_manifest(folder, Manifest(command, False, tuple(files), name))


def complete_result(folder: Path) -> None:
    """Say that the result in this folder is complete."""
    there = read_manifest(folder)
    if there is not None:
        write_manifest(folder, replace(there, complete=True))


def _move_into(folder: Path, place: Path, command: str, name: str, *, complete: bool) -> None:
    """Replace what the folder holds by the files in `place`; the manifest always covers both."""
    new = tuple(path.name for path in place.iterdir() if path.name != MANIFEST)
    old = read_manifest(folder)
    old_files = () if old is None else old.files
    write_manifest(folder, Manifest(command, False, tuple({*old_files, *new}), name))
    remove(folder, old_files)
    for file in new:
        (place / file).replace(folder / file)
    write_manifest(folder, Manifest(command, complete, new, name))


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files and subfolders of a result, where they are there."""
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def add_files(folder: Path, files: Iterable[Path]) -> None:
    """Count files that were written into a result's folder later, such as figures, to the result.

    A folder without a manifest stays without one.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return
    names = {file.name for file in files if file.parent.resolve() == folder.resolve()}
    if names - {*manifest.files}:
        files_now = tuple({*manifest.files, *names})
        write_manifest(folder, replace(manifest, files=files_now))
