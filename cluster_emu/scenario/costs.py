"""The CPU that migrations take from hosts and guests."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cluster_emu.scenario.plain import Plain

CPU = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Costs(Plain):
    """CPU that each migration takes from its first byte to its last; none by default.

    `source_cpu` and `target_cpu` are in the CPU unit of the hosts. They cover the migration
    threads, including those that compress, and come before the CPU of the VMs. `tracking_slowdown`
    is the share of its CPU time that a guest loses in live rounds, while its writes are tracked.
    """

    source_cpu: CPU = 0.0
    target_cpu: CPU = 0.0
    tracking_slowdown: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = 0.0
