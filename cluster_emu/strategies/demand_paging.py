"""The parameters of fetching pages after the VM has resumed, shared by post-copy and hybrid."""

from __future__ import annotations

from pydantic import Field
from pydantic.dataclasses import dataclass

from cluster_emu.strategies.contract import TOUCHES_PER_WRITE, Strategy


@dataclass(frozen=True, kw_only=True)
class DemandPaging(Strategy):
    """A method whose VM resumes at the target before all of its memory is there.

    Args:
        bubbling: push pages outwards from the last fault, +1, -1, +2, -2 ... (Hines and Gopalan,
            adaptive pre-paging); False pushes in address order.
        pivots: how many of the last faults the pushed pages surround, in equal parts.
        ballooned_share: share of memory, from 0 up to but not including 1, that the guest returns
            to the hypervisor before the migration and that is never sent, pages drawn at random
            (dynamic self-ballooning).
        preempt: an urgent page does not queue behind pushed ones (QEMU postcopy-preempt, 8.0).
        touches_per_write: page touches, reads included, per write; at least 1. An assumption, right
            to an order of magnitude: reads fault as well, but a write profile says only what is
            written.
    """

    bubbling: bool = True
    pivots: int = Field(default=1, ge=1)
    ballooned_share: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)
    preempt: bool = True
    touches_per_write: float = Field(default=TOUCHES_PER_WRITE, ge=1, allow_inf_nan=False)
