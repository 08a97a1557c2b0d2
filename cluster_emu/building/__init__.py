"""Builds the components of a run from a scenario.

An error about a part names the field of the scenario that chose the part.
"""

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.building.components import RunComponents, build
from cluster_emu.building.network import cluster_graph, with_own_files

__all__ = ["RunComponents", "build", "cluster_graph", "create_chosen", "with_own_files"]
