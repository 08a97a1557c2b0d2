"""Studies of many runs: paired comparisons, grids over a scenario's fields, drains of hosts."""

from cluster_emu.study.advice import advise
from cluster_emu.study.advice_report import Advice, Option
from cluster_emu.study.batch import Batch, run_batch
from cluster_emu.study.compare import compare
from cluster_emu.study.comparison import Comparison
from cluster_emu.study.drain_plan import ImpossibleDrainError
from cluster_emu.study.evacuation import evacuate
from cluster_emu.study.evacuation_report import Evacuation
from cluster_emu.study.metrics import METRICS, Metric
from cluster_emu.study.runs import StudyInterrupted, outcome_counts, simulate
from cluster_emu.study.variants import Variant, variants

__all__ = [
    "METRICS",
    "Advice",
    "Batch",
    "Comparison",
    "Evacuation",
    "ImpossibleDrainError",
    "Metric",
    "Option",
    "StudyInterrupted",
    "Variant",
    "advise",
    "compare",
    "evacuate",
    "outcome_counts",
    "run_batch",
    "simulate",
    "variants",
]
