"""By how much the dirty rates and bandwidths of a run differ from those of its scenario."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from cluster_emu.network import LinkTable
from cluster_emu.rng import RandomStreams, Stream

DIRTY_RATES, BANDWIDTHS = range(2)
"""The keys of the stream `UNCERTAINTY`."""


class Uncertainty(NamedTuple):
    """The factors of one run.

    Args:
        dirty_rates: of the write intensity of all VMs, and so of their dirty rates.
        bandwidths: of the capacity of all links.
    """

    dirty_rates: float = 1.0
    bandwidths: float = 1.0

    @classmethod
    def drawn(cls, uncertain: float, streams: RandomStreams) -> Uncertainty:
        """Draw both factors, each uniformly from 1 - uncertain to 1 + uncertain."""
        if not uncertain:
            return cls()
        low, high = 1.0 - uncertain, 1.0 + uncertain
        return cls(
            *(
                float(streams.generator(Stream.UNCERTAINTY, quantity).uniform(low, high))
                for quantity in (DIRTY_RATES, BANDWIDTHS)
            )
        )

    def of_links(self, links: LinkTable) -> LinkTable:
        """Return the links with their capacities in this run."""
        return replace(links, capacity_bps=links.capacity_bps * self.bandwidths)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """The factors in words."""
        if self == Uncertainty():
            return ()
        return (
            f"Uncertain inputs: in this run dirty rates are {self.dirty_rates:.3f} and link "
            f"bandwidths {self.bandwidths:.3f} times those of the scenario.",
        )
