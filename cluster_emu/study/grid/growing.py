"""Studies that add replications, setting by setting, until intervals are narrow enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.grid.cell_run import DONE
from cluster_emu.study.grid.cell_store import CellStore
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.shards import OF_RUNS, setting_of
from cluster_emu.study.report.grid import GroupPrecision
from cluster_emu.study.statistics.stopping import StoppingRule, Values


class GrowingCells:
    """The cells of a study under a stopping rule.

    All strategies of a setting have the same number of replications. What is to run next, and when
    a setting has enough, follows from the finished cells in the store alone, in the order of their
    index: any number of processes, shards or interruptions gives the same cells.

    Args:
        rule: the rule.
        cells: the cells of the study; of each setting and strategy the first one counts.
        seed: the study's seed.
        retry_failed: whether cells that have failed before are run again, once.
    """

    def __init__(
        self, rule: StoppingRule, cells: Sequence[Cell], seed: int, *, retry_failed: bool = False
    ) -> None:
        self._rule = rule
        self._seeds = replication_seeds(seed, rule.maximum)
        self._settings: dict[str, list[Cell]] = {}
        for cell in cells:
            if cell.labels["replication"] == 0:
                self._settings.setdefault(setting_of(cell), []).append(cell)
        self._made: dict[str, list[list[Cell]]] = {}
        self._enough: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._retry_failed = retry_failed
        self._handed_out: set[str] = set()

    def next_cells(self, store: CellStore) -> list[Cell]:
        """Return the cells that have to run before the rule can say more; none at the end."""
        found = [cell for setting in self._settings for cell in self._missing(store, setting)]
        self._handed_out.update(cell.key for cell in found)
        return found

    def left(self, store: CellStore) -> int:
        """Return how many cells are known to be missing."""
        return sum(len(self._missing(store, setting)) for setting in self._settings)

    def cells(self, store: CellStore) -> list[Cell]:
        """Return the cells of the study in order; of settings that need more, those so far."""
        return [
            cell
            for setting in self._settings
            for strategy in self._cells(setting, self._count(store, setting))
            for cell in strategy
        ]

    def was_run(self, cell: Cell) -> bool:
        """Return whether a cell was among those to run, and not there before."""
        return cell.key in self._handed_out

    def surplus(self, store: CellStore) -> list[Cell]:
        """Return the cells that were run in vain, since fewer were enough."""
        return [
            cell
            for setting in self._settings
            for strategy in self._cells(setting, self._reached.get(setting, 0))
            for cell in strategy[self._count(store, setting) :]
        ]

    def precision(self, store: CellStore) -> Iterator[GroupPrecision]:
        """Yield how narrow the intervals of every setting are."""
        for setting, firsts in self._settings.items():
            count = self._count(store, setting)
            labels = firsts[0].labels
            place = {name: label for name, label in labels.items() if name not in OF_RUNS}
            for one in self._rule.achieved(self._values(store, setting, count), count):
                yield GroupPrecision(place, one)

    def _missing(self, store: CellStore, setting: str) -> list[Cell]:
        """Return the cells of a setting that have to run next."""
        return [
            cell
            for strategy in self._cells(setting, self._count(store, setting))
            for cell in strategy
            if not self._has_ended(store, cell)
        ]

    def _count(self, store: CellStore, setting: str) -> int:
        """Return how many replications are enough, or must have ended before the next look.

        The steps are the same whenever they are taken.
        """
        if setting in self._enough:
            return self._enough[setting]
        count = self._rule.minimum
        while True:
            cells = self._cells(setting, count)
            if not all(self._has_ended(store, cell) for strategy in cells for cell in strategy):
                return count
            values = self._values(store, setting, count)
            enough = self._rule.needed(values)
            if enough is not None:
                self._enough[setting] = enough
                self._reached[setting] = count
                return enough
            count = self._rule.next_count(values)

    def _has_ended(self, store: CellStore, cell: Cell) -> bool:
        status = store.status(cell)
        if status is None:
            return False
        return status == DONE or not self._retry_failed or cell.key in self._handed_out

    def _cells(self, setting: str, count: int) -> list[list[Cell]]:
        """Return by strategy the cells of the first replications of a setting."""
        made = self._made.setdefault(setting, [[] for _ in self._settings[setting]])
        for first, cells in zip(self._settings[setting], made, strict=True):
            for number in range(len(cells), count):
                seed = self._seeds[number]
                labels = {**first.labels, "replication": number, "seed": seed}
                cells.append(replace(first, labels=labels, seed=seed))
        return [cells[:count] for cells in made]

    def _values(self, store: CellStore, setting: str, count: int) -> Values:
        metrics = [goal.metric for goal in self._rule.goals]
        found: dict[str, dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]]] = {}
        for cells in self._cells(setting, count):
            rows = {row["cell"]: row for row in store.rows(cells)}
            mine = [rows.get(cell.key, {}) for cell in cells]
            found[str(cells[0].labels["strategy"])] = {
                metric: np.array([_figure(row.get(metric)) for row in mine], dtype=np.float64)
                for metric in metrics
            }
        return found


def _figure(value: float | None) -> float:
    """Return a figure of a row, NaN where there is none."""
    return math.nan if value is None else float(value)
