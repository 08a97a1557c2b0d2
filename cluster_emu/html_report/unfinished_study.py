"""The page of a study that has not ended: what there is, and that it is preliminary."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from cluster_emu.errors import ScenarioError
from cluster_emu.html_report.page import Page
from cluster_emu.html_report.study import RESULTS, study_page
from cluster_emu.results.result_folder import MANIFEST as RESULT
from cluster_emu.results.result_folder import read_manifest
from cluster_emu.study.comparison.compare import smallest_by_metric
from cluster_emu.study.grid.batch import Batch
from cluster_emu.study.grid.cell_store import MANIFEST
from cluster_emu.study.grid.exports import read_results
from cluster_emu.wording import counted

ALLOWED = (
    "a finished study, or one whose last batch was interrupted (Ctrl-C) after a cell had ended; "
    "the same batch command runs the rest"
)

UNDER_RULE = (
    "The study adds replications until its intervals are narrow enough (--until {}): how many "
    "cells that takes is not known yet."
)


def unfinished_study_page(folder: Path) -> Page:
    """Return the page of what an interrupted `batch` has left in a folder, which it only reads.

    An interrupted batch exports the cells that have ended; their means and differences are made
    here as it makes them at its end, and in a place of their own.

    Raises:
        ScenarioError: if the last batch, or shard, exported no cell. What is there may then be of
            an older one, with other cells.
    """
    manifest = read_manifest(folder)
    if manifest is None or not {RESULTS, MANIFEST} <= manifest.digests.keys():
        raise ScenarioError("DIR", str(folder), ALLOWED)
    about = json.loads((folder / MANIFEST).read_text("utf-8"))
    table = read_results(folder / RESULTS)
    planned, rule = about.get("planned_cells", 0), about.get("until", "")
    if not (table["status"] == "done").any() or len(table) >= planned:
        raise ScenarioError("DIR", str(folder), ALLOWED)
    of = f"{planned:,} or more cells" if rule else counted(planned, "cell")
    columns = list(map(str, table.columns))
    with TemporaryDirectory(prefix="cluster-emu-") as name:
        place = Path(name)
        Batch(
            study=manifest.name,
            cells=planned,
            found=0,
            table=table,
            folder=place,
            axes=tuple(columns[: columns.index("strategy")]),
            strategies=tuple(map(str, table["strategy"].unique())),
            smallest_differences=smallest_by_metric(about["study"]["smallest_differences"]),
            same_rules=(),
        ).save_tables()
        for file in (RESULTS, RESULT):
            shutil.copy(folder / file, place)
        page = study_page(place)
    return replace(
        page,
        answer=f"So far: {page.answer}",
        facts=[*page.facts, ("Planned", of), *([("Stopping rule", rule)] if rule else [])],
        warnings=(
            f"Preliminary: the study was interrupted when {len(table):,} of {of} had ended. Places "
            "and seeds are missing, and figures and verdicts may change; the same batch command "
            "runs the rest.",
            *([UNDER_RULE.format(rule)] if rule else []),
            *page.warnings,
        ),
    )
