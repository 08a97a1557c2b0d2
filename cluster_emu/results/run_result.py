"""The result of a run: tidy tables, what was assumed, and how to write them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from cluster_emu.json_output import json_text
from cluster_emu.network.links import LinkUse
from cluster_emu.results.display import Displayed, answers, view
from cluster_emu.results.folder_lock import locked
from cluster_emu.results.result_folder import new_result, own_files
from cluster_emu.results.versions import versions
from cluster_emu.results.writing import write_csv, write_parquet, write_text
from cluster_emu.scenario.saved_run import recorded_files
from cluster_emu.wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CARD_COLUMNS = (
    "vm",
    "source",
    "target",
    "strategy",
    "total_time_s",
    "downtime_s",
    "rounds",
    "bytes",
    "outcome",
)


@dataclass(frozen=True, slots=True, repr=False)
class RunResult(Displayed):
    """The result of a run.

    Args:
        tables: `migrations`, `rounds`, `limits`, `hosts`, `vms`, `links`, `service`, `background`,
            `faults`, `summary`; units are in the names of the columns. A run that streamed `hosts`,
            `vms` and `links` to a folder has these there alone.
        scenario: the scenario as plain data, the topology itself in place of its file.
        seed: the run's seed.
        traces: which CPU traces were used, in words.
        assumptions: what was assumed, one sentence each.
        notes: what the policies did and why, one sentence each.
        link_use: what the links have carried; None in a run read from a folder.
        streamed_to: the folder that the growing tables were written to during the run.
        interrupted_at_s: the simulated time at which a signal ended the run; None if none did.
    """

    tables: dict[str, pd.DataFrame]
    scenario: dict[str, Any]
    seed: int
    traces: str
    assumptions: tuple[str, ...]
    notes: tuple[str, ...] = ()
    link_use: LinkUse | None = None
    streamed_to: Path | None = None
    interrupted_at_s: float | None = None

    @property
    def migrations(self) -> pd.DataFrame:
        """One row per migration."""
        return self.tables["migrations"]

    @property
    def rounds(self) -> pd.DataFrame:
        """One row per round of every migration."""
        return self.tables["rounds"]

    @property
    def summary(self) -> dict[str, float]:
        """The run in one row of figures, by name."""
        return {str(key): value for key, value in self.tables["summary"].iloc[0].items()}

    @property
    def headline(self) -> str:
        """Scenario, seed, and how many migrations there were and completed."""
        figures = self.summary
        return (
            f"{self.scenario['name']!r}, seed {self.seed}: "
            f"{counted(int(figures['migrations']), 'migration')}, "
            f"{figures['completed']:.0f} completed"
        )

    @property
    def answer(self) -> str:
        """How its migrations went, in words."""
        words: str = answers().run_answer(self.summary)
        return words

    @property
    def card_columns(self) -> Sequence[str]:
        """What a reader asks of a migration first."""
        return CARD_COLUMNS

    def to_frame(self) -> pd.DataFrame:
        """Return the table `migrations`: one row per migration."""
        return self.migrations

    def plot(self, picture: str = "timeline") -> Figure:
        """Draw the run.

        Args:
            picture: "timeline"; and if anything migrated "gantt", "links", "anatomy", "rounds" or
                "remaining" of the migration that took longest, or "cluster" at the busiest instant.

        Raises:
            UnknownNameError: if there is no such picture of this run.
        """
        figure: Figure = view().draw_run(self, picture)
        return figure

    def save(
        self,
        folder: Path,
        *,
        csv: bool = False,
        wall_time_s: float | None = None,
        overwrite: bool = False,
    ) -> None:
        """Write every table as Parquet (and CSV), and run.json, each file atomically.

        A run that a signal ended is marked as an unfinished result.

        Args:
            folder: where to: a new or empty folder, or the one that the run was streamed to.
            csv: whether to write CSV in addition to Parquet.
            wall_time_s: how long the run took, for run.json only.
            overwrite: whether to replace an older result in this folder.

        Raises:
            ScenarioError: if the folder is in use, see `check_unused`, or somebody writes to it.
        """
        is_whole = self.interrupted_at_s is None
        if self.streamed_to is not None and self.streamed_to.resolve() == folder.resolve():
            with locked(folder):
                if not is_whole:
                    # the library that writes these files takes a while to load
                    from cluster_emu.results.streaming import take_partial_tables

                    take_partial_tables(folder)
                self._write(folder, csv, wall_time_s)
                own_files(folder, "run", complete=is_whole)
        else:
            with new_result(folder, "run", overwrite=overwrite, complete=is_whole) as place:
                self._write(place, csv, wall_time_s)

    def _write(self, folder: Path, csv: bool, wall_time_s: float | None) -> None:
        for name, table in self.tables.items():
            write_parquet(table, folder / f"{name}.parquet")
            if csv:
                write_csv(table, folder / f"{name}.csv")
        about = {
            "scenario": self.scenario,
            "seed": self.seed,
            "traces": self.traces,
            "assumptions": self.assumptions,
            "notes": self.notes,
            "files": recorded_files(self.scenario),
            "versions": versions(),
            "wall_time_s": wall_time_s,
            "interrupted_at_s": self.interrupted_at_s,
        }
        write_text(json_text(about), folder / "run.json")


def rows_to_table(rows: Sequence[Any], row_type: type) -> pd.DataFrame:
    """Return dataclass rows as a table with one column per field, also where there is no row."""
    names = [field.name for field in fields(row_type)]
    return pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})
