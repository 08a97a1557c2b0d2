"""Studies of many runs: paired comparisons of strategies, and grids over a scenario's fields."""

from cluster_emu.study.batch import Batch, run_batch
from cluster_emu.study.compare import compare
from cluster_emu.study.comparison import Comparison
from cluster_emu.study.metrics import METRICS, Metric
from cluster_emu.study.runs import outcome_counts, simulate
from cluster_emu.study.variants import Variant, variants

__all__ = [
    "METRICS",
    "Batch",
    "Comparison",
    "Metric",
    "Variant",
    "compare",
    "outcome_counts",
    "run_batch",
    "simulate",
    "variants",
]
