"""`cluster-emu list`: every part that a scenario can name, from the registries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import usable_folder
from cluster_emu.cli.output import save_json, show_lines, show_table, write_json

if TYPE_CHECKING:
    from cluster_emu.part_parameters import ParameterDescription
    from cluster_emu.plugins import PartDescription, Registry

NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Family:
    """A family of parts, as `list --json` prints it.

    Args:
        kind: its name, such as "stop-rules".
        summary: what its parts decide.
        group: the entry point group under which other distributions add parts.
        parts: the parts by name.
    """

    kind: str
    summary: str
    group: str
    parts: tuple[PartDescription, ...]


def list_parts(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="List the parts of this kind, such as stop-rules."),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Describe this part.")
    ] = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """List the kinds of parts that scenarios name, the parts of a kind, or one part."""
    folder = usable_folder(out)
    if kind is None:
        document: Any = tuple(_family(each) for each in _registries().values())
    elif name is None:
        document = _family(_registry(kind))
    else:
        document = _registry(kind).describe(name)
    if folder is not None:
        save_json(document, folder / f"{name or kind or 'parts'}.json")
    if as_json:
        write_json(document)
    elif kind is None:
        _show_families(document)
    elif name is None:
        _show_family(document)
    else:
        _show_part(document, kind)


def _registries() -> dict[str, Registry[Any]]:
    from cluster_emu.plugins import families

    return families()


def _registry(kind: str) -> Registry[Any]:
    """Return the registry of a family.

    Raises:
        UnknownNameError: if there is no such family; the message lists those there are.
    """
    from cluster_emu.errors import UnknownNameError

    known = _registries()
    if kind not in known:
        raise UnknownNameError("kind of part", kind, known)
    return known[kind]


def _family(registry: Registry[Any]) -> Family:
    parts = tuple(registry.describe(name) for name in registry.names())
    return Family(registry.family, registry.summary, registry.group, parts)


def _show_families(families: tuple[Family, ...]) -> None:
    rows = [
        (family.kind, family.summary, ", ".join(part.name for part in family.parts))
        for family in families
    ]
    show_table("Parts", ("kind", "what its parts decide", "names"), rows, text_columns=3)
    show_lines("More", ["cluster-emu list KIND [NAME] describes parts and their parameters"])


def _show_family(family: Family) -> None:
    rows = [
        (part.name, part.summary, ", ".join(map(_setting, part.parameters)), part.source)
        for part in family.parts
    ]
    header = ("name", "what it does", "parameters", "source")
    show_table(f"{family.kind}: {family.summary}", header, rows, text_columns=4)
    show_lines("Entry points of other distributions", [family.group])


def _setting(parameter: ParameterDescription) -> str:
    """Return a parameter with its default and unit: ``deadline_s = 3600 s``."""
    if parameter.default is None:
        return parameter.name
    unit = parameter.unit if NUMBER.fullmatch(parameter.default) else ""
    return f"{parameter.name} = {parameter.default} {unit}".rstrip()


def _show_part(part: PartDescription, kind: str) -> None:
    rows = [
        (one.name, one.default or "required", one.unit, one.type, one.description)
        for one in part.parameters
    ]
    show_lines(f"{part.name} ({kind})", [part.summary])
    show_lines("Source", [part.source])
    if not rows:
        show_lines("Parameters", ["none"])
        return
    header = ("parameter", "default", "unit", "allowed", "meaning")
    show_table("Parameters", header, rows, text_columns=5)
