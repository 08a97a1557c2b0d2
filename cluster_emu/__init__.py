"""What does live migration do to my cluster? A page-level, agent-based emulator of VM migration.

The names in `__all__` are public: the model, scenarios, studies and their results, errors, and for
every family of parts its contract and its registry. Public, too, is the `__all__` of the family
packages (`cluster_emu.strategies`, `.encoding`, `.transfer.stop_rules`, `.managers`,
`.scheduling.orders`, `.network`, `.consolidation`, `.workload`, `.faults`, `.lifecycle`,
`.inventory`), of `.scenario`, `.signals`, `.study`, `.results`, `.validation` and `.view`, and all
of `.view.style`.
(The registry of strategies is `cluster_emu.strategies.strategies`, as a package has its name.) All
other modules and names are private and may change without notice.
"""

from importlib.metadata import version as _version
from typing import TYPE_CHECKING as _TYPE_CHECKING

from cluster_emu.lazy_imports import imported_when_used as _imported_when_used
from cluster_emu.lazy_imports import modules_of_names as _modules_of_names

if _TYPE_CHECKING:
    from cluster_emu.consolidation import ClusterView, Move, Plan, Trigger
    from cluster_emu.consolidation.contract import triggers
    from cluster_emu.encoding import Encoder, encoders
    from cluster_emu.errors import (
        ClusterEmuError,
        RequestRefusedError,
        ScenarioError,
        TraceError,
        UnknownNameError,
    )
    from cluster_emu.faults import FaultKind, fault_kinds
    from cluster_emu.managers import ManagerPolicy, policies
    from cluster_emu.memory.base import MemoryModel, memory_models
    from cluster_emu.memory.dirtying.sources import WriteSource, write_sources
    from cluster_emu.metrics.catalogue import Metric, metric_catalogue
    from cluster_emu.metrics.power import PowerModel, power_models
    from cluster_emu.metrics.smallest_difference import SmallestDifference
    from cluster_emu.model import ClusterModel
    from cluster_emu.network import Topology, completion_times, max_min_rates, topologies
    from cluster_emu.plausibility import ImplausibleValueWarning
    from cluster_emu.plugins import families
    from cluster_emu.results.run_result import RunResult
    from cluster_emu.scenario import Scenario, built_in_scenarios, load_scenario
    from cluster_emu.scheduling.orders import Candidate, QueueOrder, queue_orders
    from cluster_emu.strategies import Decision, Mode, Strategy
    from cluster_emu.study import (
        Advice,
        Batch,
        Comparison,
        Evacuation,
        Sensitivity,
        advise,
        analyse_sensitivity,
        compare,
        evacuate,
        load_study,
        run_batch,
        simulate,
    )
    from cluster_emu.study.grid.grid import Grid, grid
    from cluster_emu.study.statistics.estimates import estimate
    from cluster_emu.traces import TraceReader, trace_readers
    from cluster_emu.transfer.controller import MigrationController
    from cluster_emu.transfer.stop_rules import MigrationAction, Progress, StopRule, stop_rules
    from cluster_emu.workload import DemandModel, demand_models

__version__ = _version("cluster-emu")

__all__ = [
    "Advice",
    "Batch",
    "Candidate",
    "ClusterEmuError",
    "ClusterModel",
    "ClusterView",
    "Comparison",
    "Decision",
    "DemandModel",
    "Encoder",
    "Evacuation",
    "FaultKind",
    "Grid",
    "ImplausibleValueWarning",
    "ManagerPolicy",
    "MemoryModel",
    "Metric",
    "MigrationAction",
    "MigrationController",
    "Mode",
    "Move",
    "Plan",
    "PowerModel",
    "Progress",
    "QueueOrder",
    "RequestRefusedError",
    "RunResult",
    "Scenario",
    "ScenarioError",
    "Sensitivity",
    "SmallestDifference",
    "StopRule",
    "Strategy",
    "Topology",
    "TraceError",
    "TraceReader",
    "Trigger",
    "UnknownNameError",
    "WriteSource",
    "advise",
    "analyse_sensitivity",
    "built_in_scenarios",
    "compare",
    "completion_times",
    "demand_models",
    "encoders",
    "estimate",
    "evacuate",
    "families",
    "fault_kinds",
    "grid",
    "load_scenario",
    "load_study",
    "max_min_rates",
    "memory_models",
    "metric_catalogue",
    "policies",
    "power_models",
    "queue_orders",
    "run_batch",
    "simulate",
    "stop_rules",
    "topologies",
    "trace_readers",
    "triggers",
    "write_sources",
]

# Mesa and pandas take more than a second to import, which `cluster-emu --help` must not wait for:
# a public name is imported from its module when it is first used.
_MODULES = {
    "cluster_emu.consolidation": ("ClusterView", "Move", "Plan", "Trigger"),
    "cluster_emu.consolidation.contract": ("triggers",),
    "cluster_emu.encoding": ("Encoder", "encoders"),
    "cluster_emu.errors": (
        "ClusterEmuError",
        "RequestRefusedError",
        "ScenarioError",
        "TraceError",
        "UnknownNameError",
    ),
    "cluster_emu.faults": ("FaultKind", "fault_kinds"),
    "cluster_emu.managers": ("ManagerPolicy", "policies"),
    "cluster_emu.memory.base": ("MemoryModel", "memory_models"),
    "cluster_emu.memory.dirtying.sources": ("WriteSource", "write_sources"),
    "cluster_emu.metrics.catalogue": ("Metric", "metric_catalogue"),
    "cluster_emu.metrics.power": ("PowerModel", "power_models"),
    "cluster_emu.metrics.smallest_difference": ("SmallestDifference",),
    "cluster_emu.model": ("ClusterModel",),
    "cluster_emu.network": ("Topology", "completion_times", "max_min_rates", "topologies"),
    "cluster_emu.plausibility": ("ImplausibleValueWarning",),
    "cluster_emu.plugins": ("families",),
    "cluster_emu.results.run_result": ("RunResult",),
    "cluster_emu.scenario": ("Scenario", "built_in_scenarios", "load_scenario"),
    "cluster_emu.scheduling.orders": ("Candidate", "QueueOrder", "queue_orders"),
    "cluster_emu.strategies": ("Decision", "Mode", "Strategy"),
    "cluster_emu.study": (
        "Advice",
        "Batch",
        "Comparison",
        "Evacuation",
        "Sensitivity",
        "advise",
        "analyse_sensitivity",
        "compare",
        "evacuate",
        "load_study",
        "run_batch",
        "simulate",
    ),
    "cluster_emu.study.grid.grid": ("Grid", "grid"),
    "cluster_emu.study.statistics.estimates": ("estimate",),
    "cluster_emu.transfer.controller": ("MigrationController",),
    "cluster_emu.transfer.stop_rules": ("MigrationAction", "Progress", "StopRule", "stop_rules"),
    "cluster_emu.traces": ("TraceReader", "trace_readers"),
    "cluster_emu.workload": ("DemandModel", "demand_models"),
}
_MODULE_OF = _modules_of_names(_MODULES)
__getattr__ = _imported_when_used(__name__, _MODULE_OF)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
