"""`cluster-emu record-dirty`: the dirty curve of a running VM, measured by libvirt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.output import progress_bar, show_answer
from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import whole_number

PERIODS = "1,2,3,5,8,13,21,34,60"


def record_dirty(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Name, id or UUID of the VM.")],
    connect: Annotated[
        str, typer.Option("--connect", metavar="URI", help="The hypervisor, as virsh takes it.")
    ] = "qemu:///system",
    periods: Annotated[
        str,
        typer.Option("--periods", metavar="LIST", help="Whole seconds, 1 to 60, with commas."),
    ] = PERIODS,
    repeat: Annotated[
        int, options.whole_option("--repeat", 1, "How often each period is measured.", 1000)
    ] = 1,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.json",
            parser=options.path("--out"),
            help="File to write; without it, stdout.",
        ),
    ] = None,
) -> None:
    """Measure the dirty pages of a VM over several periods with virsh, for calibrate."""
    from cluster_emu.calibration.recorder import record_dirty as record
    from cluster_emu.cli.output import write_json
    from cluster_emu.json_output import json_text
    from cluster_emu.results.writing import write_text

    if not domain.strip():
        raise ScenarioError("DOMAIN", domain, "the name of a VM")
    found = [whole_number(each.strip()) for each in periods.split(",")]
    periods_s = [each for each in found if each is not None]
    if len(periods_s) < len(found):
        raise ScenarioError("--periods", periods, "whole seconds with commas, such as 1,5,30")
    if out is not None and (not out.parent.is_dir() or out.is_dir()):
        raise ScenarioError("--out", str(out), "a file in a folder that exists")
    with progress_bar("seconds measured") as progress:
        document = record(connect, domain, periods_s, repeat=repeat, progress=progress)
    if out is None:
        write_json(document)
        return
    write_text(json_text(document), out)
    show_answer(f"{len(document['periods'])} readings of {domain} written to {out}.")
