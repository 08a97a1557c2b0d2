"""What the crash of a host does to its VMs and to migrations from and to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from cluster_emu.cluster.state import ClusterState
from cluster_emu.faults.impact import Impact, impact
from cluster_emu.faults.restarts import Restarts
from cluster_emu.scenario import HighAvailability
from cluster_emu.scheduling.scheduler import MigrationScheduler
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import Phase

Listener = Callable[[Sequence[int], float], None]


class HostFaults:
    """Crashes and repairs hosts; a host is up when all of its faults are over.

    Args:
        settings: what follows a crash.
        state: the columns.
        scheduler: cancels and retries migrations.
        restarts: stops VMs and restarts them.
        update_workload: called with the time after VMs have gone down.
    """

    def __init__(
        self,
        settings: HighAvailability,
        state: ClusterState,
        scheduler: MigrationScheduler,
        restarts: Restarts,
        update_workload: Callable[[float], None],
    ) -> None:
        self._settings = settings
        self._state = state
        self._scheduler = scheduler
        self._restarts = restarts
        self._update_workload = update_workload
        self._faults = np.zeros(state.host_count, dtype=np.int64)
        self._listeners: list[Listener] = []
        self._listeners_to_repairs: list[Listener] = []

    def notify(self, crashed: Listener, repaired: Listener | None = None) -> None:
        """Call with the hosts and the time whenever some have crashed, or are up again."""
        self._listeners.append(crashed)
        if repaired is not None:
            self._listeners_to_repairs.append(repaired)

    def begin(self, hosts: Sequence[int], now_s: float) -> None:
        """Begin one fault of each host; those that were up crash at once."""
        crashed = [host for host in hosts if not self._faults[host]]
        self._faults[list(hosts)] += 1
        if crashed:
            self._crash(crashed, now_s)

    def end(self, hosts: Sequence[int], now_s: float) -> None:
        """End one fault of each host."""
        self._faults[list(hosts)] -= 1
        repaired = [host for host in hosts if not self._faults[host]]
        if repaired:
            self._repair(repaired, now_s)

    def _crash(self, hosts: list[int], now_s: float) -> None:
        self._state.crash_hosts(hosts, now_s)
        vms = self._state.vms
        going_down = set(np.flatnonzero(np.isin(vms.host, hosts) & vms.running).tolist())
        for migration in self._migrations_of(hosts):
            self._apply_impact(migration, going_down, now_s)
        self._restarts.take_down(sorted(going_down), now_s)
        for crashed in self._listeners:
            crashed(hosts, now_s)
        self._update_workload(now_s)
        self._scheduler.admit(now_s)

    def _repair(self, hosts: list[int], now_s: float) -> None:
        self._state.repair_hosts(hosts, now_s)
        self._restarts.try_all(now_s)
        self._scheduler.switch_off_empty()
        for repaired in self._listeners_to_repairs:
            repaired(hosts, now_s)

    def _migrations_of(self, hosts: Iterable[int]) -> list[Migration]:
        """Return the migrations from or to the hosts, in the order of their requests."""
        live = self._scheduler.live.values()
        return [each for each in live if {each.record.source, each.record.target} & set(hosts)]

    def _apply_impact(self, migration: Migration, going_down: set[int], now_s: float) -> None:
        """Do to a migration what the crash of its hosts does; correct which VMs go down."""
        record, phase = migration.record, migration.state
        target_failed = bool(self._state.hosts.failed[record.target])
        what = impact(phase, needs_source=migration.needs_source, target_failed=target_failed)
        why = f"{self._crashed_host(migration)} crashed in phase {phase.reported}"
        if what is Impact.NONE:
            going_down.discard(record.vm)
        elif what is Impact.COMPLETES:
            self._scheduler.cancel(record.migration, Phase.COMPLETED, "", now_s)
        elif what is Impact.FAILS:
            self._scheduler.cancel(record.migration, Phase.FAILED, why, now_s)
            if self._state.hosts.failed[record.source]:  # perhaps some time ago
                going_down.add(record.vm)
            else:
                settings = self._settings
                retries, wait_s = settings.migration_retries, settings.migration_retry_backoff_s
                self._scheduler.retry_later(record, retries, wait_s, now_s)
        elif self._settings.postcopy_recovery:
            self._scheduler.cancel(record.migration, Phase.FAILED, why, now_s)
            going_down.add(record.vm)
        else:
            self._scheduler.cancel(record.migration, Phase.FAILED, f"VM lost: {why}", now_s)
            going_down.discard(record.vm)
            self._state.lose_vm(record.vm, now_s)

    def _crashed_host(self, migration: Migration) -> str:
        """Return which host's crash ends it: the source, unless that is up or no longer needed."""
        record = migration.record
        if migration.needs_source and self._state.hosts.failed[record.source]:
            return f"source {self._state.names.host(record.source)}"
        return f"target {self._state.names.host(record.target)}"
