"""The migration manager: what it asks for, and how much runs at once."""

from __future__ import annotations

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain
from cluster_emu.units import CountLimit


class Preparing(Plain):
    """How many migrations may prepare their target at once."""

    max_per_cluster: CountLimit | None = None
    max_outbound_per_host: CountLimit | None = None
    max_inbound_per_host: CountLimit | None = None


class Manager(Plain):
    """What the migration manager does at its control instants, and how many migrations run at once.

    The limits count slots; one that is not set is that of `transfer.policy`, and "unlimited" lifts
    that, too. A migration holds a slot from the start of its preparation to its end.
    With `preparing` it holds a slot of that kind while it prepares, releases it, and then waits for
    a slot to copy. `order` decides which of several migrations of one priority gets the next slot.
    With `interleave` the migrations that copy use the network round-robin, one live round each.
    """

    triggers: tuple[Choice, ...] = ()
    max_per_cluster: CountLimit | None = None
    max_outbound_per_host: CountLimit | None = None
    max_inbound_per_host: CountLimit | None = None
    preparing: Preparing | None = None
    order: Choice = Choice(name="fifo")
    interleave: bool = False
    switch_off_empty_hosts: bool = True
