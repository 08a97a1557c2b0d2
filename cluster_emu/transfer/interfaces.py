"""Interfaces of a migration: what it needs, and who is notified of its progress."""

from __future__ import annotations

from typing import Protocol

from cluster_emu.memory.base import MemoryEngine, PostCopyMemory
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.records import MigrationRecord, Phase


class MigrationPolicy(Protocol):
    """The part of a manager's policy that the course of a migration needs."""

    @property
    def name(self) -> str:
        """Its name in words."""

    @property
    def retries(self) -> int:
        """How often an aborted migration is requested again, 0 for never."""

    @property
    def retry_backoff_s(self) -> float:
        """The wait before the first retry, in seconds; it doubles with every further one."""

    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration of a VM with that much memory."""
        ...


class Memory(Protocol):
    """Makes the page state of the VM for the phases of one migration."""

    def engine(self, intensity: float) -> MemoryEngine:
        """Return the page state at the start, with page histories warmed."""
        ...

    def post_copy(self, engine: MemoryEngine) -> PostCopyMemory:
        """Return the state in which the VM resumes without the pages stale in `engine`."""
        ...


class Intensity(Protocol):
    """The VM's write intensity and CPU demand as piecewise constant functions of time."""

    def level(self, now_s: float) -> float:
        """Return the intensity at `now_s`."""
        ...

    def demand(self, now_s: float) -> float:
        """Return the CPU demand at `now_s`, a share of the VM's capacity."""
        ...

    def next_change(self, now_s: float) -> float:
        """Return the next instant after `now_s` at which one of them may change, or inf."""
        ...


class MigrationListener(Protocol):
    """Is notified of the events of a migration that concern the rest of the cluster."""

    def slowed(self, record: MigrationRecord, speed: float, now_s: float) -> None:
        """The VM can use this share of the CPU time it wants: 0 while paused, 1 unhindered."""
        ...

    def stalled(self, record: MigrationRecord, stall_s: float, demand: float) -> None:
        """The VM has waited so long for pages since the last call, at this CPU demand."""
        ...

    def offer_turn(self, record: MigrationRecord, now_s: float) -> bool:
        """Offer the turn on the network after a live round; return whether the migration keeps it.

        If not, another migration has the turn, and `take_turn` is called later.
        """
        ...

    def resumed(self, record: MigrationRecord, now_s: float) -> None:
        """The VM runs at the target."""
        ...

    def ended(self, record: MigrationRecord, outcome: Phase, why: str, now_s: float) -> None:
        """Nothing is left to copy, or the migration was aborted; the record is still open."""
        ...
