"""The consolidation policies of CloudSim's benchmark, with its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.errors import UnknownNameError
from cluster_emu.validation.cloudsim._kernels import (
    DETECT_FIXED,
    DETECT_IQR,
    DETECT_MAD,
    DETECT_REGRESSION,
    SELECT_LEAST_USED,
    SELECT_MOST_CORRELATED,
    SELECT_SMALLEST_MEMORY,
)


@dataclass(frozen=True, slots=True)
class Policy:
    """When a host is overloaded, and which VM leaves it first.

    Args:
        summary: in words.
        detection: one of the kernels' `DETECT_` numbers.
        parameter: its threshold or safety parameter.
        selection: one of the kernels' `SELECT_` numbers.
        plans: whether VMs migrate at all.
    """

    summary: str
    detection: int = DETECT_FIXED
    parameter: float = 1.0
    selection: int = SELECT_SMALLEST_MEMORY
    plans: bool = True


POLICIES = {
    "dvfs": Policy("first fit, no migrations", plans=False),
    "thr-mmt": Policy("fixed threshold 0.8, smallest memory", DETECT_FIXED, 0.8),
    "iqr-mmt": Policy("interquartile range x 1.5, smallest memory", DETECT_IQR, 1.5),
    "mad-mmt": Policy("median absolute deviation x 2.5, smallest memory", DETECT_MAD, 2.5),
    "lr-mmt": Policy("local regression x 1.2, smallest memory", DETECT_REGRESSION, 1.2),
    "iqr-mu": Policy("interquartile range x 1.5, least used", DETECT_IQR, 1.5, SELECT_LEAST_USED),
    "iqr-mc": Policy(
        "interquartile range x 1.5, most correlated", DETECT_IQR, 1.5, SELECT_MOST_CORRELATED
    ),
}


def policy_named(name: str) -> Policy:
    """Return a policy.

    Raises:
        UnknownNameError: if there is none of this name.
    """
    if name not in POLICIES:
        raise UnknownNameError("policy of CloudSim", name, POLICIES)
    return POLICIES[name]
