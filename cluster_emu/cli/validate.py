"""`cluster-emu validate`: our results held against others'."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import Command
from cluster_emu.cli.output import show_lines, show_table, write_json
from cluster_emu.wording import counted, number, percent, whole_percent

CLOUDSIM = "dvfs, thr-mmt, iqr-mmt, mad-mmt, lr-mmt, iqr-mu, iqr-mc"
"""Names of `POLICIES`, which are not imported for --help."""

validate = typer.Typer(no_args_is_help=True)


@validate.callback()
def validations() -> None:
    """Hold our results against those of other simulators."""


@validate.command(cls=Command)
def scalar(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="FILE",
            parser=options.path("--data"),
            help="JSON with cases and their results.",
        ),
    ],
    as_json: options.Json = False,
) -> None:
    """Migrations without pages: total time and downtime against another simulator's."""
    from cluster_emu.validation import validate_scalar

    agreement = validate_scalar(data)
    document = agreement.document()
    if as_json:
        write_json(document)
        return
    columns = ["total_time_s", "given_total_time_s", "downtime_s", "given_downtime_s"]
    rows = (
        (str(row["case"]), str(row["vm"]), *(number(row[column]) for column in columns))
        for row in agreement.table.to_dict("records")
    )
    header = ("case", "vm", "total time s", "given", "downtime s", "given")
    show_table("Scalar migrations", header, rows, text_columns=2)
    show_lines(
        "Largest differences",
        [
            f"total time, relative: {document['total_time_max_rel']:.2g}",
            f"downtime: {document['downtime_max_abs_s']:.2g} s",
        ],
    )


@validate.command(cls=Command)
def cloudsim(
    traces: Annotated[
        Path,
        typer.Option(
            "--traces",
            metavar="DIR",
            parser=options.path("--traces"),
            help="Folder of PlanetLab traces, one file per VM.",
        ),
    ],
    policy: Annotated[str, typer.Option("--policy", metavar="NAME", help=f"One of {CLOUDSIM}.")],
    as_json: options.Json = False,
    hosts: Annotated[int, options.whole_option("--hosts", 1, "Number of hosts.", 10_000)] = 800,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="ORDER",
            help="Order of the VMs, by file name: upper (in upper case, as CloudSim's published "
            "figures) or sorted (in byte order).",
        ),
    ] = "upper",
    limit: Annotated[
        int | None, options.whole_option("--limit", 1, "Take the first so many traces.")
    ] = None,
) -> None:
    """A day of consolidation by CloudSim's rules, next to CloudSim 4.0's figures."""
    from cluster_emu.validation import validate_cloudsim
    from cluster_emu.validation.cloudsim import published_source

    agreement = validate_cloudsim(traces, policy, hosts=hosts, order=order, limit=limit)
    if as_json:
        write_json(agreement.document())
        return
    rows = (
        (name, *(_exact(figure) for figure in (ours, theirs)), _difference(ours, theirs))
        for name, ours, theirs in agreement.rows()
    )
    vms = counted(agreement.traces, "VM")
    title = f"{policy}: {vms} on {counted(hosts, 'host')}, traces in the order {order!r}"
    show_table(title, ("figure", "here", "CloudSim 4.0", "difference"), rows)
    causes = agreement.day.slatah_by_cause
    show_lines(
        "What the SLA violation time of hosts is",
        [
            f"{whole_percent(causes.arrivals)} VMs that arrive, booked in full",
            f"{whole_percent(causes.cpu_shortage)} a lack of CPU",
            f"{whole_percent(causes.rounding)} rounding",
        ]
        if agreement.day.slatah
        else [],
    )
    known = published_source() if agreement.published else "it was not run on these traces"
    show_lines("CloudSim's figures", [known])


def _exact(figure: float | None) -> str:
    """Return a figure with more digits than `number` gives, as they are to be compared."""
    if figure is None:
        return "-"
    return f"{figure:,}" if isinstance(figure, int) else f"{figure:.9g}"


def _difference(ours: float, theirs: float | None) -> str:
    """Return how much more we have than they, in per cent of theirs."""
    if theirs is None:
        return ""
    return percent((ours - theirs) / theirs) if theirs else "0 %" if ours == theirs else "-"
