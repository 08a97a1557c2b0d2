"""What every policy states besides its steering: limits, a bandwidth cap, retries."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.transfer.controller import ConcurrencyLimits, Policy
from cluster_emu.units import ParseBytes, ParseSeconds, Seconds

GIB = 2**30

Count = Annotated[int, Field(ge=1)]
BytesPerSecond = Annotated[float, ParseBytes, Field(gt=0)]
"""A rate in bytes per second; ``"64 MiB"`` is read as 64 MiB/s, infinite means no cap."""
PollSeconds = Annotated[float, ParseSeconds, Field(ge=1e-3, allow_inf_nan=False)]
"""Time between two looks at a migration; not so short that looking is all that happens."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ManagerPolicy(Policy):
    """A policy's plain data; a manager adds its own knobs and `steer`.

    Args:
        per_cluster: migrations at once in the whole cluster, None for no limit.
        outbound_per_host: migrations at once away from one host.
        inbound_per_host: migrations at once onto one host.
        bandwidth_bytes_per_s: cap on the rate of one migration, infinite for none.
        retries: how often an aborted migration is asked for again.
        retry_backoff_s: wait before the first retry; it doubles with every further one.
    """

    lifts_cap_when_stopped: ClassVar[bool] = False

    per_cluster: Count | None = None
    outbound_per_host: Count | None = None
    inbound_per_host: Count | None = None
    bandwidth_bytes_per_s: BytesPerSecond = math.inf
    retries: Annotated[int, Field(ge=0)] = 0
    retry_backoff_s: Seconds = 0.0

    @property
    def limits(self) -> ConcurrencyLimits:
        """Return how many migrations may run at once."""
        return ConcurrencyLimits(self.per_cluster, self.outbound_per_host, self.inbound_per_host)
