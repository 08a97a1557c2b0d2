"""What does live migration do to my cluster? A page-level, agent-based emulator of VM migration."""

from importlib.metadata import version

from cluster_emu.accounting.results import RunResult
from cluster_emu.errors import ClusterEmuError, ScenarioError, TraceError, UnknownNameError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario, built_in_scenarios, load_scenario

__version__ = version("cluster-emu")

__all__ = [
    "ClusterEmuError",
    "ClusterModel",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "TraceError",
    "UnknownNameError",
    "built_in_scenarios",
    "load_scenario",
]
