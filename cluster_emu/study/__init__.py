"""Studies of many runs: paired comparisons, grids over a scenario's fields, drains of hosts."""

from cluster_emu.study.comparison.compare import compare
from cluster_emu.study.comparison.result import Comparison
from cluster_emu.study.comparison.variants import Variant, variants
from cluster_emu.study.evacuation.advice import Advice, Option
from cluster_emu.study.evacuation.advise import advise
from cluster_emu.study.evacuation.evacuate import evacuate
from cluster_emu.study.evacuation.plan import ImpossibleDrainError
from cluster_emu.study.evacuation.result import Evacuation
from cluster_emu.study.execution.runs import (
    RunInterrupted,
    StudyInterrupted,
    outcome_counts,
    simulate,
)
from cluster_emu.study.grid.batch import Batch, run_batch
from cluster_emu.study.maintenance.advise import MaintenanceAdvice, advise_on_maintenance
from cluster_emu.study.maintenance.maintain import maintain
from cluster_emu.study.maintenance.result import CampaignStudy
from cluster_emu.study.report.advice import AdviceReport
from cluster_emu.study.report.comparison import ComparisonReport
from cluster_emu.study.report.evacuation import EvacuationReport
from cluster_emu.study.report.grid import BatchReport
from cluster_emu.study.report.maintenance import MaintenanceReport
from cluster_emu.study.saved_study import SavedStudy, load_study
from cluster_emu.study.sensitivity.analysis import Sensitivity, analyse_sensitivity
from cluster_emu.study.statistics.verdicts import PairedEffect, Verdict, paired_effect, verdict

__all__ = [
    "Advice",
    "AdviceReport",
    "Batch",
    "BatchReport",
    "CampaignStudy",
    "Comparison",
    "ComparisonReport",
    "Evacuation",
    "EvacuationReport",
    "ImpossibleDrainError",
    "MaintenanceAdvice",
    "MaintenanceReport",
    "Option",
    "PairedEffect",
    "RunInterrupted",
    "SavedStudy",
    "Sensitivity",
    "StudyInterrupted",
    "Variant",
    "Verdict",
    "advise",
    "advise_on_maintenance",
    "analyse_sensitivity",
    "compare",
    "evacuate",
    "load_study",
    "maintain",
    "outcome_counts",
    "paired_effect",
    "run_batch",
    "simulate",
    "variants",
    "verdict",
]
