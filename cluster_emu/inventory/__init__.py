"""Real inventories: dumps of a cluster's manager become a scenario, with names kept.

A reader per kind of dump makes a neutral inventory, gaps in it are filled by listed rules,
overrides are applied, and it is written as plain TOML.
"""

from cluster_emu.inventory.contract import InventoryReader, inventory_readers
from cluster_emu.inventory.importing import (
    Imported,
    check_replaceable,
    import_inventory,
    overrides_of,
    save,
)
from cluster_emu.inventory.neutral import (
    Guess,
    Inventory,
    InventoryHost,
    InventoryVM,
    PastMigration,
)

__all__ = [
    "Guess",
    "Imported",
    "Inventory",
    "InventoryHost",
    "InventoryReader",
    "InventoryVM",
    "PastMigration",
    "check_replaceable",
    "import_inventory",
    "inventory_readers",
    "overrides_of",
    "save",
]
