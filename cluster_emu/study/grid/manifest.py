"""The manifest of a study: what was run, with what, and what every cell took."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster_emu.json_output import json_text
from cluster_emu.results.versions import versions
from cluster_emu.results.writing import replacing
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.study_file import Study

GIT_TIMEOUT_S = 5.0

CELLS_AT_ONCE = 500


def write_study_manifest(
    store: CellStore,
    study: Study,
    file: Path | None,
    cells: Sequence[Cell],
    path: Path,
    *,
    until: str = "",
) -> None:
    """Write what was run, with what, and what every cell took; the file is whole or not there.

    Args:
        store: the finished cells.
        study: the study.
        file: its file; None if it was made in Python.
        cells: its cells; under a stopping rule those known so far.
        path: where to.
        until: the stopping rule in words; empty without one.
    """
    about: dict[str, Any] = {
        "study": study.model_dump(mode="json"),
        "file": None if file is None else file.name,
        "folder": None if file is None else str(file.parent.absolute()),
        "git": git_state(Path() if file is None else file.parent),
        "versions": versions(),
        "planned_cells": len(cells),
        "until": until,
        "cells": [],
    }
    head, _, tail = json_text(about).rpartition("[]")
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8") as text:
        text.write(f"{head}[")
        separator = "\n"
        for start in range(0, len(cells), CELLS_AT_ONCE):
            some = cells[start : start + CELLS_AT_ONCE]
            for cell, costs, where in store.details(some):
                entry: dict[str, Any] = {
                    "cell": cell.key,
                    "seed": cell.seed,
                    "status": store.status(cell),
                    "wall_s": round(costs.wall_s, 6),
                    "cpu_s": round(costs.cpu_s, 6),
                    "peak_memory_bytes": costs.peak_memory_bytes,
                }
                if where:
                    entry["traceback"] = where
                text.write(f"{separator}    {json.dumps(entry)}")
                separator = ",\n"
        text.write(f"\n  ]{tail}")


def git_state(folder: Path) -> dict[str, Any] | None:
    """Return the commit of the repository that a folder is in; None if it is in none.

    `changed` says whether a file that git knows differs from the commit.
    """
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return None
    status = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"commit": commit.strip(), "changed": None if status is None else bool(status.strip())}


def _git(folder: Path, *words: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    # a repository may name a program that is to watch its files: none is run
    options = ("--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder))
    try:
        said = subprocess.run(
            [program, *options, *words],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=GIT_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout if said.returncode == 0 else None
