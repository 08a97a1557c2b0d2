"""Lifetimes without memory."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.lifecycle.contract import lifetime_distributions
from cluster_emu.units import PositiveSeconds


@lifetime_distributions.register("exponential")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Exponential:
    """An exponential distribution.

    Args:
        mean_s: the mean lifetime.
    """

    name: ClassVar[str] = "exponential"
    summary: ClassVar[str] = "an exponential distribution, given by its mean"
    source: ClassVar[str] = "definition; the second M of M/M/c"

    mean_s: PositiveSeconds

    def lifetimes_s(self, count: int, rng: np.random.Generator) -> FloatColumn:
        """Return the lifetimes of some VMs in seconds, shape [count]."""
        return np.maximum(rng.exponential(self.mean_s, count), np.finfo(np.float64).tiny)
