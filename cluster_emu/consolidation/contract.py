"""The policy families of the migration manager: which host, which VM, where to, and when.

Policies read the cluster through a `Plan`, a projection that already counts the moves planned so
far in this control instant; they never touch the state. They draw no random numbers.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from cluster_emu.consolidation.move import Move, Priority
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.report import TriggerReport
from cluster_emu.plugins import Registry

__all__ = [
    "Move",
    "OverloadDetector",
    "Placement",
    "Plan",
    "Policy",
    "Priority",
    "Trigger",
    "TriggerReport",
    "UnderloadDetector",
    "VMSelection",
    "overload_detectors",
    "placements",
    "triggers",
    "underload_detectors",
    "vm_selections",
]


class Policy(Protocol):
    """What every policy says about itself. Implementations are frozen pydantic dataclasses.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where the rule comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]


@runtime_checkable
class OverloadDetector(Policy, Protocol):
    """Tells which hosts have too much load."""

    def overloaded(self, plan: Plan) -> NDArray[np.bool_]:
        """Return a mask over hosts, shape [hosts]."""
        ...

    def is_overloaded(self, plan: Plan, host: int) -> bool:
        """Return the same for one host, at the cost of one host."""
        ...

    def fits(self, plan: Plan, vm: int) -> NDArray[np.bool_]:
        """Return the hosts that would not be overloaded with `vm` added, shape [hosts]."""
        ...


@runtime_checkable
class UnderloadDetector(Policy, Protocol):
    """Orders the hosts worth emptying, the best first."""

    def candidates(self, plan: Plan, allowed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return hosts among `allowed` (mask, shape [hosts]), the one to empty first in front."""
        ...


@runtime_checkable
class VMSelection(Policy, Protocol):
    """Orders the VMs of an overloaded host; the manager moves from the front."""

    def rank(self, plan: Plan, host: int) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the first to go at the front."""
        ...


@runtime_checkable
class Placement(Policy, Protocol):
    """Chooses the targets of VMs, one after the other."""

    def order(self, plan: Plan, vms: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the same VMs, the first to be placed at the front."""
        ...

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return a host among `allowed` (mask, shape [hosts]) for `vm`, or -1 if none is good."""
        ...


@runtime_checkable
class Trigger(Policy, Protocol):
    """Proposes moves at a control instant; the manager queues them in the order given."""

    def moves(self, plan: Plan) -> tuple[list[Move], TriggerReport]:
        """Return the moves to queue now, each already applied to `plan`, and the account of it."""
        ...


overload_detectors: Registry[OverloadDetector] = Registry(
    "overload detector",
    "cluster_emu.overload_detectors",
    package="cluster_emu.consolidation",
    summary="above which utilisation a host is overloaded",
)
underload_detectors: Registry[UnderloadDetector] = Registry(
    "underload detector",
    "cluster_emu.underload_detectors",
    package="cluster_emu.consolidation",
    summary="which hosts are worth emptying",
)
vm_selections: Registry[VMSelection] = Registry(
    "VM selection",
    "cluster_emu.vm_selections",
    package="cluster_emu.consolidation",
    summary="which VMs leave an overloaded host first",
)
placements: Registry[Placement] = Registry(
    "placement",
    "cluster_emu.placements",
    package="cluster_emu.consolidation",
    summary="which host a VM goes to",
)
triggers: Registry[Trigger] = Registry(
    "trigger",
    "cluster_emu.triggers",
    package="cluster_emu.consolidation",
    summary="which migrations are asked for at a control instant",
)
