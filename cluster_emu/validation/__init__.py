"""What results are compared with: exact means, and the results of other simulators."""

from cluster_emu.validation.exact_means import PageCounts, exact_means, migrate_page
from cluster_emu.validation.scalar import ScalarAgreement, validate_scalar

__all__ = ["PageCounts", "ScalarAgreement", "exact_means", "migrate_page", "validate_scalar"]
