"""The policy families of the migration manager: which host, which VM, where to, and what prompts it.

Policies read the cluster through a `Plan`, a projection that already counts the moves planned so
far in this control instant; they never touch the state. They draw no random numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from cluster_emu.consolidation.plan import Plan
from cluster_emu.registry import Registry


class Priority(IntEnum):
    """Which queued migration goes first; a lower number is more urgent."""

    DRAIN = 0
    USER = 1
    REBALANCE = 2


@dataclass(frozen=True, slots=True)
class Move:
    """One planned migration.

    Args:
        vm: number of the VM.
        source: host it runs on.
        target: host it shall run on.
        reason: what prompted it: "overload", "underload", "balance", "drain" or "request".
        priority: its class in the queue.
    """

    vm: int
    source: int
    target: int
    reason: str
    priority: Priority


class OverloadDetector(Protocol):
    """Tells which hosts have too much load."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def overloaded(self, plan: Plan) -> NDArray[np.bool_]:
        """Return a mask over hosts, shape [hosts]."""
        ...

    def fits(self, plan: Plan, vm: int) -> NDArray[np.bool_]:
        """Return the hosts that would not be overloaded with `vm` added, shape [hosts]."""
        ...


class UnderloadDetector(Protocol):
    """Orders the hosts worth emptying, the best first."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def candidates(self, plan: Plan) -> NDArray[np.intp]:
        """Return host numbers, the one to empty first at the front."""
        ...


class VMSelection(Protocol):
    """Orders the VMs of an overloaded host; the manager moves from the front."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def rank(self, plan: Plan, host: int) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the first to go at the front."""
        ...


class Placement(Protocol):
    """Chooses the target of a VM."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def choose(self, plan: Plan, vm: int, allowed: NDArray[np.bool_]) -> int:
        """Return a host among `allowed` (mask, shape [hosts]) for `vm`, or -1 if none is good."""
        ...


class Trigger(Protocol):
    """Proposes moves at a control instant; the manager queues them in the order given."""

    name: ClassVar[str]
    summary: ClassVar[str]

    def moves(self, plan: Plan) -> list[Move]:
        """Return the moves to queue now, applying each one to `plan`."""
        ...


overload_detectors: Registry[OverloadDetector] = Registry(
    "overload detector", "cluster_emu.overload_detectors"
)
underload_detectors: Registry[UnderloadDetector] = Registry(
    "underload detector", "cluster_emu.underload_detectors"
)
vm_selections: Registry[VMSelection] = Registry("VM selection", "cluster_emu.vm_selections")
placements: Registry[Placement] = Registry("placement", "cluster_emu.placements")
triggers: Registry[Trigger] = Registry("trigger", "cluster_emu.triggers")
