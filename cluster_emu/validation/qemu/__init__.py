"""Migrations emulated as QEMU does them, held against migrations measured with QEMU."""

from cluster_emu.validation.qemu.agreement import QemuAgreement, validate_qemu
from cluster_emu.validation.qemu.emulation import Comparison
from cluster_emu.validation.qemu.rows import (
    Configuration,
    MeasuredMigration,
    Outcome,
    read_migrations,
)

__all__ = [
    "Comparison",
    "Configuration",
    "MeasuredMigration",
    "Outcome",
    "QemuAgreement",
    "read_migrations",
    "validate_qemu",
]
