"""What results are compared with: exact means, other simulators, and measurements."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from cluster_emu.lazy_imports import imported_when_used as _imported_when_used
from cluster_emu.lazy_imports import modules_of_names as _modules_of_names
from cluster_emu.validation.exact_means import PageCounts, exact_means, migrate_page

if _TYPE_CHECKING:
    from cluster_emu.validation.cloudsim import (
        CloudSimAgreement,
        CloudSimDay,
        Quirks,
        simulate_day,
        validate_cloudsim,
    )
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

# Each validation needs other parts of the package, and some much memory for them.
_MODULES = {
    "cluster_emu.validation.cloudsim": (
        "CloudSimAgreement",
        "CloudSimDay",
        "Quirks",
        "simulate_day",
        "validate_cloudsim",
    ),
    "cluster_emu.validation.qemu": ("QemuAgreement", "validate_qemu"),
    "cluster_emu.validation.scalar": ("ScalarAgreement", "validate_scalar"),
}
_MODULE_OF = _modules_of_names(_MODULES)
__getattr__ = _imported_when_used(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
