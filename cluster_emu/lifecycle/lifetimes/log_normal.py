"""Lifetimes of which a few are very long."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.lifecycle.contract import lifetime_distributions
from cluster_emu.units import PositiveSeconds


@lifetime_distributions.register("log-normal")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LogNormal:
    """A log-normal distribution: most lifetimes are short, and a few are very long.

    The logarithm of the lifetime has the mean ``ln(median_s)`` and the standard deviation `sigma`,
    so the mean lifetime is ``median_s x exp(sigma^2 / 2)``.

    Args:
        median_s: half of the VMs live shorter.
        sigma: standard deviation of the natural logarithm.
    """

    name: ClassVar[str] = "log-normal"
    summary: ClassVar[str] = "a log-normal distribution, given by its median and sigma"
    source: ClassVar[str] = "definition; many short and few long lifetimes, Cortez et al. 2017"

    median_s: PositiveSeconds
    sigma: Annotated[float, Field(gt=0, le=10)]

    def lifetimes_s(self, count: int, rng: np.random.Generator) -> FloatColumn:
        """Return the lifetimes of some VMs in seconds, shape [count]."""
        return rng.lognormal(math.log(self.median_s), self.sigma, count)
