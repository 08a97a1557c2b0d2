"""`cluster-emu batch`: a grid of runs that can be interrupted and resumed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cluster_emu.cli import options
from cluster_emu.cli.dry_run import show_dry_run
from cluster_emu.cli.group import FAILED, interruptible
from cluster_emu.cli.inputs import (
    named_as_typed,
    parse_smallest_differences,
    usable_folder,
    writing_to,
)
from cluster_emu.cli.output import (
    cells_bar,
    show_answer,
    show_lines,
    write_json,
    write_lines,
    write_message,
)
from cluster_emu.errors import DiskFullError, ScenarioError
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from cluster_emu.study import Batch


def batch(
    study: Annotated[
        Path,
        typer.Argument(
            metavar="STUDY.toml",
            parser=options.path("STUDY.toml"),
            help="The study's TOML file.",
        ),
    ],
    jobs: options.Jobs = 1,
    seed: Annotated[
        int | None, options.whole_option("--seed", 0, "Replaces the study's seed.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            parser=options.path("--out"),
            help="Results' folder; results/NAME without it.",
        ),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Run cells again that failed or were ended before."),
    ] = False,
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            metavar="TIME",
            parser=options.seconds("--time-limit"),
            help="End a cell after so much wall time, such as 10m, and go on without it.",
        ),
    ] = None,
    memory_limit: Annotated[
        int | None,
        typer.Option(
            "--memory-limit",
            metavar="BYTES",
            parser=options.byte_count("--memory-limit"),
            help='End a cell whose process takes more memory, such as "4 GiB".',
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            metavar="K/N",
            help="Run the K-th of N parts of the study; others may run at once in the same folder, "
            "and the one that ends last makes the exports.",
        ),
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend",
            metavar="loky|dask",
            help="Where cells run: processes of this machine, or workers of dask.",
        ),
    ] = "loky",
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="Dask's scheduler, such as tcp://10.0.0.1:8786."
        ),
    ] = None,
    slurm: Annotated[
        int | None,
        options.whole_option(
            "--slurm", 1, "Print a Slurm script that runs N shards as an array job; run nothing."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Print the cells, what is left of them and a guess of the time; write nothing.",
        ),
    ] = False,
    until: options.Until = None,
    overwrite: options.Overwrite = False,
    smallest: options.SmallestDifferences = None,
    as_json: options.Json = False,
) -> None:
    """Run every cell of a study that has not been run yet, and merge the results of all."""
    from cluster_emu.cli.study_tables import show_study
    from cluster_emu.study import run_batch
    from cluster_emu.study.grid.cell_store import JOURNAL
    from cluster_emu.study.grid.shards import read_shard

    interruptible()
    folder = usable_folder(out)
    changes: dict[str, Any] = {} if seed is None else {"seed": seed}
    if smallest:
        changes["smallest_differences"] = parse_smallest_differences(smallest)
    if slurm is not None:
        if shard is not None or as_json or overwrite:
            allowed = "no --shard, --overwrite and --json beside it"
            raise ScenarioError("--slurm", slurm, allowed)
        if dry_run or scheduler is not None or backend != "loky":
            # every task of the array would hand its shard to the one scheduler
            allowed = "no --dry-run, --backend and --scheduler beside it: tasks run their own cells"
            raise ScenarioError("--slurm", slurm, allowed)
        words = {
            "--seed": seed,
            "--out": out,
            "--time-limit": time_limit,
            "--memory-limit": memory_limit,
        }
        given = [
            word for name, value in words.items() if value is not None for word in (name, value)
        ]
        given += [word for value in smallest or () for word in ("--smallest-difference", value)]
        given += [word for value in until or () for word in ("--until", value)]
        given += ["--retry-failed"] if retry_failed else []
        _print_slurm_script(study, changes, slurm, jobs, [str(word) for word in given])
        return
    part = None if shard is None else read_shard(shard, "--shard")
    if part is not None and overwrite:
        raise ScenarioError("--overwrite", "given", "no --shard, whose others it would remove")
    typed = {name: f"--{name}" for name in ("until", "backend", "scheduler")} | {"folder": "--out"}
    if memory_limit is not None:
        typed["limits.memory_bytes"] = "--memory-limit"
    if dry_run:
        if shard is not None:
            raise ScenarioError("--dry-run", True, "no --shard beside it: it looks at all cells")
        chosen: dict[str, Any] = {"out": folder, "jobs": jobs, "changes": changes}
        chosen |= {"overwrite": overwrite, "retry_failed": retry_failed, "until": until or ()}
        with named_as_typed(typed):
            show_dry_run(study, chosen, as_json=as_json)
        return
    try:
        with (
            named_as_typed(typed),
            writing_to(folder or Path("results")),
            cells_bar(f"{study.stem}, cells") as bar,
        ):
            done = run_batch(
                study,
                out=folder,
                jobs=jobs,
                changes=changes,
                retry_failed=retry_failed,
                overwrite=overwrite,
                time_limit_s=time_limit,
                memory_limit_bytes=memory_limit,
                shard=part,
                backend=backend,
                scheduler=scheduler,
                until=until or (),
                progress=bar.show,
                on_failed=bar.show_failed,
            )
    except (KeyboardInterrupt, DiskFullError):
        write_message("cluster-emu: finished cells are kept; the same command runs the rest")
        raise
    if done.damaged:
        where = done.folder / JOURNAL
        write_message(f"cluster-emu: {where} was damaged; the cells that it had lost ran again")
    for note in done.notes:
        write_message(f"cluster-emu: {note}")
    _report_failures(done)
    if done.left_to_others:
        ended = f"shard {part} has ended; {counted(done.left_to_others, 'cell')} are left to others"
        write_message(f"cluster-emu: {ended}: the one that ends last makes the exports")
        if as_json:
            write_json({"study": done.study, "cells": done.cells, "left": done.left_to_others})
        if len(done.failed):
            raise typer.Exit(FAILED)
        return
    report = done.report()
    if as_json:
        write_json(report)
    else:
        show_study(report)
        write_lines(
            [
                f"{counted(done.cells, 'cell')}, {done.found} of them from before, "
                f"{len(done.failed)} failed"
            ]
        )
        names = ["results.parquet", "results.csv", "means.csv", "paired.csv", "quantiles.csv"]
        names += ["until.csv"] if report.until else []
        show_lines("Written", [str(done.folder / name) for name in names])
        show_answer(report.answer)
    if len(done.failed):
        raise typer.Exit(FAILED)


def _print_slurm_script(
    study: Path, changes: dict[str, Any], shards: int, jobs: int, given: list[str]
) -> None:
    """Print a job script that runs the same command as shards.

    Raises:
        ClusterEmuError: if the study is not allowed.
    """
    from cluster_emu.cli.slurm import slurm_script
    from cluster_emu.study.grid.grid import load_grid

    name = load_grid(study, changes).study.name
    sys.stdout.write(slurm_script(name, shards, jobs, ["batch", str(study), *given]))


def _report_failures(done: Batch) -> None:
    """Write which cells failed, each kind of error once."""
    for error, cells in done.failed.groupby("error"):
        write_message(
            f"cluster-emu: {counted(len(cells), 'cell')} failed, "
            f"first {cells.iloc[0]['cell']}: {error}"
        )
    if len(done.failed):
        write_message("cluster-emu: --retry-failed runs them again")
    if len(done.incomplete):
        write_message(f"cluster-emu: {_incomplete(done)}; times are means over those that did")


def _incomplete(done: Batch) -> str:
    from cluster_emu.study.report.answers import ends_in_words

    ends = done.ends
    count = ends["migrations"] - ends["completed"]
    parts = ends_in_words(ends)
    where = f"{len(done.incomplete)} of {counted(done.cells, 'cell')}"
    migrations = counted(ends["migrations"], "migration")
    return f"{count} of {migrations} did not complete ({parts}), in {where}"
