"""Puts the parts of a run together from a scenario.

A registry's complaint about a part becomes one that names the scenario's file and field.
"""

from cluster_emu.building.components import Parts, build
from cluster_emu.building.making import make
from cluster_emu.building.network import cluster_graph, migration_router

__all__ = ["Parts", "build", "cluster_graph", "make", "migration_router"]
