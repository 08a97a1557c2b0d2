"""Scenarios, strategies and folders from what was typed."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_emu.cli.group import hold
from cluster_emu.cli.options import FigureStyle
from cluster_emu.errors import DiskFullError, ScenarioError
from cluster_emu.input_files import exists
from cluster_emu.optional_fields import NONE

if TYPE_CHECKING:
    from cluster_emu.scenario import Scenario

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""A full disk, a quota, and a limit on the size of files (`ulimit -f`)."""


def parse_settings(texts: list[str] | None) -> dict[str, Any]:
    """Read ``path=value`` options; values are TOML values, or plain words such as ``none``.

    Raises:
        ScenarioError: if one has no ``=``, or if two set one field, or a field and a part of it.
    """
    from cluster_emu.scenario import first_overlap, parse_value

    settings: dict[str, Any] = {}
    for text in texts or ():
        path, equals, value = text.partition("=")
        if not equals or not path.strip():
            raise ScenarioError("--set", text, "path=value")
        if overlap := first_overlap([*settings, path.strip()]):
            allowed = f"every field once (--set {overlap[0]} is given, too)"
            raise ScenarioError("--set", text, allowed)
        settings[path.strip()] = parse_value(value.strip())
    return settings


def check_given_once(settings: Mapping[str, Any], options: Mapping[str, object]) -> None:
    """Refuse a `--set` of a field that an option sets, too, since one of the two has no effect.

    Args:
        settings: fields that `--set` sets, by dotted path.
        options: for each field, the option that sets it; None if it was not given.

    Raises:
        ScenarioError: naming both.
    """
    for field, option in options.items():
        if option and field in settings:
            allowed = f"a field that {option} does not set"
            raise ScenarioError("--set", f"{field}={settings[field]}", allowed)


def check_stop_is_used(settings: Mapping[str, Any], policies: Sequence[str], option: str) -> None:
    """Refuse a `--set` of the stop rule where an option sets policies that all take its place.

    Args:
        settings: fields that `--set` sets, by dotted path.
        policies: the policies that the option sets.
        option: the option.

    Raises:
        ScenarioError: naming both.
    """
    for path, value in settings.items():
        if path.split(".")[:2] != ["transfer", "stop"] or value in (None, NONE):
            continue
        if policies and NONE not in [policy.strip() for policy in policies]:
            allowed = f"no stop rule beside {option}, whose policies decide in its place"
            raise ScenarioError("--set", f"{path}={value}", allowed)


def parse_smallest_differences(texts: list[str] | None) -> dict[str, str]:
    """Read ``metric=value`` and ``value`` options; a value alone is for all metrics.

    Raises:
        ScenarioError: if two are for the same.
    """
    given: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.rpartition("=")
        metric = name.strip() if equals else "all"
        if metric in given:
            allowed = "one value for all metrics" if metric == "all" else f"one value for {metric}"
            raise ScenarioError("--smallest-difference", text, allowed)
        given[metric] = value.strip()
    return given


def split_strategies(text: str) -> list[str]:
    """Split a list of strategies at the commas before names, not at those between parameters.

    ``a:x=1,y=2,b`` is ``a:x=1,y=2`` and ``b``: a part that gives a value belongs to the strategy
    before it, unless a name and a colon come first.
    """
    from cluster_emu.part_text import split_at_commas

    chosen: list[str] = []
    for part in (part.strip() for part in split_at_commas(text)):
        head = part.partition("=")[0]
        if chosen and "=" in part and ":" not in head:
            chosen[-1] += ("," if ":" in chosen[-1] else ":") + part
        elif part:
            chosen.append(part)
    return chosen


def chosen_scenario(name: str, settings: dict[str, Any], traces: Path | None) -> Scenario:
    """Return the scenario under that name with other values for some of its fields.

    With `traces` its VMs follow these traces, also where its own demand model uses none.

    Raises:
        ClusterEmuError: if there is no such scenario or something in it is not allowed.
    """
    from cluster_emu.scenario import load_scenario
    from cluster_emu.workload import demand_models

    scenario = load_scenario(name)
    fields = settings if traces is None else {**settings, "workload.traces": traces}
    if fields:
        scenario = scenario.with_fields(fields)
    if traces is None:
        return scenario
    demand = scenario.workload.demand.name
    if demand in demand_models.names() and not getattr(
        demand_models.factory(demand), "uses_traces", False
    ):
        return scenario.with_fields({"workload.demand": "trace"})
    return scenario


WHICH = ("hosts", "racks", "vms")
"""Arguments of studies that have the name of a section of a scenario."""


@contextmanager
def attributed_to_options(
    name: str, settings: dict[str, Any], given: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Attribute an error to the option that set the field, or else to the scenario's file.

    Args:
        name: the scenario's name or file.
        settings: fields that `--set` sets, by dotted path.
        given: options by the field that each sets.
    """
    try:
        yield
    except ScenarioError as error:
        if error.file:
            raise
        if (of_option := _of_option(error, given or {})) is not None:
            raise of_option from error
        if exists(Path(name)) and not error.field.startswith(("strategies", "--", *settings)):
            raise error.at(file=name) from error
        raise


@contextmanager
def named_as_typed(given: Mapping[str, str]) -> Iterator[None]:
    """Attribute an error to the option that set the field; any other one stays as it is.

    Args:
        given: options by the field that each sets.
    """
    try:
        yield
    except ScenarioError as error:
        if (of_option := _of_option(error, given)) is not None:
            raise of_option from error
        raise


def _of_option(error: ScenarioError, given: Mapping[str, str]) -> ScenarioError | None:
    """Return the error as one of the option that set the field; None if none did."""
    for field, option in given.items():
        # hosts.0 is a group of the scenario's, not the first host of an option
        has_parts = field not in WHICH
        if error.field == field or (has_parts and error.field.startswith(f"{field}.")):
            return _attributed(option, error, error.field[len(field) + 1 :])
    return None


def _attributed(option: str, error: ScenarioError, part: str) -> ScenarioError:
    """Return the error of an option, or of a part of it that is not the value itself."""
    where = f"{option} ({part})" if part and part != error.value else option
    return ScenarioError(where, error.value, error.allowed, is_default=error.is_default)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Turn an error of the file system into an error of `--out`.

    Raises:
        DiskFullError: if there is no room, on the disk or under a quota or limit.
        ScenarioError: on any other error, such as a folder that cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None and not _is_below(Path(os.fsdecode(error.filename)), folder):
            raise  # it is about a file of another library, such as a cache
        if error.errno in NO_ROOM:
            raise DiskFullError(f"--out = {str(folder)!r}: {error.strerror}") from error
        allowed = f"a folder that can be written ({error.strerror})"
        raise ScenarioError("--out", str(folder), allowed) from error


def _is_below(path: Path, folder: Path) -> bool:
    return path.absolute().is_relative_to(folder.absolute())


def result_folder(folder: Path | None, *, overwrite: bool) -> Path | None:
    """Return the folder if a result can be written to it, before anything is computed for it.

    No other process can write a result to it until the command ends.

    Raises:
        ScenarioError: if it holds something else, see `check_unused`, if another process writes to
            it, or if it is not usable, see `usable_folder`.
    """
    from cluster_emu.results.folder_lock import locked
    from cluster_emu.results.result_folder import check_unused

    usable = usable_folder(folder)
    if usable is not None:
        check_unused(usable, overwrite=overwrite, field="--out")
        with writing_to(usable):
            hold(locked(usable, field="--out"))
        check_unused(usable, overwrite=overwrite, field="--out")  # it may have changed before
    return usable


def usable_folder(folder: Path | None) -> Path | None:
    """Return the folder if files can be written to it.

    Raises:
        ScenarioError: if it is a file, or it or the folder it would be made in is not writable.
    """
    if folder is None:
        return None
    places = (folder.absolute(), *folder.absolute().parents)
    there = next(place for place in places if exists(place))
    try:
        folder.exists()
    except OSError as error:  # a name that is too long
        allowed = f"a folder that exists or can be made ({error.strerror})"
        raise ScenarioError("--out", str(folder), allowed) from error
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        allowed = f"a folder that exists or can be made (not below {there})"
        raise ScenarioError("--out", str(folder), allowed)
    return folder


def save_with_figures(
    folder: Path | None,
    command: str,
    save: Callable[[Path], Iterable[Path]],
    *,
    overwrite: bool,
    style: FigureStyle,
    complete: bool,
) -> list[Path]:
    """Write a result into a folder, if one was asked for; return the files written.

    Args:
        folder: a new or empty folder.
        command: the command that writes it.
        save: writes tables and figures to a folder, and returns the files.
        overwrite: whether to replace an older result there.
        style: the style of the figures.
        complete: False if the study was interrupted.
    """
    from cluster_emu.results.result_folder import new_result

    if folder is None:
        return []
    from cluster_emu.view import figure_style

    with (
        figure_style(style.value),
        writing_to(folder),
        new_result(folder, command, overwrite=overwrite, complete=complete) as place,
    ):
        files = list(save(place))
    return [folder / file.name for file in files]
