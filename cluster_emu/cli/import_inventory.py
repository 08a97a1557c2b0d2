"""`cluster-emu import`: dumps of a real cluster become a scenario."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster_emu.cli import options
from cluster_emu.cli.inputs import writing_to
from cluster_emu.cli.output import show_answer, show_lines, show_table, write_json
from cluster_emu.errors import ScenarioError
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from cluster_emu.inventory import Imported

KINDS = "kubevirt, libvirt, openstack, proxmox or csv"
"""Names of `inventory_readers`, which are not imported for --help."""


def import_inventory(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"What made the files: {KINDS}.")],
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILES...",
            help="Dumps; those of one cluster are put together, later ones add to earlier ones.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.toml",
            parser=options.path("--out"),
            help="The scenario to write. FILE.overrides.toml beside it is read, and made if there "
            "is none.",
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Say what is strange, and write nothing.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a scenario that was changed by hand.")
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay",
            help="Replay the past migrations in the dump, and compare with what they took.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Make a scenario from dumps of a real cluster."""
    from cluster_emu import inventory

    if out is None and not check:
        raise ScenarioError("--out", None, "the scenario to write, or --check to write nothing")
    if out is not None and not check and not overwrite:
        inventory.check_replaceable(out)
    imported = inventory.import_inventory(kind, files, out)
    written = []
    if out is not None and not check:
        with writing_to(out.parent):
            written = inventory.save(imported, out, overwrite=overwrite)
    report = _report(imported, written, _replays(imported) if replay else None)
    if as_json:
        write_json(report)
    else:
        _show(report, check)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """Past migrations against their replays.

    Args:
        migrations: VM, hosts, measured and replayed seconds and their ratio, for each.
        left_out: how many were not replayed, by why.
        median_ratio: median of replayed over measured.
        mean_absolute_error: mean size of the error, as a share of what was measured.
    """

    migrations: tuple[dict[str, object], ...]
    left_out: dict[str, int]
    median_ratio: float | None
    mean_absolute_error: float | None


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import came to.

    Args:
        kind: the importer.
        hosts: number of hosts.
        racks: number of racks.
        vms: number of running VMs.
        memory_bytes: memory of all hosts.
        vm_memory_bytes: memory of all VMs.
        left_out: how many VMs are not imported, by why.
        guesses: what the dump does not say: field, rule, names.
        findings: what is strange.
        notes: what else to know.
        past_migrations: live migrations in the dump.
        replays: those that were replayed; None if none was to be.
        written: files that were written.
        answer: all of it in one sentence.
    """

    kind: str
    hosts: int
    racks: int
    vms: int
    memory_bytes: int
    vm_memory_bytes: int
    left_out: dict[str, int]
    guesses: tuple[dict[str, object], ...]
    findings: tuple[str, ...]
    notes: tuple[str, ...]
    past_migrations: int
    replays: ReplayReport | None
    written: tuple[str, ...]
    answer: str


def _replays(imported: Imported) -> ReplayReport:
    from cluster_emu.study.past_migrations import replay_past_migrations
    from cluster_emu.study.report.figures import finite_or_none

    found = replay_past_migrations(imported)
    return ReplayReport(
        migrations=tuple(asdict(one) | {"ratio": one.ratio} for one in found.migrations),
        left_out=found.left_out,
        median_ratio=finite_or_none(found.median_ratio),
        mean_absolute_error=finite_or_none(found.mean_absolute_error),
    )


def _report(imported: Imported, written: list[Path], replays: ReplayReport | None) -> ImportReport:
    found = imported.inventory
    strange = counted(len(imported.findings), "finding")
    place = f"; {written[0]} is the scenario" if written else ""
    hosts, vms = counted(len(found.hosts), "host"), counted(len(found.vms), "VM")
    return ImportReport(
        kind=found.kind,
        hosts=len(found.hosts),
        racks=len({host.rack for host in found.hosts.values()}),
        vms=len(found.vms),
        memory_bytes=sum(host.memory_bytes or 0 for host in found.hosts.values()),
        vm_memory_bytes=sum(vm.memory_bytes or 0 for vm in found.vms.values()),
        left_out=found.left_out,
        guesses=tuple(asdict(guess) for guess in found.guesses),
        findings=imported.findings,
        notes=tuple(found.notes),
        past_migrations=len(found.past),
        replays=replays,
        written=tuple(map(str, written)),
        answer=f"{hosts} and {vms}, {counted(len(found.guesses), 'guessed field')}, "
        f"{strange}{place}.",
    )


def _show(report: ImportReport, check: bool) -> None:
    from cluster_emu.units import GIB

    rows = [
        ("hosts", f"{report.hosts}", f"{report.memory_bytes / GIB:.6g}"),
        ("VMs", f"{report.vms}", f"{report.vm_memory_bytes / GIB:.6g}"),
    ]
    show_table(f"Imported from {report.kind}", ("", "number", "memory GiB"), rows, text_columns=1)
    left = report.left_out.items()
    show_lines("VMs left out", [f"{count}: {why}" for why, count in sorted(left)])
    show_lines(
        "Guessed",
        [
            f"{one['what']}: {one['rule']}" + (f" ({len(names)})" if names else "")
            for one in report.guesses
            if isinstance(names := one["names"], tuple | list)
        ],
    )
    show_lines("Strange", report.findings or (["nothing"] if check else []))
    show_lines("Notes", report.notes)
    if report.replays is not None:
        _show_replays(report.replays)
    elif report.past_migrations:
        show_lines("Past migrations", [f"{report.past_migrations} in the dump (see --replay)"])
    show_lines("Written", report.written or ["nothing (--check)"])
    show_answer(report.answer)


def _show_replays(found: ReplayReport) -> None:
    from cluster_emu.wording import number

    rows = [
        (
            f"{one['vm']}: {one['source']} to {one['target']}",
            number(_float(one["measured_s"])),
            number(_float(one["replayed_s"])),
            number(_float(one["ratio"])),
            str(one["outcome"]),
        )
        for one in found.migrations
    ]
    header = ("migration", "measured s", "replayed s", "ratio", "replay")
    show_table("Past migrations", header, rows, text_columns=1)
    left = [f"{count} not replayed: {why}" for why, count in sorted(found.left_out.items())]
    if found.median_ratio is not None and found.mean_absolute_error is not None:
        left.append(
            f"median ratio {found.median_ratio:.3g}, mean size of the error "
            f"{100 * found.mean_absolute_error:.3g} %"
        )
    show_lines("Replays", left)


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
