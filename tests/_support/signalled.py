"""Programs that are interrupted after a number of cells, not after a time: no race with them."""

from __future__ import annotations


def signalled_after(cells: int, statement: str) -> str:
    """Return a program that runs `cluster-emu` and a statement once so many cells are written.

    Args:
        cells: the number of cells.
        statement: what sends the signal; it may use `os` and `signal`.
    """
    return f"""
import os, signal, sys
from cluster_emu.cli import main
from cluster_emu.study.grid.cell_store import CellStore

write = CellStore.write
written = []

def write_and_count(self, cell, report):
    write(self, cell, report)
    written.append(cell)
    if len(written) == {cells}:
        {statement}

CellStore.write = write_and_count
sys.exit(main())
"""
