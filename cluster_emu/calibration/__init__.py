"""Calibration: write classes from a measured dirty curve, constants from measured migrations."""

from cluster_emu.calibration.curve import DirtyCurve, read_curve
from cluster_emu.calibration.fitting import CurveFit, fit_curve
from cluster_emu.calibration.migrations import MigrationConstants, fit_migrations
from cluster_emu.calibration.profile_file import constants_text, profile_text
from cluster_emu.calibration.recorder import record_dirty
from cluster_emu.calibration.report import CurveReport, report_of

__all__ = [
    "CurveFit",
    "CurveReport",
    "DirtyCurve",
    "MigrationConstants",
    "constants_text",
    "fit_curve",
    "fit_migrations",
    "profile_text",
    "read_curve",
    "record_dirty",
    "report_of",
]
