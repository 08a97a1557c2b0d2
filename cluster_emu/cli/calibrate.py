"""`cluster-emu calibrate`: write classes from a dirty curve, constants from measured migrations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.output import show_answer, show_lines, show_table, write_json
from cluster_emu.errors import ScenarioError
from cluster_emu.wording import number

if TYPE_CHECKING:
    from cluster_emu.calibration import CurveReport
    from cluster_emu.calibration.migrations import Constant


def calibrate(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            parser=options.path("FILE"),
            help="JSON with dirty pages after several periods, or CSV with measured migrations.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.toml",
            parser=options.path("--out"),
            help="File for the write profile (for workload.profiles), or for the constants.",
        ),
    ] = None,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Name of the profile.")
    ] = "calibrated",
    classes: Annotated[
        int | None,
        options.whole_option(
            "--classes", 1, "Fit so many write classes; without it the data say.", 3
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot",
            metavar="FILE",
            parser=options.path("--plot"),
            help="Draw the curve and the fit to a PNG, SVG or PDF file.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fit write classes to measured dirty pages, or constants to measured migrations."""
    if not name.strip():
        raise ScenarioError("--name", name, "a name")
    if file.suffix.lower() == ".csv":
        if plot is not None or classes is not None:
            given = "--plot" if plot is not None else "--classes"
            raise ScenarioError(given, file.name, "only with a JSON file of dirty pages")
        _migrations(file, out, as_json)
        return
    from cluster_emu.calibration import fit_curve, profile_text, read_curve, report_of

    curve = read_curve(file)
    if classes is not None and curve.periods < 2 * classes:
        allowed = f"at most {max(curve.periods // 2, 1)}, as there are {curve.periods} periods"
        if curve.periods > 1 or classes > 1:
            raise ScenarioError("--classes", classes, allowed)
    fit = fit_curve(curve, classes)
    if plot is not None:
        from cluster_emu.view import save_figure
        from cluster_emu.view.calibration import draw_dirty_curve

        save_figure(draw_dirty_curve(fit), plot)
    if out is not None:
        _write(profile_text(fit, name), out)
    report = report_of(fit)
    if as_json:
        write_json(report)
        return
    _show(report, name, out)


def _write(text: str, out: Path) -> None:
    from cluster_emu.results.writing import write_text

    if not out.parent.is_dir() or out.is_dir():
        raise ScenarioError("--out", str(out), "a file in a folder that exists")
    write_text(text, out)


def _migrations(file: Path, out: Path | None, as_json: bool) -> None:
    from cluster_emu.calibration import constants_text, fit_migrations

    found = fit_migrations(file)
    if out is not None:
        _write(constants_text(found), out)
    if as_json:
        write_json(found)
        return
    rows = [
        ("link efficiency", *_constant(found.link_efficiency, 1.0)),
        ("setup (ms)", *_constant(found.setup_s, 1e3)),
        ("sync (ns per page)", *_constant(found.sync_s_per_page, 1e9)),
        ("device state (ms)", *_constant(found.device_s, 1e3)),
    ]
    title = f"{file.name}: {found.used} of {found.rows} rows count (plain, single, quiet)"
    show_table(title, ("constant", "median", "95 % interval", "rows"), rows)
    show_lines("What the rows cannot tell", found.cannot_tell)


def _constant(one: Constant | None, scale: float) -> tuple[str, str, str]:
    if one is None:
        return "-", "-", "0"
    interval = "-"
    if one.low is not None and one.high is not None:
        interval = f"{number(scale * one.low)} to {number(scale * one.high)}"
    return number(scale * one.value), interval, str(one.rows)


def _show(report: CurveReport, name: str, out: Path | None) -> None:
    rows = [
        (number(one.period_s), f"{one.dirty_pages:,.0f}", f"{one.fitted_pages:,.0f}")
        for one in report.readings
    ]
    show_table(
        f"{report.source}: distinct dirty pages of {report.total_pages:,}",
        ("period s", "measured", "fitted"),
        rows,
    )
    fitted = [
        (
            f"{one.share:.2%}",
            f"{one.share_low:.2%} to {one.share_high:.2%}",
            number(one.writes_per_page_s),
            f"{number(one.rate_low)} to "
            f"{'any' if one.rate_high is None else number(one.rate_high)}",
        )
        for one in report.classes
    ]
    rest = report.unwritten
    fitted.append((f"{rest.share:.2%}", f"{rest.share_low:.2%} to {rest.share_high:.2%}", "0", "-"))
    header = ("share of pages", "95 % interval", "writes per page and s", "95 % interval")
    show_table("Write classes (intervals hold together)", header, fitted)
    assumed = "assumed" if report.noise_is_assumed else "found"
    show_lines("Noise of a reading", [f"{report.noise:.1%}, {assumed}"])
    show_lines("What the readings cannot tell", report.cannot_tell)
    written = f", written to {out} as {name!r}" if out is not None else ""
    show_answer(
        f"Write classes: {len(report.classes)}{written}; "
        f"largest misfit {report.largest_misfit:.1%}."
    )
