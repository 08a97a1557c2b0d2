"""The state of a cluster at one instant, as plain columns: what its picture needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from cluster_emu.model import ClusterModel
from cluster_emu.network import LinkTable


@dataclass(frozen=True, slots=True)
class RunningMove:
    """A migration under way.

    Args:
        vm: number of the VM.
        source: number of the host it leaves.
        target: number of its target host.
        nodes: the nodes its pages pass, from source to target.
    """

    vm: int
    source: int
    target: int
    nodes: tuple[int, ...]

    @classmethod
    def along(cls, vm: int, source: int, route: Sequence[int], links: LinkTable) -> RunningMove:
        """Return the move over the links of `route`."""
        nodes = (source, *links.target[list(route)].tolist())
        return cls(vm, source, nodes[-1], nodes)


@dataclass(frozen=True, slots=True, eq=False)
class ClusterFrame:
    """The state of a cluster at one instant.

    Args:
        time_s: simulated time.
        graph: the topology, hosts first.
        utilisation: share of each host's CPU in use, shape [hosts].
        switched_on: whether each host draws power, shape [hosts].
        host_memory_bytes: memory of each host, shape [hosts].
        vm_host: the host each VM runs on, shape [vms].
        vm_memory_bytes: memory of each VM, shape [vms].
        vm_queued: whether each VM's migration waits or runs, shape [vms].
        link_source: node each one-direction link leaves, shape [links].
        link_target: node each one-direction link enters, shape [links].
        link_capacity_bytes_per_s: what each link can carry, shape [links].
        link_load_bytes_per_s: what each link carries, shape [links].
        moves: the migrations under way.
    """

    time_s: float
    graph: nx.Graph[int]
    utilisation: NDArray[np.float64]
    switched_on: NDArray[np.bool_]
    host_memory_bytes: NDArray[np.int64]
    vm_host: NDArray[np.int64]
    vm_memory_bytes: NDArray[np.int64]
    vm_queued: NDArray[np.bool_]
    link_source: NDArray[np.int64]
    link_target: NDArray[np.int64]
    link_capacity_bytes_per_s: NDArray[np.float64]
    link_load_bytes_per_s: NDArray[np.float64]
    moves: tuple[RunningMove, ...]

    @classmethod
    def of(cls, model: ClusterModel) -> ClusterFrame:
        """Return a copy of a running model's present state."""
        hosts, vms, links = model.state.hosts, model.state.vms, model.links
        running = model.manager.scheduler.active.values()
        return cls(
            time_s=model.time_s,
            graph=model.graph,
            utilisation=hosts.utilisation,
            switched_on=hosts.switched_on.copy(),
            host_memory_bytes=hosts.memory_bytes.copy(),
            vm_host=vms.host.copy(),
            vm_memory_bytes=vms.memory_bytes.copy(),
            vm_queued=vms.queued.copy(),
            link_source=links.source,
            link_target=links.target,
            link_capacity_bytes_per_s=links.capacity_bytes_per_s,
            link_load_bytes_per_s=model.loop.link_load(),
            moves=tuple(
                RunningMove.along(each.record.vm, each.record.source, each.route, links)
                for each in running
            ),
        )

    @property
    def host_count(self) -> int:
        """Number of hosts; they are the nodes 0..host_count-1."""
        return len(self.utilisation)

    @property
    def queued_count(self) -> int:
        """Number of migrations that wait in the queue."""
        return int(self.vm_queued.sum()) - len(self.moves)

    def vms_of(self, host: int) -> list[int]:
        """Return the VMs that run on `host`, those that migrate away at the end."""
        leaving = {move.vm for move in self.moves}
        there = np.flatnonzero(self.vm_host == host).tolist()
        return sorted(there, key=lambda vm: (vm in leaving, -int(self.vm_memory_bytes[vm]), vm))

    def arriving_at(self, host: int) -> list[int]:
        """Return the VMs that migrate to `host` and do not run there yet."""
        return [
            move.vm for move in self.moves if move.target == host and self.vm_host[move.vm] != host
        ]
