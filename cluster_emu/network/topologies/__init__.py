"""Networks by name, and any networkx graph as a network."""

from cluster_emu.network.topologies.contract import Topology, topologies
from cluster_emu.network.topologies.fat_tree import FatTree
from cluster_emu.network.topologies.from_networkx import as_topology
from cluster_emu.network.topologies.graphml import GraphML
from cluster_emu.network.topologies.jellyfish import Jellyfish
from cluster_emu.network.topologies.leaf_spine import LeafSpine
from cluster_emu.network.topologies.migration_network import with_migration_network
from cluster_emu.network.topologies.star import Star
from cluster_emu.network.topologies.three_tier import ThreeTier

__all__ = [
    "FatTree",
    "GraphML",
    "Jellyfish",
    "LeafSpine",
    "Star",
    "ThreeTier",
    "Topology",
    "as_topology",
    "topologies",
    "with_migration_network",
]
