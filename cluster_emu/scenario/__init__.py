"""The scenario: plain data with everything that a run needs except its seed.

It is read from TOML or made in Python, and checked field by field. It chooses parts (topology,
strategy, policies ...) by their registered names; `building` makes these parts.
"""

from cluster_emu.part_text import parse_choice, parse_value
from cluster_emu.scenario.arrivals import Arrivals, Flavour, RandomResizes, Resize
from cluster_emu.scenario.carbon import Carbon
from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.faults import Fault, HighAvailability
from cluster_emu.scenario.loading import built_in_scenarios, load_scenario, read_toml
from cluster_emu.scenario.maintenance import Maintenance
from cluster_emu.scenario.manager import Manager
from cluster_emu.scenario.sections import HostGroup, Request, Run, VMGroup, Workload
from cluster_emu.scenario.spec import Scenario, first_overlap, scenario_from
from cluster_emu.scenario.traffic import BackgroundGroup
from cluster_emu.scenario.transfer import Thread, Transfer

__all__ = [
    "Arrivals",
    "BackgroundGroup",
    "Carbon",
    "Choice",
    "Costs",
    "Fault",
    "Flavour",
    "HighAvailability",
    "HostGroup",
    "Maintenance",
    "Manager",
    "RandomResizes",
    "Request",
    "Resize",
    "Run",
    "Scenario",
    "Thread",
    "Transfer",
    "VMGroup",
    "Workload",
    "built_in_scenarios",
    "first_overlap",
    "load_scenario",
    "parse_choice",
    "parse_value",
    "read_toml",
    "scenario_from",
]
