"""A placement that consists of an order of VMs, hard filters and weighted scorers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.consolidation.contract import (
    Placement,
    PlacementFilter,
    PlacementScorer,
    longest_history,
)
from cluster_emu.consolidation.view import ClusterView

Largest = Literal["cpu-demand", "memory", "cpu-and-memory"]
"""By what VMs are ordered; the last is the sum of the shares of all CPU and all memory."""


class ComposedPlacement(Placement):
    """Puts the largest VM first, each on the best host that passes its filters.

    A named placement defines its components in these properties. Ties go to the lower number.
    """

    @property
    @abstractmethod
    def largest(self) -> Largest:
        """By what the VMs are ordered, the largest first; equals keep their order."""

    @property
    def filters(self) -> Sequence[PlacementFilter]:
        """Conditions that a host must meet."""
        return ()

    @property
    def preferred(self) -> Sequence[PlacementFilter]:
        """Conditions that count only where some host meets them, the first one first."""
        return ()

    @property
    @abstractmethod
    def scorers(self) -> Sequence[PlacementScorer]:
        """What makes a host better than another, at least one."""

    @property
    def history_length(self) -> int:
        """The longest of its parts."""
        return longest_history([*self.filters, *self.preferred, *self.scorers])

    def order(self, view: ClusterView, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return `vms`, the largest first, those of an affinity group one after the other."""
        ordered = vms[np.argsort(-_sizes(view, vms, self.largest), kind="stable")]
        return _with_groups_together(ordered, view.state.vms.affinity[ordered])

    def choose(
        self, view: ClusterView, vm: int, allowed: BoolColumn, rng: np.random.Generator
    ) -> int:
        """Return the best host among `allowed` (mask, [hosts]) for `vm`, or -1 if none passes."""
        return self.best_host(view, vm, allowed)

    def best_host(self, view: ClusterView, vm: int, allowed: BoolColumn) -> int:
        """Return what `choose` returns; it draws no random numbers."""
        allowed = passing(self.filters, view, vm, allowed)
        for each in self.preferred:
            better = allowed & each.passes(view, vm)
            allowed = better if better.any() else allowed
        hosts = np.flatnonzero(allowed)
        if len(hosts) == 0:
            return -1
        return int(hosts[best(self.scorers, view, vm, hosts)])


def _sizes(view: ClusterView, vms: NDArray[np.intp], largest: Largest) -> FloatColumn:
    demand: FloatColumn = view.vm_cpu_demand[vms]
    memory: FloatColumn = view.state.vms.memory_bytes[vms].astype(np.float64)
    if largest == "cpu-demand":
        return demand
    if largest == "memory":
        return memory
    hosts = view.state.hosts
    shares: FloatColumn = demand / hosts.cpu_capacity.sum() + memory / hosts.memory_bytes.sum()
    return shares


def _with_groups_together(ordered: NDArray[np.intp], groups: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return VMs in their order, but each directly after the first one of its affinity group.

    No other VM then takes the memory that the rest of the group needs on the first one's target.
    """
    if not (groups >= 0).any():
        return ordered
    own = np.arange(len(ordered))
    _, first, group = np.unique(groups, return_index=True, return_inverse=True)
    return ordered[np.lexsort((own, np.where(groups >= 0, first[group], own)))]


def passing(
    filters: Sequence[PlacementFilter], view: ClusterView, vm: int, allowed: BoolColumn
) -> BoolColumn:
    """Return those of `allowed` (mask, [hosts]) that pass every filter for `vm`, [hosts]."""
    for each in filters:
        allowed = allowed & each.passes(view, vm)
    return allowed


def best(
    scorers: Sequence[PlacementScorer], view: ClusterView, vm: int, hosts: NDArray[np.intp]
) -> int:
    """Return the place in `hosts` of the one with the highest weighted sum of scores.

    With scores s_k of scorer k over the hosts compared, and weights w_k, the sum is

        sum over k of w_k (s_k - min s_k) / (max s_k - min s_k),

    where scores within the scorer's tolerance of the best one are set to it first.
    """
    if len(scorers) == 1:  # scaling would not change which host is the best
        scores = scorers[0].scores(view, vm, hosts)
        return int(np.argmax(scores >= scores.max() - scorers[0].tolerance))
    total = np.zeros(len(hosts))
    for each in scorers:
        scores = each.scores(view, vm, hosts)
        top, bottom = scores.max(), scores.min()
        if top > bottom:
            scores = np.where(scores >= top - each.tolerance, top, scores)
            total += each.weight * ((scores - bottom) / (top - bottom))
    return int(np.argmax(total))
