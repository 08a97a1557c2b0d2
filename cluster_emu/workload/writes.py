"""The ingredients of a write profile: how often which share of a VM's pages is written.

Rates are per page and second of operational time, that is at full intensity.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.units import ParseSeconds

Rate = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
PositiveShare = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class WriteClass:
    """Pages scattered over the address space that are all written equally often.

    Args:
        share: share of the VM's pages.
        writes_per_page_s: mean writes per page and second, a Poisson process.
    """

    share: PositiveShare
    writes_per_page_s: Rate


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class MovingSet:
    """A working set that moves: its pages are drawn again at random after every period.

    Args:
        share: share of the VM's pages in the set at any time.
        writes_per_page_s: writes on each of them, on top of what its class does.
        period_s: operational time for which a set lasts.
    """

    share: PositiveShare
    writes_per_page_s: Rate
    period_s: Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]

    def dirtied_share(self, operational_s: FloatColumn) -> FloatColumn:
        """Return the share of all pages this dirties from the start of a period on.

        A page stays clean through a part d of a period with probability
        ``1 - share (1 - exp(-rate d))``, and sets are drawn independently, so after n whole periods
        p and a rest d the share dirtied is ``1 - clean(p) ** n * clean(d)``.
        """
        whole, rest_s = np.divmod(operational_s, self.period_s)
        return 1.0 - (1.0 - self._within(self.period_s)) ** whole * (1.0 - self._within(rest_s))

    def _within(self, part_s: FloatColumn | float) -> FloatColumn:
        return np.asarray(-self.share * np.expm1(-self.writes_per_page_s * np.asarray(part_s)))


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Sweep:
    """One writer that passes through a contiguous share of memory again and again.

    Args:
        share: share of the VM's pages it passes through.
        sweeps_per_s: times per second of operational time it does so.
    """

    share: PositiveShare
    sweeps_per_s: Rate

    def dirtied_share(self, operational_s: FloatColumn) -> FloatColumn:
        """Return the share of all pages it dirties: ``min(S, c T)`` with c = S x sweeps per s."""
        return self.share * np.minimum(1.0, self.sweeps_per_s * operational_s)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ZipfWrites:
    """Pages whose write rates fall with their rank r as ``r ** -exponent``, binned into classes.

    The ranks are those of a VM with `ranks` such pages; in a VM of another size a rank stands for
    more or fewer pages, so that a class keeps its share and rate for any memory size.

    Args:
        share: share of the VM's pages.
        exponent: Zipf exponent; 0.99 is what key-value benchmarks use.
        writes_per_page_s: mean over these pages.
        bins: number of classes; their edges are evenly spaced in log rank.
        ranks: number of ranks.
    """

    share: PositiveShare
    exponent: Annotated[float, Field(gt=0, le=5, allow_inf_nan=False)]
    writes_per_page_s: Rate
    bins: Annotated[int, Field(ge=1, le=256)] = 16
    ranks: Annotated[int, Field(ge=1, le=10_000_000)] = 262_144

    def classes(self) -> tuple[WriteClass, ...]:
        """Return the bins, hottest first, each with the mean rate of its ranks."""
        weights = np.arange(1, self.ranks + 1, dtype=np.float64) ** -self.exponent
        # Rounding may join edges of the hottest ranks, so there may be fewer bins than asked for.
        edges = np.unique(np.rint(np.geomspace(1, self.ranks + 1, self.bins + 1)).astype(np.int64))
        sizes = np.diff(edges)
        sums = np.add.reduceat(weights, edges[:-1] - 1)
        rates = self.writes_per_page_s * (sums / sizes) / weights.mean()
        shares = self.share * sizes / self.ranks
        return tuple(
            WriteClass(share=float(share), writes_per_page_s=float(rate))
            for share, rate in zip(shares, rates, strict=True)
        )
