"""`cluster-emu trace`: what a recorded trace is, its neutral form, and samples of its VMs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import Command, hold
from cluster_emu.cli.inputs import result_folder, writing_to
from cluster_emu.cli.output import show_answer, show_lines, show_table, write_json
from cluster_emu.errors import NOTHING, ScenarioError, errors_at
from cluster_emu.signals import raised
from cluster_emu.wording import counted, number, whole_percent

if TYPE_CHECKING:
    from cluster_emu.traces.contract import Replay
    from cluster_emu.traces.describing import Survey, TraceReport
    from cluster_emu.traces.detection import FoundTrace
    from cluster_emu.traces.sampling import Strata

trace = typer.Typer(no_args_is_help=True)

Places = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        parser=options.path("FILE"),
        help="Files or folders of one trace.",
    ),
]
Format = Annotated[
    str,
    typer.Option(
        "--format",
        metavar="FORMAT",
        help="Its format, such as azure-2019:cores_above_24=32; without it, it is found from the "
        "content. from_s and until_s choose a part of the time: auto:until_s=86400.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", parser=options.path("--out"), help="Folder to write to."),
]


@dataclass(frozen=True, slots=True)
class WrittenTrace:
    """What `trace convert` and `trace sample` wrote.

    Args:
        source: what the trace is.
        vms: VMs written.
        samples: samples written.
        out: the folder.
    """

    source: TraceReport
    vms: int
    samples: int
    out: str


@trace.callback()
def traces() -> None:
    """Recorded traces of VMs: what they are, their neutral form, and samples of them."""


@trace.command(cls=Command)
def info(files: Places, format: Format = "auto", as_json: options.Json = False) -> None:
    """Say what traces are: format, VMs, span, interval, gaps, and what is missing."""
    from cluster_emu.traces.describing import described, survey

    hold(raised())
    found, _ = _found(files, format, several=True)
    reports = [described(survey(one)) for one in found]
    if as_json:
        write_json({"traces": reports})
        return
    for report in reports:
        _show(report)


@trace.command(cls=Command)
def convert(
    files: Places,
    format: Format = "auto",
    out: Folder = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Write a trace in the neutral form: samples.parquet and vms.parquet."""
    from cluster_emu.traces.describing import survey

    hold(raised())
    folder = _folder(out, overwrite)
    (one,), replay = _found(files, format)
    _write(survey(one), replay, None, folder, overwrite, as_json, "trace convert")


@trace.command(cls=Command)
def sample(
    files: Places,
    count: Annotated[
        int, options.whole_option("--count", 1, "How many VMs are drawn, without replacement.")
    ],
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="QUANTITY",
            help="Draw from strata of equal size by cpu, memory or lifetime, in proportion.",
        ),
    ] = None,
    strata: Annotated[int | None, options.whole_option("--strata", 2, "Number of strata.")] = None,
    seed: options.Seed = 0,
    format: Format = "auto",
    out: Folder = None,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
) -> None:
    """Write a random sample of a trace's VMs in the neutral form, all alike or stratified."""
    from cluster_emu.rng import RandomStreams, Stream
    from cluster_emu.traces.describing import survey
    from cluster_emu.traces.sampling import STRATUM_COUNT, drawn_vms

    hold(raised())
    folder = _folder(out, overwrite)
    quantity = _quantity(by)
    if strata is not None and quantity is None:
        raise ScenarioError("--strata", strata, "a number only with --by")
    (one,), replay = _found(files, format)
    found = survey(one)
    if count > len(found.vms):
        raise ScenarioError("--count", count, f"at most {len(found.vms)}, the VMs with samples")
    if (strata or 0) > len(found.vms):
        raise ScenarioError("--strata", strata, f"at most {len(found.vms)}, the VMs with samples")
    rng = RandomStreams(seed).generator(Stream.TRACE_SAMPLE)
    only = set(drawn_vms(found.vms, count, rng, quantity, strata or STRATUM_COUNT))
    _write(found, replay, only, folder, overwrite, as_json, "trace sample")


def _quantity(by: str | None) -> Strata | None:
    match by:
        case None | "cpu" | "memory" | "lifetime":
            return by
    raise ScenarioError("--by", by, "cpu, memory or lifetime")


def _folder(out: Path | None, overwrite: bool) -> Path:
    folder = result_folder(out, overwrite=overwrite)
    if folder is None:
        raise ScenarioError("--out", NOTHING, "a folder to write to")
    return folder


def _found(
    files: list[Path], format: str, *, several: bool = False
) -> tuple[list[FoundTrace], Replay]:
    """Return the traces in the files, and the parameters of replaying that were given."""
    from cluster_emu.scenario import Choice, parse_choice
    from cluster_emu.traces.contract import Replay, TraceFormat, trace_readers
    from cluster_emu.traces.detection import trace_at, traces_at

    try:
        choice = Choice.model_validate(parse_choice(format))
    except ValueError as error:
        raise ScenarioError("--format", format, str(error)) from error
    with errors_at("--format"):
        reader: Any = trace_readers.create(choice.name, **choice.parameters)
    if isinstance(reader, TraceFormat) and isinstance(reader, Replay):
        return [trace_at(files, reader)], reader
    if not isinstance(reader, Replay):
        raise ScenarioError("--format", format, "a format whose files cluster-emu trace can read")
    return (traces_at(files) if several else [trace_at(files)]), reader


def _write(
    found: Survey,
    replay: Replay,
    only: set[str] | None,
    folder: Path,
    overwrite: bool,
    as_json: bool,
    command: str,
) -> None:
    from cluster_emu.results.result_folder import new_result
    from cluster_emu.traces.converting import write_neutral
    from cluster_emu.traces.describing import described

    with writing_to(folder), new_result(folder, command, overwrite=overwrite) as place:
        vms, samples = write_neutral(found, place, replay, only)
    report = described(found)
    if as_json:
        write_json(WrittenTrace(report, vms, samples, str(folder)))
        return
    _show(report)
    show_lines("Written", [f"neutral form in {folder}"])
    show_answer(f"{counted(vms, 'VM')} with {counted(samples, 'sample')} written.")


def _show(report: TraceReport) -> None:
    how = "found from the content" if report.found else "given"
    rows = [
        ("format", f"{report.format} ({how})"),
        ("files", ", ".join(f"{count} {role}" for role, count in report.files.items())),
        ("VMs", f"{report.vms:,}"),
        ("VMs without samples", f"{report.vms_without_samples:,}"),
        ("samples", f"{report.samples:,}"),
        ("first sample", _time(report.first_s, report.first)),
        ("last sample", _time(report.last_s, report.last)),
        ("span, to the end of the last one", _seconds(report.span_s)),
        ("interval (most common)", _seconds(report.interval_s)),
        (
            "intervals",
            f"{number(report.shortest_interval_s)} to {number(report.longest_interval_s)} s, "
            f"{_share(report.regular_share)} regular",
        ),
        (
            "gaps",
            f"{report.gaps:,}, the longest {number(report.longest_gap_s)} s, "
            f"{_share(report.gap_share)} of the time",
        ),
        ("lifetimes stated", f"{report.lifetimes_stated:,}"),
        ("VMs that arrive later", f"{report.arrivals:,}"),
        ("VMs that leave earlier", f"{report.departures:,}"),
    ]
    show_table(report.title, ("", "value"), rows)
    quantities = [
        (name, f"{one.values:,}", f"{one.missing:,}", *map(number, (one.least, one.mean, one.most)))
        for name, one in report.quantities.items()
    ]
    header = ("quantity", "values", "missing", "least", "mean", "most")
    show_table("What the samples hold", header, quantities)
    show_lines("Not in the trace", [", ".join(report.absent)])
    show_lines("Known of VMs", [", ".join(f"{k} of {n:,}" for k, n in report.facts.items())])
    show_lines("Counted", [f"{what}: {count:,}" for what, count in report.counts.items()])
    show_lines("Assumptions", report.notes)
    show_lines("Ignored, as they are no traces", [", ".join(report.ignored)])


def _time(time_s: float | None, text: str | None) -> str:
    if time_s is None:
        return "-"
    return f"{time_s:,.3f} s".replace(".000", "") + (f" ({text})" if text else "")


def _seconds(time_s: float | None) -> str:
    return "-" if time_s is None else f"{number(time_s)} s"


def _share(share: float | None) -> str:
    return "-" if share is None else whole_percent(share)
