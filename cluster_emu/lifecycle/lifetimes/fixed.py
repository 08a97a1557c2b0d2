"""Lifetimes that are all alike."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.lifecycle.contract import lifetime_distributions
from cluster_emu.units import PositiveSeconds


@lifetime_distributions.register("fixed")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Fixed:
    """Every VM lives for the same time.

    Args:
        lifetime_s: that time.
    """

    name: ClassVar[str] = "fixed"
    summary: ClassVar[str] = "the same lifetime for every VM"
    source: ClassVar[str] = "definition; the D of Kendall's notation"

    lifetime_s: PositiveSeconds

    def lifetimes_s(self, count: int, rng: np.random.Generator) -> FloatColumn:
        """Return the lifetimes of some VMs in seconds, shape [count]."""
        return np.full(count, self.lifetime_s)
