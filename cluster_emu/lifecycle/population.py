"""All VMs that a run may have: those of its start, and those that arrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.scenario import VMGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """One row per VM: those of the start first, then those that arrive in their order.

    Args:
        groups: what each VM is; VMs alike share one object.
        fields: the field of the scenario that says so, for messages.
        initial_count: VMs of the start.
        flavour: number of the flavour of each VM, -1 for those of the start, shape [vms].
        arrives_s: when each arrives, ascending, 0 for those of the start, shape [vms].
        lifetime_s: how long each stays, infinite for one that stays to the end, shape [vms].
        trace: the trace that the demand of each VM follows, shape [vms]; None if the demand model
            chooses.
        assumptions: what was assumed about arrivals, one sentence each.
    """

    groups: Sequence[VMGroup]
    fields: Sequence[str]
    initial_count: int
    flavour: IntColumn
    arrives_s: FloatColumn
    lifetime_s: FloatColumn
    trace: IntColumn | None = None
    assumptions: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of VMs."""
        return len(self.groups)
