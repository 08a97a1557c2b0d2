"""A placement that the scenario composes of filters and scorers."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.consolidation.contract import placements
from cluster_emu.consolidation.fields import FilterField, ScorerField
from cluster_emu.consolidation.placement.composed import ComposedPlacement, Largest
from cluster_emu.consolidation.placement.filters.switched_on import SwitchedOn
from cluster_emu.consolidation.placement.scorers.most_free_cpu import MostFreeCPU


@placements.register("filter-scheduler")
@dataclass(frozen=True, config=ConfigDict(extra="forbid", arbitrary_types_allowed=True))
class FilterScheduler(ComposedPlacement):
    """The largest VM first, each to the host with the best score among those that pass.

    The filters come on top of what every move needs: memory for the VM, a host that is up, not
    drained and not its own. With the defaults it is `most-free`.

    Args:
        largest: by what the VMs are ordered, the largest first.
        filters: conditions that a host must meet.
        preferred: conditions that count only where some host meets them, the first one first.
        scorers: what makes a host better than another; each takes a `weight`.
    """

    name: ClassVar[str] = "filter-scheduler"
    summary: ClassVar[str] = "hard filters, then the highest weighted sum of scores"
    source: ClassVar[str] = "OpenStack Nova, FilterScheduler; OpenDC"

    largest: Largest = "cpu-demand"
    filters: tuple[FilterField, ...] = ()
    preferred: tuple[FilterField, ...] = (SwitchedOn(),)
    scorers: tuple[ScorerField, ...] = Field(default=(MostFreeCPU(),), min_length=1)
