"""Tables of hosts and of VMs as CSV, for any other manager."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import DumpFile, flag, plain, word
from cluster_emu.inventory.groups import set_group
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM
from cluster_emu.inventory.quantities import bytes_of, cpus_of, parse_quantity, whole_of

OF_HOSTS = ("host", "rack", "cpu", "memory", "link_bps", "schedulable")
OF_VMS = (
    "vm",
    "host",
    "vcpus",
    "memory",
    "memory_used",
    "dirty_rate",
    "migratable",
    "anti_affinity",
    "affinity",
    "allowed_hosts",
    "status",
)
LISTS = (
    f"columns of hosts ({', '.join(OF_HOSTS)}) or, with a column vm, of VMs ({', '.join(OF_VMS)})"
)
ALIVE = ("", "running", "active", "on", "up")


@inventory_readers.register("csv")
@dataclass(frozen=True)
class CsvReader:
    """A table with a column `vm` is of VMs, one with a column `host` and no `vm` of hosts.

    Memory and dirty rate (per second) are quantities such as ``4Gi`` or bytes; `allowed_hosts` are
    separated by spaces. Separators are commas, semicolons or tabs. Other columns are ignored.
    """

    name: ClassVar[str] = "csv"
    summary: ClassVar[str] = "tables with a column host, and with columns vm and host"
    source: ClassVar[str] = "this package"

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the tables say."""
        found = Inventory(self.name)
        apart: dict[str, list[str]] = {}
        together: dict[str, list[str]] = {}
        for file in files:
            columns, rows = _table(file)
            if not rows:
                raise file.error("rows", 0, f"a table with rows, and {LISTS}")
            for number, row in rows:
                if "vm" not in columns:
                    _add_host(file, number, row, found)
                elif (vm := _add_vm(file, number, row, found)) is not None:
                    for column, groups in (("anti_affinity", apart), ("affinity", together)):
                        if row.get(column):
                            groups.setdefault(plain(row[column]), []).append(vm)
        for name, vms in apart.items():
            set_group(found, "anti_affinity", name, vms)
        for name, vms in together.items():
            set_group(found, "affinity", name, vms)
        return found


def _table(file: DumpFile) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Return the names of the columns, and the rows that are not empty with their lines."""
    first = file.text.lstrip().splitlines()[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(file.text.lstrip(), newline=""), delimiter=delimiter)
    rows: list[tuple[int, dict[str, str]]] = []
    columns: list[str] = []
    try:
        for cells in reader:
            if not columns:
                columns = [cell.strip().lower().replace(" ", "_") for cell in cells]
                if "host" not in columns and "vm" not in columns:
                    raise file.error("line 1", file.described, LISTS)
            elif any(cell.strip() for cell in cells):
                if len(cells) > len(columns):
                    allowed = f"{len(columns)} cells, as many as there are columns"
                    raise file.error(f"line {reader.line_num}", len(cells), allowed)
                row = zip(columns, (cell.strip() for cell in cells), strict=False)
                rows.append((reader.line_num, dict(row)))
    except csv.Error as error:
        raise file.error(f"line {reader.line_num}", str(error), "CSV") from error
    return columns, rows


def _add_host(file: DumpFile, line: int, row: dict[str, str], found: Inventory) -> None:
    name = plain(row.get("host", ""))
    if not name:
        raise file.error(f"line {line}, host", row.get("host", ""), "the name of a host")
    is_open = flag(row, "schedulable") is not False
    link = parse_quantity(row.get("link_bps", ""))
    found.add_host(
        InventoryHost(
            name=name,
            rack=plain(row.get("rack", "")) or None,
            cpu_capacity=_given(file, line, row, "cpu", cpus_of),
            memory_bytes=_given(file, line, row, "memory", bytes_of),
            link_bps=float(link) if link is not None and 0 < link < 10**18 else None,
            schedulable=is_open,
            closed_because="" if is_open else "schedulable is false",
        )
    )


def _add_vm(file: DumpFile, line: int, row: dict[str, str], found: Inventory) -> str | None:
    name = plain(row.get("vm", ""))
    if not name:
        raise file.error(f"line {line}, vm", row.get("vm", ""), "the name of a VM")
    status = row.get("status", "").lower()
    if status not in ALIVE:
        found.leave_out(f"status {word({'status': status}, 'status') or 'unknown'}")
        return None
    rate = parse_quantity(row.get("dirty_rate", ""))
    stays = flag(row, "migratable") is False
    found.add_vm(
        InventoryVM(
            name=name,
            host=plain(row.get("host", "")) or None,
            vcpus=_given(file, line, row, "vcpus", whole_of),
            memory_bytes=_given(file, line, row, "memory", bytes_of),
            memory_used_bytes=_given(file, line, row, "memory_used", bytes_of),
            dirty_bytes_per_s=float(rate) if rate is not None and 0 <= rate < 2**60 else None,
            migratable=not stays,
            kept_because="migratable is false" if stays else "",
            allowed_hosts=tuple(map(plain, row.get("allowed_hosts", "").split())) or None,
        )
    )
    return name


def _given(
    file: DumpFile, line: int, row: dict[str, str], column: str, read: Callable[[object], Any]
) -> Any:
    """Return what is in a cell, None if it is empty.

    Raises:
        ScenarioError: if there is something that is no quantity.
    """
    cell = row.get(column, "")
    value = read(cell)
    if cell and value is None:
        raise file.error(f"line {line}, {column}", cell, "a positive quantity, such as 4 or 4Gi")
    return value
