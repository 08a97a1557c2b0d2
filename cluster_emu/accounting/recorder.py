"""Collects the rows of the per-host, per-VM and per-link tables at the instants of observation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from cluster_emu.network.links import LinkTable
from cluster_emu.state import ClusterState, FloatColumn

Columns = dict[str, np.ndarray]


class Recorder:
    """Keeps whole columns per observation; they become tidy tables at the end.

    Args:
        state: the columns to observe.
        links: the network's links, for their ends and capacities.
    """

    def __init__(self, state: ClusterState, links: LinkTable) -> None:
        self._state = state
        self._links = links
        self._hosts: list[Columns] = []
        self._vms: list[Columns] = []
        self._link_rows: list[Columns] = []
        self._last_carried = np.zeros(len(links))
        self._last_s = 0.0

    def observe(
        self,
        now_s: float,
        watts: FloatColumn,
        energy_kwh: FloatColumn,
        carried_bytes: Callable[[], FloatColumn],
    ) -> None:
        """Note the state of every host and VM, and what each link carried since the last time."""
        hosts, vms = self._state.hosts, self._state.vms
        self._hosts.append(
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
                "energy_kwh": energy_kwh,
            }
        )
        self._vms.append(
            {
                "time_s": np.full(self._state.vm_count, now_s),
                "vm": np.arange(self._state.vm_count),
                "host": vms.host.copy(),
                "demand": vms.demand.copy(),
                "cpu_granted": vms.cpu_granted.copy(),
                "intensity": vms.intensity.copy(),
                "dirty_pages_per_s": vms.dirty_pages_per_s.copy(),
                "migrating": vms.queued.copy(),
                "running": vms.running.copy(),
                "lost": vms.lost.copy(),
                "down_s": vms.down_s(now_s),
                "restarts": vms.restarts.copy(),
            }
        )
        self._observe_links(now_s, carried_bytes())

    def _observe_links(self, now_s: float, carried: FloatColumn) -> None:
        sent = carried - self._last_carried
        used = np.flatnonzero(sent > 0)
        duration_s = now_s - self._last_s
        capacity = self._links.capacity_bytes_per_s[used]
        self._link_rows.append(
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
        """Return the tables `hosts`, `vms` and `links`."""
        return {
            "hosts": _table(self._hosts),
            "vms": _table(self._vms),
            "links": _table(self._link_rows),
        }


def _table(observations: list[Columns]) -> pd.DataFrame:
    names = observations[0] if observations else {}
    return pd.DataFrame(
        {name: np.concatenate([each[name] for each in observations]) for name in names}
    )
