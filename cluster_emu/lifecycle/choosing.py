"""Which host a VM that arrives goes to: the placements of consolidation, for one VM at a time.

A plan of the whole cluster costs time in proportion to its VMs. So one plan is kept from one VM to
the next, with what arrivals and ends change, and made anew only after something else has changed.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cluster_emu.cluster.columns import BoolColumn, FloatColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.consolidation.contract import Placement
from cluster_emu.consolidation.network import MigrationNetwork
from cluster_emu.consolidation.plan import Plan
from cluster_emu.consolidation.view import Watts


class HostChooser:
    """Chooses hosts for VMs that are nowhere.

    Args:
        placement: the policy.
        state: the columns.
        watts: power of hosts if switched on.
        network: links and routes.
        wanted: returns the share of its CPU capacity that each VM would want at a time, [vms].
        rng: what the placement may draw from.
    """

    def __init__(
        self,
        placement: Placement,
        state: ClusterState,
        watts: Watts,
        network: MigrationNetwork,
        wanted: Callable[[float], FloatColumn],
        rng: np.random.Generator,
    ) -> None:
        self._placement = placement
        self._state = state
        self._watts = watts
        self._network = network
        self._wanted = wanted
        self._rng = rng
        self._plan: Plan | None = None
        self._version = -1

    def host_for(self, vm: int, demand: float, now_s: float) -> int:
        """Return the host for a VM, -1 if there is none.

        Args:
            vm: a VM that is nowhere.
            demand: the share of its CPU capacity that it would want now.
            now_s: the time.
        """
        plan = self._current(now_s)
        plan.vm_cpu_demand[vm] = demand * self._state.vms.cpu_capacity[vm]
        allowed = self._allowed(plan, vm)
        if not allowed.any():
            return -1
        return int(self._placement.choose(plan, vm, allowed, self._rng))

    def obstacle(self, vm: int, now_s: float) -> str:
        """Return in words why there is no host for a VM."""
        plan = self._current(now_s)
        if not plan.operational.any():
            return "no host is up and not drained"
        if not (plan.operational & self._has_memory(plan, vm)).any():
            return "no host has the memory"
        if not self._allowed(plan, vm).any():
            return "anti-affinity leaves no host"
        return "the placement takes none of the hosts with memory"

    def arrived(self, vm: int, host: int) -> None:
        """Note that the VM for which a host was chosen last is on that host now."""
        if self._plan is not None and self._version == self._state.version:
            self._plan.arrive(vm, host)

    def left(self, vm: int) -> None:
        """Note that a VM is nowhere from now on."""
        plan = self._plan
        if plan is None or self._version != self._state.version:
            return
        if plan.vm_host[vm] >= 0:
            plan.leave(vm)
        else:
            self._plan = None  # it was down, and held memory that no plan counts as its own

    def _allowed(self, plan: Plan, vm: int) -> BoolColumn:
        allowed = plan.operational & self._has_memory(plan, vm)
        if self._state.vms.anti_affinity[vm] >= 0:
            allowed &= ~plan.kept_apart_from(vm)
        return allowed

    def _has_memory(self, plan: Plan, vm: int) -> BoolColumn:
        has_memory: BoolColumn = plan.memory_free_bytes >= self._state.vms.memory_bytes[vm]
        return has_memory

    def _current(self, now_s: float) -> Plan:
        """Return the plan as of now; which hosts are on changes without a new version."""
        state = self._state
        if self._plan is None or self._version != state.version:
            self._version = state.version
            self._plan = Plan.of(
                state,
                self._watts,
                vm_cpu_demand=self._wanted(now_s) * state.vms.cpu_capacity,
                network=self._network,
            )
        else:
            self._plan.update_switched_on()
        return self._plan
