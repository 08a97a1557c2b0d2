"""Folders that hold one result each: what is in them, and how a new result replaces an old one."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cluster_emu.command_line import command_line
from cluster_emu.errors import ClusterEmuError, ScenarioError
from cluster_emu.file_names import is_file_name
from cluster_emu.input_files import MIB, is_too_deep, read_input
from cluster_emu.json_output import json_text
from cluster_emu.results.folder_lock import LOCK_FILES, locked
from cluster_emu.results.versions import versions
from cluster_emu.results.writing import UNFINISHED, write_csv, write_parquet, write_text
from cluster_emu.signals import held

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "result.json"
"""The file that says which command wrote a folder's result, and which files it consists of."""

MOST_MANIFEST_BYTES = 16 * MIB
"""A manifest has some 150 bytes per file; a larger one is none."""

FIGURE_KINDS = (".png", ".svg", ".pdf")
"""How the names of figures end."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a folder holds.

    Args:
        command: the command that wrote the result, such as "run".
        complete: False if the command was interrupted.
        files: the names of the result's files and subfolders.
        digests: the SHA-256 of each file but figures that was complete when the manifest was
            written.
        name: which result of this command it is, for a command that continues its own results.
        arguments: what was typed after `cluster-emu`, see `command_line`; empty for a result that
            was saved from Python.
        versions: versions of what results depend on.
    """

    command: str
    complete: bool
    files: tuple[str, ...]
    name: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def read_manifest(folder: Path) -> Manifest | None:
    """Return what a folder holds; None if it holds no result, or its manifest cannot be read."""
    try:
        found = json.loads(read_input(folder / MANIFEST, MOST_MANIFEST_BYTES))
        if is_too_deep(found):
            return None
        files = tuple(str(name) for name in found["files"])
        digests = {str(name): str(digest) for name, digest in found["digests"].items()}
        manifest = Manifest(
            str(found["command"]),
            bool(found["complete"]),
            files,
            str(found["name"]),
            digests,
            tuple(str(argument) for argument in found.get("arguments", ())),
            {str(name): str(version) for name, version in found.get("versions", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    # a name with a separator, or "..", would lead out of the folder
    return manifest if all(map(is_file_name, (*files, *digests))) else None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write what a folder holds."""
    document = {
        "command": manifest.command,
        "name": manifest.name,
        "complete": manifest.complete,
        "arguments": manifest.arguments,
        "versions": dict(manifest.versions),
        "files": sorted(manifest.files),
        "digests": dict(sorted(manifest.digests.items())),
    }
    write_text(json_text(document), folder / MANIFEST)


def check_whole(folder: Path) -> None:
    """Check that a folder's files are those that its command wrote together.

    A folder without a manifest passes.

    Raises:
        ClusterEmuError: if a file is missing or was changed, naming it.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return
    for name, digest in manifest.digests.items():
        path = folder / name
        if not path.is_file():
            raise ClusterEmuError(f"{path}: no such file: {manifest.command} wrote it")
        if _digest(path) != digest:
            raise ClusterEmuError(
                f"{path}: not the file that {manifest.command} wrote with the others here"
            )


def _digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of files that only their command can write: figures are drawn again."""
    files = (name for name in names if not name.endswith(FIGURE_KINDS))
    return {name: _digest(folder / name) for name in files if (folder / name).is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        way = "; --overwrite replaces it" if field.startswith("--") else "; overwrite replaces it"
        if field == "stream_to":
            way = ""  # who streams cannot replace a result
        allowed = f"a new or empty folder (this one holds {held} of {of}{way})"
        raise ScenarioError(field, str(folder), allowed)


@contextmanager
def new_result(
    folder: Path,
    command: str,
    *,
    overwrite: bool = False,
    name: str = "",
    field: str = "folder",
    complete: bool = True,
) -> Iterator[Path]:
    """Give an empty place to write a result to; move it into the folder at the end.

    The folder then holds this result and a manifest, and nothing of an older one. An error leaves
    the folder as it was. After an interrupt the folder holds what was written until then, marked as
    unfinished. A signal that comes while the result moves into the folder waits until it is there.

    Args:
        folder: where the result belongs; made if it is not there.
        command: the command that writes it.
        overwrite: whether an older result is replaced.
        name: see `Manifest`.
        field: the name of the folder in an error.
        complete: False if what is written is the part of a result that an interrupt left.

    Raises:
        ScenarioError: if the folder is in use, see `check_unused`, or another process writes to it.
        OSError: if the folder cannot be written.
    """
    check_unused(folder, overwrite=overwrite, field=field)
    with locked(folder, field=field):
        # another process may have written to it
        check_unused(folder, overwrite=overwrite, field=field)
        _remove_leftovers(folder)
        place = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
        try:
            try:
                yield place
            except KeyboardInterrupt:
                with held():
                    if _written(place):
                        _move_into(folder, place, command, name, complete=False)
                raise
            with held():
                _move_into(folder, place, command, name, complete=complete)
        finally:
            shutil.rmtree(place, ignore_errors=True)


def save_study(
    folder: Path,
    command: str,
    report: tuple[str, object],
    tables: Mapping[str, pd.DataFrame],
    *,
    csv: bool,
    overwrite: bool,
    complete: bool = True,
    documents: Mapping[str, object] | None = None,
) -> list[Path]:
    """Write a study's report as JSON and its tables as Parquet; return the files written.

    Args:
        folder: a new or empty folder.
        command: the command that writes it.
        report: the name of the JSON file, and what is in it.
        tables: the tables by name.
        csv: whether the tables are written as CSV, too.
        overwrite: whether to replace an older result in this folder.
        complete: False if the study was interrupted.
        documents: further JSON files by name.

    Raises:
        ScenarioError: if the folder is in use, see `check_unused`.
    """
    contents = dict([report]) | dict(documents or {})
    names = list(contents)
    with new_result(folder, command, overwrite=overwrite, complete=complete) as place:
        for document, content in contents.items():
            write_text(json_text(content), place / document)
        for name, table in tables.items():
            names.append(f"{name}.parquet")
            write_parquet(table, place / names[-1])
            if csv:
                names.append(f"{name}.csv")
                write_csv(table, place / names[-1])
    return [folder / name for name in names]


@contextmanager
def own_result(
    folder: Path,
    command: str,
    name: str,
    files: Iterable[str],
    *,
    overwrite: bool = False,
    field: str = "folder",
) -> Iterator[None]:
    """Begin a result in its folder, or continue the same one: its files are written one by one.

    The manifest says that the result is not complete; `complete_result` says that it is.

    Args:
        folder: where the result belongs; made if it is not there.
        command: the command that writes it.
        name: which of the results of this command it is.
        files: the names of the files and subfolders that it may consist of.
        overwrite: whether an older result that is there is removed first.
        field: the name of the folder in an error.

    Raises:
        ScenarioError: if the folder holds something else, see `check_unused`, or another process
            writes to it.
    """
    wanted = Manifest(command, False, tuple(files), name, {}, command_line(), versions())
    _check_own(folder, wanted, overwrite, field)
    with locked(folder, field=field):
        _check_own(folder, wanted, overwrite, field)  # another process may have written to it
        _remove_leftovers(folder)
        there = read_manifest(folder)
        kept: tuple[str, ...] = () if there is None else there.files
        if overwrite:
            remove(folder, kept)
            kept = ()
        write_manifest(folder, replace(wanted, files=tuple({*wanted.files, *kept})))
        yield


def _check_own(folder: Path, wanted: Manifest, overwrite: bool, field: str) -> None:
    there = read_manifest(folder)
    own = (wanted.command, wanted.name)
    is_own = there is not None and (there.command, there.name) == own
    for file in wanted.files:
        if is_own and not overwrite and (folder / file).is_symlink():  # it may lead anywhere
            raise ScenarioError("folder", str(folder / file), "a file of the folder, not a link")
    if overwrite or not is_own:
        check_unused(folder, overwrite=overwrite, field=field)


def begin_result(folder: Path, command: str, files: Iterable[str]) -> None:
    """Say that files which this process begins to write are those of an unfinished result."""
    begun = Manifest(command, False, tuple(files), "", {}, command_line(), versions())
    write_manifest(folder, begun)


def own_files(folder: Path, command: str, *, complete: bool = True) -> None:
    """Make a result of all files in a folder that this process has filled.

    Args:
        folder: where they are.
        command: the command that wrote them.
        complete: False if an interrupt has left them.
    """
    names = tuple(
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".") and path.name != MANIFEST
    )
    digests = _digests(folder, names)
    result = Manifest(command, complete, names, "", digests, command_line(), versions())
    write_manifest(folder, result)


def preliminary_result(folder: Path, files: Iterable[str]) -> None:
    """Say that an interrupted process has written these files of the result in this folder.

    Who begins or continues the result takes that back, see `own_result`: after a kill the digests
    tell files of the last process from older ones.
    """
    there = read_manifest(folder)
    if there is not None:
        write_manifest(folder, replace(there, digests=_digests(folder, files)))


def complete_result(folder: Path) -> None:
    """Say that the result in this folder is complete."""
    there = read_manifest(folder)
    if there is not None:
        digests = _digests(folder, there.files)
        write_manifest(folder, replace(there, complete=True, digests=digests))


def _move_into(folder: Path, place: Path, command: str, name: str, *, complete: bool) -> None:
    """Replace what the folder holds by the files in `place`; the manifest always covers both."""
    new = _written(place)
    old = read_manifest(folder)
    old_files = () if old is None else old.files
    # with the digests of what is to come, `check_whole` finds what a kill from here on leaves out
    digests = _digests(place, new)
    result = Manifest(command, complete, new, name, digests, command_line(), versions())
    write_manifest(folder, replace(result, complete=False, files=tuple({*old_files, *new})))
    remove(folder, old_files)
    for file in new:
        (place / file).replace(folder / file)
    write_manifest(folder, result)


def _written(place: Path) -> tuple[str, ...]:
    """Return the names of what was written to the place of a new result."""
    aside = (MANIFEST, *LOCK_FILES)  # a run that streams locks the place it streams to
    return tuple(path.name for path in place.iterdir() if path.name not in aside)


def _remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed had not finished; the folder is locked."""
    remove(folder, [path.name for path in folder.glob(f"{UNFINISHED}*")])


def remove(folder: Path, names: Iterable[str]) -> None:
    """Remove files and subfolders of a result, where they are there."""
    for name in names:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def added_files(folder: Path) -> Iterator[Path]:
    """Give an empty place for files drawn from a result, such as figures; add them at the end.

    They count to the result before they are in its folder, so that whatever replaces the result
    removes them, too. An error adds none. A folder without a manifest stays without one.

    Args:
        folder: the folder of the result; this process holds its lock.

    Raises:
        OSError: if the folder cannot be written.
    """
    place = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        yield place
        names = _written(place)
        manifest = read_manifest(folder)
        if manifest is not None:
            digests = {file: one for file, one in manifest.digests.items() if file not in names}
            files = tuple({*manifest.files, *names})
            write_manifest(folder, replace(manifest, files=files, digests=digests))
        for name in names:
            (place / name).replace(folder / name)
    finally:
        shutil.rmtree(place, ignore_errors=True)
