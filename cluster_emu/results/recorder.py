"""Collects the rows of the per-host, per-VM and per-link tables at the instants of observation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.cluster.state import ClusterState
from cluster_emu.network.links import LinkTable
from cluster_emu.results.folder_lock import locked
from cluster_emu.results.growing_tables import Columns, GrowingTable, KeptTable
from cluster_emu.results.naming import name_columns
from cluster_emu.results.result_folder import begin_result, check_unused
from cluster_emu.signals import held

STREAMED_TABLES = ("hosts", "vms", "links")
"""The tables that grow with simulated time."""


class Recorder:
    """Notes whole columns per observation, for tidy tables in memory or in a folder.

    Args:
        state: the columns to observe.
        links: the network's links, for their ends and capacities.
        folder: where the tables are written to as they grow; None to keep them. It is locked until
            they are finished or closed.

    Raises:
        ScenarioError: if the folder is in use.
    """

    def __init__(self, state: ClusterState, links: LinkTable, folder: Path | None = None) -> None:
        self._state = state
        self._links = links
        self.folder = folder
        lock = ExitStack()
        self._tables = _growing_tables(folder, lock)
        self._lock = lock
        self._last_carried = np.zeros(len(links))
        self._last_s = 0.0
        self._has_begun = False

    def observe(
        self,
        now_s: float,
        watts: FloatColumn,
        energy_kwh: Mapping[str, FloatColumn],
        carried_bytes: Callable[[], FloatColumn],
    ) -> None:
        """Note the state of every host and VM, and what each link carried since the last time.

        Args:
            now_s: the time.
            watts: power of each host, [hosts].
            energy_kwh: energy of each host so far, and parts of it, by the column's name, [hosts].
            carried_bytes: returns what each link has carried so far, [links].
        """
        with held():  # an interrupted run has all tables of an instant, or none
            self._observe_all(now_s, watts, energy_kwh, carried_bytes())

    def _observe_all(
        self,
        now_s: float,
        watts: FloatColumn,
        energy_kwh: Mapping[str, FloatColumn],
        carried: FloatColumn,
    ) -> None:
        if self.folder is not None and not self._has_begun:
            kinds = ("parquet", "partial.parquet")
            names = (f"{table}.{kind}" for table in STREAMED_TABLES for kind in kinds)
            begin_result(self.folder, "run", names)
        self._has_begun = True
        hosts, vms = self._state.hosts, self._state.vms
        self._add(
            "hosts",
            {
                "time_s": np.full(self._state.host_count, now_s),
                "host": np.arange(self._state.host_count),
                "utilisation": hosts.utilisation,
                "cpu_demand": self._state.sum_per_host(vms.cpu_demand),
                "vm_count": hosts.vm_count.copy(),
                "memory_reserved_bytes": hosts.memory_reserved_bytes.copy(),
                "outgoing": hosts.outgoing.copy(),
                "incoming": hosts.incoming.copy(),
                "switched_on": hosts.switched_on.copy(),
                "failed": hosts.failed.copy(),
                "power_w": watts,
                **energy_kwh,
            },
        )
        self._observe_vms(now_s)
        self._observe_links(now_s, carried)

    def _observe_vms(self, now_s: float) -> None:
        """Note the state of the VMs that are on a host."""
        vms = self._state.vms
        there = np.flatnonzero(vms.host >= 0)
        self._add(
            "vms",
            {
                "time_s": np.full(len(there), now_s),
                "vm": there,
                "host": vms.host[there],
                "demand": vms.demand[there],
                "cpu_granted": vms.cpu_granted[there],
                "intensity": vms.intensity[there],
                "dirty_pages_per_s": vms.dirty_pages_per_s[there],
                "migrating": vms.queued[there],
                "running": vms.running[there],
                "lost": vms.lost[there],
                "down_s": vms.down_s(now_s)[there],
                "restarts": vms.restarts[there],
            },
        )

    def _add(self, table: str, columns: Columns) -> None:
        self._tables[table].add(name_columns(columns, self._state.names))

    def _observe_links(self, now_s: float, carried: FloatColumn) -> None:
        sent = carried - self._last_carried
        used = np.flatnonzero(sent > 0)
        duration_s = now_s - self._last_s
        capacity = self._links.capacity_bytes_per_s[used]
        self._tables["links"].add(
            {
                "time_s": np.full(len(used), now_s),
                "link": used,
                "source_node": self._links.source[used],
                "target_node": self._links.target[used],
                "bytes": sent[used],
                "mean_utilisation": sent[used] / (capacity * duration_s)
                if duration_s
                else sent[used],
            }
        )
        self._last_carried, self._last_s = carried, now_s

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables `hosts`, `vms` and `links` so far, if they are kept."""
        tables = self._tables.items()
        return {name: table.frame() for name, table in tables if isinstance(table, KeptTable)}

    def finish(self) -> None:
        """Move tables that are written to a folder to their places: the run is complete."""
        with held():  # a file that is half closed cannot be read
            for table in self._tables.values():
                table.finish()
            self._lock.close()

    def close(self) -> None:
        """Close tables that are written to a folder, complete or not."""
        with held():
            for table in self._tables.values():
                table.close()
            self._lock.close()


def _growing_tables(folder: Path | None, lock: ExitStack) -> dict[str, GrowingTable]:
    if folder is None:
        return {name: KeptTable() for name in STREAMED_TABLES}
    # the library that writes these files takes a while to load, and most runs keep their tables
    from cluster_emu.results.streaming import StreamedTable

    check_unused(folder, overwrite=False, field="stream_to")
    lock.enter_context(locked(folder, field="stream_to", again=False))
    check_unused(folder, overwrite=False, field="stream_to")  # it may have changed before
    return {name: StreamedTable(folder / f"{name}.parquet") for name in STREAMED_TABLES}
