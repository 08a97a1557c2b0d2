"""Topologies, routes, and flows that share links max-min fairly."""

from cluster_emu.network.background import BackgroundFlow, BackgroundFlowRow, BackgroundTraffic
from cluster_emu.network.flows import Flow, FlowGroup
from cluster_emu.network.fluid import FluidLoop, same_instant_s
from cluster_emu.network.links import LinkTable
from cluster_emu.network.maxmin import max_min_rates
from cluster_emu.network.maxmin_incremental import Priority
from cluster_emu.network.routing import LeastLoadedRouter, Router
from cluster_emu.network.timers import Timer
from cluster_emu.network.topologies import (
    Topology,
    as_topology,
    topologies,
    with_migration_network,
)
from cluster_emu.network.transfers import PlainTransfers, completion_times

__all__ = [
    "BackgroundFlow",
    "BackgroundFlowRow",
    "BackgroundTraffic",
    "Flow",
    "FlowGroup",
    "FluidLoop",
    "LeastLoadedRouter",
    "LinkTable",
    "PlainTransfers",
    "Priority",
    "Router",
    "Timer",
    "Topology",
    "as_topology",
    "completion_times",
    "max_min_rates",
    "same_instant_s",
    "topologies",
    "with_migration_network",
]
