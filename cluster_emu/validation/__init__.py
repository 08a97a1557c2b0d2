"""What results are compared with: exact means, other simulators, and measurements."""

from cluster_emu.validation.cloudsim import (
    CloudSimAgreement,
    CloudSimDay,
    Quirks,
    simulate_day,
    validate_cloudsim,
)
from cluster_emu.validation.exact_means import PageCounts, exact_means, migrate_page
from cluster_emu.validation.qemu import QemuAgreement, validate_qemu
from cluster_emu.validation.scalar import ScalarAgreement, validate_scalar

__all__ = [
    "CloudSimAgreement",
    "CloudSimDay",
    "PageCounts",
    "QemuAgreement",
    "Quirks",
    "ScalarAgreement",
    "exact_means",
    "migrate_page",
    "simulate_day",
    "validate_cloudsim",
    "validate_qemu",
    "validate_scalar",
]
