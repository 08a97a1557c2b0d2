"""What a manager's policy is: its limits, bandwidth cap and retries, and a controller."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import pydantic
from pydantic import ConfigDict, Field, field_validator

from cluster_emu.plugins import Registry
from cluster_emu.transfer.controller import MigrationController
from cluster_emu.units import (
    UNLIMITED,
    UNLIMITED_COUNT,
    ByteRateLimit,
    CountLimit,
    ParseSeconds,
    Seconds,
    slots_of,
)

Count = Annotated[int, Field(ge=1)]
BytesPerSecond = ByteRateLimit
PollSeconds = Annotated[float, ParseSeconds, Field(ge=1e-3, allow_inf_nan=False)]
"""Time between two polls of a migration; at least 1 ms, because every poll is an event."""


@dataclass(frozen=True, slots=True)
class ConcurrencyLimits:
    """How many migrations may hold a slot at once; None for no limit.

    Args:
        per_cluster: in the whole cluster.
        outbound_per_host: away from one host.
        inbound_per_host: onto one host.
    """

    per_cluster: int | None = None
    outbound_per_host: int | None = None
    inbound_per_host: int | None = None


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ManagerPolicy(ABC):
    """How a manager handles migrations; a manager adds its knobs and `create_controller`.

    Policies are frozen pydantic dataclasses.

    Args:
        per_cluster: migrations at once in the whole cluster; "none" and "unlimited" set no limit.
        outbound_per_host: migrations at once away from one host.
        inbound_per_host: migrations at once onto one host.
        bandwidth_bytes_per_s: cap on the rate of one migration.
        retries: how often an aborted migration is requested again.
        retry_backoff_s: wait before the first retry; it doubles with every further one.
    """

    name: ClassVar[str]
    """The registered kebab-case name."""
    summary: ClassVar[str]
    """One line saying what is special about it."""
    source: ClassVar[str]
    """Project, file and version its defaults come from, which is the version they hold for."""
    lifts_cap_when_stopped: ClassVar[bool] = False
    """Whether the bandwidth cap holds only while the VM runs (as in QEMU)."""
    sends_in_iterations: ClassVar[bool] = False
    """Whether QEMU's migration thread sends, unless a scenario says otherwise."""

    per_cluster: CountLimit | None = UNLIMITED_COUNT
    outbound_per_host: CountLimit | None = UNLIMITED_COUNT
    inbound_per_host: CountLimit | None = UNLIMITED_COUNT
    bandwidth_bytes_per_s: BytesPerSecond = math.inf
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    retry_backoff_s: Seconds = 0.0

    @field_validator("per_cluster", "outbound_per_host", "inbound_per_host", mode="before")
    @classmethod
    def _lift(cls, limit: object) -> object:
        """Read "unlimited" for a limit of any type."""
        return UNLIMITED_COUNT if limit == UNLIMITED else limit

    @property
    def limits(self) -> ConcurrencyLimits:
        """Return how many migrations may run at once."""
        return ConcurrencyLimits(
            slots_of(self.per_cluster),
            slots_of(self.outbound_per_host),
            slots_of(self.inbound_per_host),
        )

    @property
    def allows_post_copy(self) -> bool:
        """Whether a VM may resume before its memory is at the target; no, unless it says so."""
        return False

    @abstractmethod
    def create_controller(self, memory_bytes: float) -> MigrationController:
        """Return the controller of one migration of a VM with that much memory."""


policies: Registry[ManagerPolicy] = Registry(
    "policy",
    "cluster_emu.policies",
    package="cluster_emu.managers",
    summary="how a manager controls its migrations: limits, throttling, timeouts",
)
