"""`cluster-emu validate`: our results held against others'."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.group import Command
from cluster_emu.cli.output import show_lines, show_table, write_json
from cluster_emu.wording import counted, number, percent, whole_percent

CLOUDSIM = "dvfs, thr-mmt, iqr-mmt, mad-mmt, lr-mmt, iqr-mu, iqr-mc"
"""Names of `POLICIES`, which are not imported for --help."""

validate = typer.Typer()


@validate.callback(invoke_without_command=True)
def validations(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            metavar="FILE",
            parser=options.path("--data"),
            help="CSV with migrations measured with QEMU; those of the repository without it.",
        ),
    ] = None,
    traces: Annotated[
        Path | None,
        typer.Option(
            "--traces",
            metavar="DIR",
            parser=options.path("--traces"),
            help="Folder of PlanetLab traces, one file per VM, for CloudSim's day.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Hold our results against measurements and against other simulators, all in one table.

    What is not there is skipped and named. The status is 1 if a comparison does not hold.
    """
    if context.invoked_subcommand is not None:
        return
    from cluster_emu.validation.oracles import run_oracles

    results = list(run_oracles(data, traces))
    if as_json:
        write_json([one.document() for one in results])
    else:
        rows = [
            (one.name, one.oracle, str(one.cases), one.found, one.asked, _verdict(one.holds))
            for one in results
            if not one.skipped
        ]
        header = ("what", "compared with", "cases", "difference", "asked", "")
        show_table("Validation", header, rows, text_columns=6)
        skipped = [f"{one.name} ({one.oracle}): {one.skipped}" for one in results if one.skipped]
        if skipped:
            show_lines("Skipped", skipped)
    if any(one.holds is False for one in results):
        raise typer.Exit(1)


def _verdict(holds: bool | None) -> str:
    return "holds" if holds else "does not hold"


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
    from cluster_emu.validation.cloudsim import published_source, validate_cloudsim

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


@validate.command(cls=Command)
def qemu(
    data: Annotated[
        Path,
        typer.Option(
            "--data",
            metavar="FILE",
            parser=options.path("--data"),
            help="CSV with measured migrations; validation/qemu of the repository has one.",
        ),
    ],
    as_json: options.Json = False,
    fidelity: Annotated[
        str, typer.Option("--fidelity", metavar="MODEL", help="Memory model: pages or lumped.")
    ] = "pages",
    seeds: Annotated[
        int, options.whole_option("--seeds", 1, "Seeds that each figure is the mean of.", 1000)
    ] = 3,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            parser=options.path("--plot"),
            help="Picture of measured and emulated values, in the format its name ends with.",
        ),
    ] = None,
) -> None:
    """Migrations measured with QEMU, emulated from their configuration."""
    from cluster_emu.validation import validate_qemu

    agreement = validate_qemu(data, fidelity=fidelity, seeds=seeds)
    if plot is not None:
        from cluster_emu.view.qemu_validation import draw_agreement
        from cluster_emu.view.saving import save_figure

        save_figure(draw_agreement(agreement), plot)
    document = agreement.document()
    if as_json:
        write_json(document)
        return
    header = ("rows", "n", "total time", "p95", "bytes", "p95", "downtime", "p95", "rounds off")
    rows = [
        _qemu_row(name, figures)
        for name, figures in (("plain", document["metrics"]), *document["by_mode"].items())
    ]
    show_table(f"Errors against QEMU, medians, {fidelity}", header, rows)
    wrong = document["wrong_verdicts"]
    show_lines(
        "Converged or not",
        [f"{counted(len(wrong), 'row')} of {document['n']} wrong: {', '.join(wrong) or 'none'}"],
    )
    if reasons := sorted(set(agreement.skipped.values())):
        show_lines(f"Left out: {counted(len(agreement.skipped), 'row')}", reasons)
    show_lines(
        "Largest errors of the total time",
        [
            f"{one['id']}: total {percent(one['total_time'])}, bytes "
            f"{percent(one['transferred_bytes'])}, downtime {one['downtime_ms']:+.0f} ms, "
            f"rounds {one['rounds']:+.1f}: {one['guess']}"
            for one in document["worst"]
        ],
    )


def _qemu_row(name: str, figures: dict[str, Any]) -> tuple[str, ...]:
    shares = [
        "-" if figure is None else f"{100 * figure:.2f} %"
        for what in ("total_time", "transferred_bytes")
        for figure in (figures[what]["median_ape"], figures[what]["p95_ape"])
    ]
    times = [
        "-" if figure is None else f"{figure:.1f} ms"
        for figure in (figures["downtime"]["median_ms"], figures["downtime"]["p95_ms"])
    ]
    off = "-"
    if (rounds := figures["rounds"])["median_off"] is not None:
        off = f"{rounds['median_off']:.1f} (at most {rounds['max_off']:.1f})"
    return name, str(figures["n"]), *shares, *times, off


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
