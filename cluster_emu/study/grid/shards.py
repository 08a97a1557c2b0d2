"""Disjoint parts of a study, which several machines run into one folder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.study.grid.cells import Cell
from cluster_emu.study.grid.journal import COMPANIONS

MOST_SHARDS = 10_000

SHARD_LOCKS = ".cluster-emu-*-of-*.lock"
"""The locks of all shards in a folder."""

OF_RUNS = ("strategy", "replication", "seed")
"""Labels in which the cells of one setting differ."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several parts of a study: whole settings, with all strategies and replications.

    The settings are dealt out in turn, so that shards of equal size have cells from everywhere.

    Args:
        number: which, from 1.
        of: how many there are.
    """

    number: int
    of: int

    @property
    def journal(self) -> str:
        """The name of its journal."""
        return f"cells-{self.number}-of-{self.of}.sqlite"

    @property
    def files(self) -> tuple[str, ...]:
        """Its journal, and the files that SQLite may keep beside it."""
        return (self.journal, *(f"{self.journal}{end}" for end in COMPANIONS))

    @property
    def lock(self) -> str:
        """The name of its lock."""
        return f".cluster-emu-{self.number}-of-{self.of}.lock"

    def cells(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return those of a study's cells that belong to this shard, in their order."""
        settings: dict[str, int] = {}
        chosen = []
        for cell in cells:
            place = settings.setdefault(setting_of(cell), len(settings))
            if place % self.of == self.number - 1:
                chosen.append(cell)
        return chosen

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def read_shard(text: str, field: str = "shard") -> Shard:
    """Return the shard that a text such as ``3/8`` means.

    Raises:
        ScenarioError: if it means none.
    """
    found = re.fullmatch(r"\s*([0-9]{1,5})\s*/\s*([0-9]{1,5})\s*", text)
    if found is not None:
        number, of = int(found[1]), int(found[2])
        if 1 <= number <= of <= MOST_SHARDS:
            return Shard(number, of)
    raise ScenarioError(field, text, f"K/N with 1 <= K <= N <= {MOST_SHARDS}, such as 1/4")


def setting_of(cell: Cell) -> str:
    """Return what the cells of one setting have in common."""
    place = {name: label for name, label in cell.labels.items() if name not in OF_RUNS}
    return json.dumps(place, sort_keys=True)
