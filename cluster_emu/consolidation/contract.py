"""The policy families of the migration manager: which host, which VM, where to, and when.

A trigger requests migrations at a control instant. The classic one consists of four policies: an
overload detector, an underload detector, a VM selection and a placement. A placement consists of
hard filters and weighted scorers, as in OpenStack Nova and OpenDC.

Every policy is a frozen pydantic dataclass that inherits from its family's class here. Policies
read the cluster through a `ClusterView` and keep no state. One that draws random numbers takes them
from the generator it is given, so that a run with the same seed is the same run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.move import Move
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import TriggerReport
from cluster_emu.consolidation.view import ClusterView
from cluster_emu.plugins import Registry

ROUNDING = 1e-9
"""The same VMs added up in another order must not make a host at the threshold overloaded."""


class Policy(ABC):
    """What all policies have in common.

    Attributes:
        name: the registered kebab-case name.
        summary: one line on what it does.
        source: origin of the rule.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @property
    def history_length(self) -> int:
        """Control instants of utilisation history that it reads, the present one included.

        By default as many as the policies among its fields. A policy that reads the history itself
        overrides this.
        """
        values = (getattr(self, each.name) for each in fields(self)) if is_dataclass(self) else ()
        return longest_history(_policies_in(values))


class OverloadDetector(Policy):
    """Sets one threshold per host, above which the host is overloaded.

    A subclass defines `thresholds`. Which hosts are overloaded, and which hosts have room for one
    more VM, follows from them. One that decides by something else overrides `overloaded`,
    `is_overloaded` and `fits`.
    """

    @abstractmethod
    def thresholds(self, view: ClusterView) -> FloatColumn:
        """Return the utilisation above which each host is overloaded, [hosts].

        It is called once at a control instant, before any move is tried out.
        """

    def limits(self, view: ClusterView) -> FloatColumn:
        """Return the thresholds with an allowance for rounding, computed once per instant."""
        return view.kept(self, self._rounded_thresholds)

    def overloaded(self, view: ClusterView) -> BoolColumn:
        """Return which hosts are above their threshold, [hosts]."""
        return view.utilisation > self.limits(view)

    def is_overloaded(self, view: ClusterView, host: int) -> bool:
        """Return whether one host is above its threshold."""
        utilisation = view.cpu_demand[host] / view.state.hosts.cpu_capacity[host]
        return bool(utilisation > self.limits(view)[host])

    def fits(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return the hosts that stay at or below their threshold with `vm` added, [hosts]."""
        return view.utilisation_with(vm) <= self.limits(view)

    def cpu_limits(self, view: ClusterView) -> FloatColumn | None:
        """Return the CPU demand up to which each host takes VMs, [hosts].

        It tells at once which VMs fit nowhere. None means that `fits` alone can say; that is so
        where a subclass overrides `fits`.
        """
        if type(self).fits is not OverloadDetector.fits:
            return None
        return self.limits(view) * view.state.hosts.cpu_capacity

    def _rounded_thresholds(self, view: ClusterView) -> FloatColumn:
        return self.thresholds(view) + ROUNDING


class UnderloadDetector(Policy):
    """Orders the hosts that are worth emptying, the best first."""

    @abstractmethod
    def candidates(self, view: ClusterView, allowed: BoolColumn) -> NDArray[np.intp]:
        """Return hosts among `allowed` (mask, [hosts]), the one to empty first in front."""


class VMSelection(Policy):
    """Orders the VMs of an overloaded host; the manager moves from the front."""

    @abstractmethod
    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the VMs of `host` that are free to leave it, the first to go at the front.

        `selection.free_to_leave` says which these are.
        """


class PlacementFilter(Policy):
    """A condition that a host must meet to receive a VM."""

    @abstractmethod
    def passes(self, view: ClusterView, vm: int) -> BoolColumn:
        """Return which hosts meet the condition for `vm`, [hosts]; the caller only reads it."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class PlacementScorer(Policy):
    """A number by which hosts are compared; the higher, the better.

    With several scorers each is scaled to 0..1 over the hosts compared, multiplied by its weight
    and added up, as OpenStack Nova's weighers are.

    Args:
        weight: what its score, scaled to 0..1, is multiplied by.
    """

    tolerance: ClassVar[float] = 0.0
    """Scores less than this below the best one count as equal to it."""

    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @abstractmethod
    def scores(self, view: ClusterView, vm: int, hosts: NDArray[np.intp]) -> FloatColumn:
        """Return how good each of `hosts` is for `vm`, [these hosts]."""


class Placement(Policy):
    """Chooses the targets of VMs, one after the other."""

    @abstractmethod
    def order(self, view: ClusterView, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the same VMs, the first to be placed at the front."""

    @abstractmethod
    def choose(
        self, view: ClusterView, vm: int, allowed: BoolColumn, rng: np.random.Generator
    ) -> int:
        """Return a host among `allowed` (mask, [hosts]) for `vm`, or -1 if none is good."""


class Trigger(Policy):
    """Asks for moves at a control instant; the manager queues them in the order given."""

    def drained_hosts(self, state: ClusterState) -> BoolColumn:
        """Return the hosts that take no new VM from this control instant on, [hosts].

        It is asked of all triggers before any of them plans, so no trigger plans a move to a host
        that another one drains. By default there are none. A host stays drained for the whole run.
        """
        return np.zeros(state.host_count, dtype=np.bool_)

    @abstractmethod
    def moves(self, plan: Plan, rng: np.random.Generator) -> tuple[list[Move], TriggerReport]:
        """Return the moves to queue now, each already applied to `plan`, and what it found.

        Args:
            plan: the cluster with the moves of earlier triggers.
            rng: random numbers of this trigger at this control instant.
        """


def _policies_in(values: Iterable[object]) -> list[Policy]:
    """Return the policies among some values, those in tuples included."""
    flat = (one for value in values for one in (value if isinstance(value, tuple) else (value,)))
    return [one for one in flat if isinstance(one, Policy)]


def longest_history(policies: Sequence[Policy]) -> int:
    """Return the longest history that any of some policies reads, 0 without policies."""
    return max((policy.history_length for policy in policies), default=0)


overload_detectors: Registry[OverloadDetector] = Registry(
    "overload detector",
    "cluster_emu.overload_detectors",
    package="cluster_emu.consolidation.overload",
    summary="above which utilisation a host is overloaded",
)
underload_detectors: Registry[UnderloadDetector] = Registry(
    "underload detector",
    "cluster_emu.underload_detectors",
    package="cluster_emu.consolidation.underload",
    summary="which hosts are worth emptying",
)
vm_selections: Registry[VMSelection] = Registry(
    "VM selection",
    "cluster_emu.vm_selections",
    package="cluster_emu.consolidation.selection",
    summary="which VMs leave an overloaded host first",
)
placements: Registry[Placement] = Registry(
    "placement",
    "cluster_emu.placements",
    package="cluster_emu.consolidation.placement",
    summary="the target host of a VM",
)
placement_filters: Registry[PlacementFilter] = Registry(
    "placement filter",
    "cluster_emu.placement_filters",
    package="cluster_emu.consolidation.placement.filters",
    summary="a condition that a host must meet to receive a VM",
)
placement_scorers: Registry[PlacementScorer] = Registry(
    "placement scorer",
    "cluster_emu.placement_scorers",
    package="cluster_emu.consolidation.placement.scorers",
    summary="a number by which a placement compares hosts",
)
triggers: Registry[Trigger] = Registry(
    "trigger",
    "cluster_emu.triggers",
    package="cluster_emu.consolidation.triggers",
    summary="which migrations start at a control instant",
)
