"""Provides the triggers of a run with a plan and random numbers at each control instant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.cluster.columns import BoolColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.contract import Trigger, longest_history
from cluster_emu.consolidation.history import UtilisationHistory
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.view import Watts
from cluster_emu.rng import RandomStreams, Stream


class Planner:
    """Makes the plan of a control instant, and random numbers for each trigger at each instant.

    The random numbers depend on the seed, the instant and the trigger alone, so what one trigger
    draws changes nothing for another one, or at another instant.

    Args:
        state: the columns.
        watts: power of hosts if switched on.
        triggers: what may ask for migrations, in this order.
        network: links and routes.
        streams: the run's random streams.

    Attributes:
        triggers: what may ask for migrations.
        network: links and routes.
    """

    def __init__(
        self,
        state: ClusterState,
        watts: Watts,
        triggers: Sequence[Trigger],
        network: MigrationNetwork,
        streams: RandomStreams,
    ) -> None:
        self.triggers = tuple(triggers)
        self._state = state
        self._watts = watts
        self.network = network
        self._streams = streams
        self._history = UtilisationHistory(longest_history(self.triggers), state)
        self._instants = 0

    def drained_hosts(self) -> BoolColumn:
        """Return the hosts that some trigger drains at this instant, [hosts]."""
        drained = np.zeros(self._state.host_count, dtype=np.bool_)
        for trigger in self.triggers:
            drained |= trigger.drained_hosts(self._state)
        return drained

    def begin(self) -> Plan:
        """Return the plan of the next control instant, with nothing planned yet."""
        self._history.record()
        self._instants += 1
        return Plan.of(self._state, self._watts, history=self._history, network=self.network)

    def add(self, trigger: Trigger) -> tuple[int, Plan, np.random.Generator]:
        """Add a trigger between two control instants.

        Returns:
            Its number, and a plan and random numbers for it to plan with now. No history is
            recorded, and other triggers draw the same numbers as without it.
        """
        number = len(self.triggers)
        self.triggers = (*self.triggers, trigger)
        plan = Plan.of(self._state, self._watts, history=self._history, network=self.network)
        instant = max(self._instants - 1, 0)
        return number, plan, self._streams.generator(Stream.CONSOLIDATION, instant, number)

    def generator(self, number: int) -> np.random.Generator:
        """Return the random numbers of trigger `number` at this control instant."""
        return self._streams.generator(Stream.CONSOLIDATION, self._instants - 1, number)
