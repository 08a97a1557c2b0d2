"""The scenario: plain data that fixes everything a run needs but its seed.

It is written as TOML or built in Python, checked field by field, and names the parts (topology,
strategy, policies ...) it wants by their registered names; `building` puts those parts together.
"""

from cluster_emu.scenario.choice import Choice, parse_choice, parse_value
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.faults import Fault, HighAvailability
from cluster_emu.scenario.loading import built_in_scenarios, load_scenario, read_toml
from cluster_emu.scenario.manager import Manager
from cluster_emu.scenario.sections import HostGroup, Request, Run, VMGroup, Workload
from cluster_emu.scenario.spec import Scenario, scenario_from
from cluster_emu.scenario.traffic import TenantGroup
from cluster_emu.scenario.transfer import Transfer

__all__ = [
    "Choice",
    "Costs",
    "Fault",
    "HighAvailability",
    "HostGroup",
    "Manager",
    "Request",
    "Run",
    "Scenario",
    "TenantGroup",
    "Transfer",
    "VMGroup",
    "Workload",
    "built_in_scenarios",
    "load_scenario",
    "parse_choice",
    "parse_value",
    "read_toml",
    "scenario_from",
]
