"""What does live migration do to my cluster? A page-level, agent-based emulator of VM migration."""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster_emu.errors import ClusterEmuError, ScenarioError, TraceError, UnknownNameError
    from cluster_emu.model import ClusterModel
    from cluster_emu.results.run_result import RunResult
    from cluster_emu.scenario import Scenario, built_in_scenarios, load_scenario
    from cluster_emu.study import (
        Advice,
        Batch,
        Comparison,
        Evacuation,
        advise,
        compare,
        evacuate,
        run_batch,
    )

__version__ = version("cluster-emu")

__all__ = [
    "Advice",
    "Batch",
    "ClusterEmuError",
    "ClusterModel",
    "Comparison",
    "Evacuation",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "TraceError",
    "UnknownNameError",
    "advise",
    "built_in_scenarios",
    "compare",
    "evacuate",
    "load_scenario",
    "run_batch",
]

# Mesa and pandas take more than a second to import, which `cluster-emu --help` must not wait for:
# a public name is fetched from its module when it is first asked for.
_MODULES = {
    "cluster_emu.results.run_result": ("RunResult",),
    "cluster_emu.errors": ("ClusterEmuError", "ScenarioError", "TraceError", "UnknownNameError"),
    "cluster_emu.model": ("ClusterModel",),
    "cluster_emu.scenario": ("Scenario", "built_in_scenarios", "load_scenario"),
    "cluster_emu.study": (
        "Advice",
        "Batch",
        "Comparison",
        "Evacuation",
        "advise",
        "compare",
        "evacuate",
        "run_batch",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
