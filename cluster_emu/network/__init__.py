"""Topologies, routes, and flows that share links max-min fairly."""

from cluster_emu.network.flows import Transfer
from cluster_emu.network.fluid import FluidLoop, same_instant_s
from cluster_emu.network.links import LinkTable
from cluster_emu.network.routing import Router
from cluster_emu.network.sharing import max_min_rates
from cluster_emu.network.tenants import TenantFlow, TenantRow, TenantTraffic
from cluster_emu.network.timers import Timer
from cluster_emu.network.topologies import Topology, as_topology, beside, topologies
from cluster_emu.network.transfers import PlainTransfer, completion_times

__all__ = [
    "FluidLoop",
    "LinkTable",
    "PlainTransfer",
    "Router",
    "TenantFlow",
    "TenantRow",
    "TenantTraffic",
    "Timer",
    "Topology",
    "Transfer",
    "as_topology",
    "beside",
    "completion_times",
    "max_min_rates",
    "same_instant_s",
    "topologies",
]
