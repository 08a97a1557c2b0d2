"""Which files make up a trace, and in which format they are: found by their content, or given."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path

from cluster_emu.errors import TraceError
from cluster_emu.traces.contract import Roles, TraceFormat, trace_readers
from cluster_emu.traces.files import (
    WANTED_FOLDER,
    TraceFile,
    files_at,
    printable,
    some_of,
)
from cluster_emu.traces.recording import Recording

UNUSED = "unused"
SAMPLES = "samples"
LINE_SHOWN = 60
"""Characters of a line that a message shows."""


@dataclass(frozen=True, slots=True, eq=False)
class FoundTrace:
    """The files of a trace and their format.

    Args:
        format: the format.
        files: by what they hold.
        ignored: names of files that are no traces, and of what else is in the folder.
        label: in words, what they are and where.
        by_content: whether the format was found, and not given.
    """

    format: TraceFormat
    files: Roles
    ignored: Sequence[str]
    label: str
    by_content: bool

    def recording(self) -> Recording:
        """Begin to read the trace; each call reads the files anew."""
        recording = self.format.recording(self.files)
        recording.where = self.used_files[0].path
        return recording

    @property
    def used_files(self) -> list[TraceFile]:
        """The files that are read."""
        return [file for role, files in self.files.items() if role != UNUSED for file in files]


@dataclass(slots=True)
class _Listing:
    """What is at the places that were named."""

    files: list[TraceFile] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    others: list[str] = field(default_factory=list)


def known_formats() -> dict[str, TraceFormat]:
    """Return every format that files can be found in by their content, by name."""
    made = {name: trace_readers.create(name) for name in trace_readers.names()}
    return {name: one for name, one in made.items() if isinstance(one, TraceFormat)}


def trace_at(
    places: Sequence[Traversable], format: TraceFormat | None = None, label: str = ""
) -> FoundTrace:
    """Return the trace at some places, which all are parts of it.

    Args:
        places: files and folders.
        format: the format; None finds it by what is in the files.
        label: what the place is called; without it, its name.

    Raises:
        TraceError: if there is none, if it is in no known format, or in several.
    """
    listing = _listed(places)
    if format is not None:
        return _in_format(listing, places, format, label, by_content=False)
    traces = _by_format(listing, places)
    if len(traces) > 1:
        found = "; ".join(
            f"{one.format.name}: {some_of([file.name for file in one.used_files])}"
            for one in traces
        )
        raise TraceError(
            str(places[0]), 0, found, "a trace of one format, or trace_format to choose one"
        )
    return traces[0]


def traces_at(places: Sequence[Traversable]) -> list[FoundTrace]:
    """Return the traces at some places, one for each format that is found there.

    Raises:
        TraceError: if there is none.
    """
    return _by_format(_listed(places), places)


def _listed(places: Sequence[Traversable]) -> _Listing:
    listing = _Listing()
    for place in places:
        files, others = files_at(place)
        listing.files += files
        listing.others += others
        if not place.is_dir():
            listing.named |= {file.path for file in files}
    return listing


def _by_format(listing: _Listing, places: Sequence[Traversable]) -> list[FoundTrace]:
    formats = known_formats()
    claims = {
        name: {file.path for file in listing.files if one.claims(file)}
        for name, one in formats.items()
    }
    names = _without_contained(claims)
    if not names:
        raise _unknown(listing, places, formats)
    known = {
        file.path
        for name in names
        for file in listing.files
        if formats[name].role(file) is not None
    }
    unknown = [file for file in listing.files if file.path not in known]
    for file in unknown:
        if file.path in listing.named:
            raise _unrecognised(file, formats)
    claimed = {path for name in names for path in claims[name]}
    return [
        _in_format(
            listing,
            places,
            formats[name],
            "",
            by_content=True,
            elsewhere=known,
            not_of_it=claimed - claims[name],
        )
        for name in names
    ]


def _without_contained(claims: dict[str, set[str]]) -> list[str]:
    """Return the formats that claim files, without those whose files are all another one's, too.

    Readings of Azure, for example, look alike in both versions; the table of VMs tells which it is.
    Of formats with equal claims the first one by name is taken.
    """
    ordered = sorted(claims, key=lambda name: (-len(claims[name]), name))
    kept: list[str] = []
    for name in ordered:
        if claims[name] and not any(claims[name] <= claims[other] for other in kept):
            kept.append(name)
    return sorted(kept)


def _in_format(
    listing: _Listing,
    places: Sequence[Traversable],
    format: TraceFormat,
    label: str,
    *,
    by_content: bool,
    elsewhere: Iterable[str] = (),
    not_of_it: Container[str] = (),
) -> FoundTrace:
    """Return the trace of one format; files that are of another one are left out.

    Those in `not_of_it` are left out although they look alike, such as the table of VMs of the
    other version of a trace.
    """
    roles: dict[str, list[TraceFile]] = {}
    without: list[TraceFile] = []
    for file in listing.files:
        role = None if file.path in not_of_it else format.role(file)
        if role is None:
            without.append(file)
        else:
            roles.setdefault(role, []).append(file)
    known = [file for role, files in roles.items() if role != UNUSED for file in files]
    others = set(elsewhere)
    ignored = list(listing.others)
    for file in without:
        if file.path in others:
            continue
        if file.path in listing.named or format.may_be(file, known):
            # reading it says what is wrong with it, and where
            roles.setdefault(SAMPLES, []).append(file)
        else:
            ignored.append(file.name)
    if not any(files for role, files in roles.items() if role != UNUSED):
        raise _unknown(listing, places, {format.name: format})
    first = places[0]
    name = first.resolve().name if isinstance(first, Path) else first.name
    kind = "folder " if first.is_dir() else ""
    more = f" and {len(places) - 1} more" if len(places) > 1 else ""
    return FoundTrace(
        format,
        roles,
        sorted(ignored, key=os.fsencode),
        label or f"{format.title} {kind}{printable(os.fsencode(name))}{more}",
        by_content,
    )


def _unknown(
    listing: _Listing, places: Sequence[Traversable], formats: dict[str, TraceFormat]
) -> TraceError:
    """Return the error about places without any trace."""
    place = places[0]
    if not place.is_dir() and listing.files:
        return _unrecognised(listing.files[0], formats)
    names = sorted([*listing.others, *(file.name for file in listing.files)], key=os.fsencode)
    what = f"no trace file, but {some_of(names)}" if names else "an empty folder"
    return TraceError(str(place), 0, what, WANTED_FOLDER)


def _unrecognised(file: TraceFile, formats: dict[str, TraceFormat]) -> TraceError:
    line = file.first_line
    shown = f"{line[:LINE_SHOWN]}..." if len(line) > LINE_SHOWN else line
    what = " or ".join(
        [", ".join(list(formats)[:-1]), list(formats)[-1]] if len(formats) > 1 else formats
    )
    found = shown if file.head.strip() else "end of the file"
    return file.error(1, found, f"a trace in the format {what}")
