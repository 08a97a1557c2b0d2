"""Our results compared with those of other simulators."""

from cluster_emu.validation.scalar import ScalarAgreement, validate_scalar

__all__ = ["ScalarAgreement", "validate_scalar"]
