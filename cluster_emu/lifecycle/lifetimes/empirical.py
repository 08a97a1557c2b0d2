"""Lifetimes that were observed."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.lifecycle.contract import lifetime_distributions
from cluster_emu.scenario.plain import as_tuple
from cluster_emu.units import PositiveSeconds


@lifetime_distributions.register("empirical")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Empirical:
    """Lifetimes drawn from observed ones.

    With `between = "observed"` each one is an observed lifetime, all equally likely. With "linear"
    the inverse of the distribution function is interpolated: the i-th of n sorted lifetimes is the
    quantile ``(i - 1) / (n - 1)``.

    Args:
        observed_s: the observed lifetimes.
        between: whether lifetimes between two observed ones are possible.
    """

    name: ClassVar[str] = "empirical"
    summary: ClassVar[str] = "drawn from observed lifetimes"
    source: ClassVar[str] = "inverse of the empirical distribution function"

    observed_s: Annotated[
        tuple[PositiveSeconds, ...], BeforeValidator(as_tuple), Field(min_length=1)
    ]
    between: Literal["observed", "linear"] = "observed"

    def lifetimes_s(self, count: int, rng: np.random.Generator) -> FloatColumn:
        """Return the lifetimes of some VMs in seconds, shape [count]."""
        observed = np.sort(np.array(self.observed_s))
        shares = rng.random(count)
        if self.between == "observed":
            return observed[(shares * len(observed)).astype(np.int64)]
        places = np.linspace(0.0, 1.0, len(observed)) if len(observed) > 1 else np.zeros(1)
        lifetimes_s: FloatColumn = np.interp(shares, places, observed)
        return lifetimes_s
