"""What an importer is: it reads the files of one kind of dump into the neutral inventory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

from cluster_emu.inventory.documents import DumpFile
from cluster_emu.inventory.neutral import Inventory
from cluster_emu.plugins import Registry


class InventoryReader(Protocol):
    """Reads dumps of one system. Implementations are frozen dataclasses without parameters.

    Attributes:
        name: the registered kebab-case name, what `cluster-emu import` is told.
        summary: which files it reads, in one line.
        source: where the names of the fields come from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def read(self, files: Sequence[DumpFile]) -> Inventory:
        """Return what the files say; later files add to earlier ones.

        Unknown fields and kinds are ignored. What is missing stays None.

        Raises:
            ScenarioError: naming the file, if it is of another kind or lists nothing.
        """
        ...


inventory_readers: Registry[InventoryReader] = Registry(
    "inventory",
    "cluster_emu.inventories",
    package="cluster_emu.inventory.kinds",
    summary="how dumps of a real cluster become a scenario",
)
