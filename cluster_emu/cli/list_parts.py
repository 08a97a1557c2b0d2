"""`cluster-emu list`: every part that a scenario can name, write profiles, and metrics."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import usable_folder
from cluster_emu.cli.output import save_json, show_lines, show_table, write_json
from cluster_emu.errors import UnknownNameError
from cluster_emu.file_names import file_name

if TYPE_CHECKING:
    from cluster_emu.part_parameters import ParameterDescription
    from cluster_emu.plugin_loading import UnloadedPart
    from cluster_emu.plugins import PartDescription, Registry

PROFILES, METRICS = "write-profiles", "metrics"
_KIND_IN_WORDS = {PROFILES: "write profile", METRICS: "metric"}
NUMBER = re.compile(r"[-+]?\d[\d.]*(e[-+]?\d+)?")


@dataclass(frozen=True, slots=True)
class Family:
    """A family of parts, as `list --json` prints it.

    Args:
        kind: its name, such as "stop-rules".
        summary: what its parts decide.
        group: the entry point group under which other distributions add parts.
        parts: the parts by name.
        not_loaded: parts of other distributions that could not be loaded.
    """

    kind: str
    summary: str
    group: str
    parts: tuple[PartDescription, ...]
    not_loaded: tuple[UnloadedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """A metric, as `list metrics NAME --json` prints it.

    Args:
        name: its column in the summary, with the unit of its values at the end.
        label: what a reader sees.
        unit: the unit a reader sees, empty for counts.
        summary: what it means.
        found_as: how its value of a run is found.
        compared: whether `compare` and `run` show it.
    """

    name: str
    label: str
    unit: str
    summary: str
    found_as: str
    compared: bool


@dataclass(frozen=True, slots=True)
class Metrics:
    """All metrics, as `list metrics --json` prints them.

    Args:
        kind: "metrics".
        summary: what a metric is.
        group: the entry point group under which other distributions add metrics.
        parts: the metrics in the order of the summary.
        not_loaded: metrics of other distributions that could not be loaded.
    """

    kind: str
    summary: str
    group: str
    parts: tuple[MetricDescription, ...]
    not_loaded: tuple[UnloadedPart, ...] = ()


def list_parts(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]", help="List the parts of this kind, such as stop-rules or metrics."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Describe this part.")
    ] = None,
    seed: options.Seed = 0,
    out: options.Out = None,
    as_json: options.Json = False,
) -> None:
    """List the kinds of parts that scenarios name, the parts of a kind, or one with parameters."""
    folder = usable_folder(out)
    known = _kinds()
    if kind is None:
        document: Any = tuple(describe() for describe in known.values())
    elif kind not in known:
        raise UnknownNameError("kind of part", kind, known)
    else:
        document = known[kind]() if name is None else _one_of(known[kind](), name)
    if folder is not None:
        save_json(document, folder / f"{file_name(name or kind or 'parts')}.json")
    if as_json:
        write_json(document)
    elif kind is None:
        _show_families(document)
    elif isinstance(document, Metrics):
        _show_metrics(document)
    elif isinstance(document, MetricDescription):
        _show_metric(document)
    elif name is None:
        _show_family(document)
    else:
        _show_part(document, kind)


def _kinds() -> dict[str, Callable[[], Family | Metrics]]:
    """Return what describes each kind: the families of the registries, profiles and metrics."""
    from cluster_emu.plugins import families

    found: dict[str, Callable[[], Family | Metrics]] = {
        kind: partial(_family, registry) for kind, registry in families().items()
    }
    return found | {PROFILES: _profiles, METRICS: _metrics}


def _one_of(found: Family | Metrics, name: str) -> PartDescription | MetricDescription:
    """Return the part of that name.

    Raises:
        UnknownNameError: if there is none; the message lists those there are.
    """
    by_name = {part.name: part for part in found.parts}
    if name not in by_name:
        unloaded = next((part for part in found.not_loaded if part.name == name), None)
        kind = _KIND_IN_WORDS.get(found.kind) or _kind_of(found)
        raise UnknownNameError(kind, name, by_name, unloaded)
    return by_name[name]


def _kind_of(found: Family | Metrics) -> str:
    from cluster_emu.plugins import families

    return families()[found.kind].kind


def _profiles() -> Family:
    """Return the write profiles that come with the package."""
    from cluster_emu.plugins import PartDescription
    from cluster_emu.workload import load_profiles

    parts = tuple(
        PartDescription(name, profile.summary, f"{profile.source} ({profile.tag})", ())
        for name, profile in load_profiles().items()
    )
    return Family(PROFILES, "how a VM writes its pages, as vms.N.profile names it", "", parts)


def _metrics() -> Metrics:
    """Return the metrics of the catalogue."""
    from cluster_emu.metrics.aggregations import in_words
    from cluster_emu.metrics.catalogue import metric_catalogue

    parts = tuple(
        MetricDescription(
            name=one.name,
            label=one.label,
            unit=one.unit,
            summary=one.description,
            found_as="sum over VMs of a drain" if one.value is None else in_words(one.value),
            compared=one.comparison_rank is not None,
        )
        for one in metric_catalogue
    )
    summary = "figures of a run, as the table `summary` and comparisons have them"
    group, unloaded = metric_catalogue.group, metric_catalogue.unloaded()
    return Metrics(METRICS, summary, group, parts, unloaded)


def _family(registry: Registry[Any]) -> Family:
    parts = tuple(registry.describe(name) for name in registry.names())
    return Family(registry.family, registry.summary, registry.group, parts, registry.unloaded())


def _show_families(families: tuple[Family | Metrics, ...]) -> None:
    rows = [
        (family.kind, family.summary, ", ".join(part.name for part in family.parts))
        for family in families
    ]
    show_table("Parts", ("kind", "what its parts decide", "names"), rows, text_columns=3)
    for family in families:
        _show_unloaded(family)
    show_lines("More", ["cluster-emu list KIND [NAME] describes parts and their parameters"])


def _show_family(family: Family) -> None:
    rows = [
        (part.name, part.summary, ", ".join(map(_setting, part.parameters)), part.source)
        for part in family.parts
    ]
    header = ("name", "what it does", "parameters", "source")
    show_table(f"{family.kind}: {family.summary}", header, rows, text_columns=4)
    if family.group:
        show_lines("Entry points of other distributions", [family.group])
    _show_unloaded(family)


def _show_unloaded(family: Family | Metrics) -> None:
    show_lines(f"{family.kind}, not loaded", map(str, family.not_loaded))


def _show_metrics(metrics: Metrics) -> None:
    rows = [(one.name, _label(one), one.summary, one.found_as) for one in metrics.parts]
    header = ("name", "shown as", "what it means", "found as")
    show_table(f"{metrics.kind}: {metrics.summary}", header, rows, text_columns=4)
    show_lines("Entry points of other distributions", [metrics.group])
    _show_unloaded(metrics)


def _show_metric(metric: MetricDescription) -> None:
    show_lines(f"{metric.name} ({METRICS})", [metric.summary])
    show_lines("Shown as", [_label(metric)])
    show_lines("Found as", [metric.found_as])
    show_lines("Compared", ["by run and compare" if metric.compared else "no, in the summary only"])


def _label(metric: MetricDescription) -> str:
    return f"{metric.label} ({metric.unit})" if metric.unit else metric.label


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
