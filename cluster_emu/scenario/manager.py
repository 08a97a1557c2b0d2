"""What the migration manager does, as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain

Slots = Annotated[int, Field(gt=0)]


class Preparing(Plain):
    """How many migrations may have their target prepared at once."""

    max_per_cluster: Slots | None = None
    max_outbound_per_host: Slots | None = None
    max_inbound_per_host: Slots | None = None


class Manager(Plain):
    """What the migration manager does at its control instants, and how much at once.

    The limits are slots. A migration holds one from the start of its preparation to its end; where
    `preparing` is given it prepares with a slot of that kind, gives it back and waits for one to
    copy. Among migrations of equal urgency `order` says which one gets the next slot.
    With `interleave` those that hold a slot to copy take turns on the network, one live round each.
    """

    triggers: tuple[Choice, ...] = ()
    max_per_cluster: Slots | None = None
    max_outbound_per_host: Slots | None = None
    max_inbound_per_host: Slots | None = None
    preparing: Preparing | None = None
    order: Choice = Choice(name="fifo")
    interleave: bool = False
    switch_off_empty_hosts: bool = True
