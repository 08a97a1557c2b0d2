"""What migrations cost hosts and guests while they run, as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cluster_emu.scenario.plain import Plain

CPU = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Costs(Plain):
    """CPU that migrations take, from the first byte to the last; nothing unless it is said.

    `source_cpu` and `target_cpu` are in the CPU unit of the hosts (one core of a migration thread,
    threads that compress included), taken before the VMs get theirs. `tracking_slowdown` is the
    share of its CPU time a guest loses while its writes are tracked, in live rounds.
    """

    source_cpu: CPU = 0.0
    target_cpu: CPU = 0.0
    tracking_slowdown: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
