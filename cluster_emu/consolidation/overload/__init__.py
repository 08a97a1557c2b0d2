"""Which hosts have too much load: one file per detector."""

from cluster_emu.consolidation.overload.interquartile_range import InterquartileRange
from cluster_emu.consolidation.overload.local_regression import LocalRegression
from cluster_emu.consolidation.overload.median_absolute_deviation import MedianAbsoluteDeviation
from cluster_emu.consolidation.overload.robust_local_regression import RobustLocalRegression
from cluster_emu.consolidation.overload.static_threshold import StaticThreshold

__all__ = [
    "InterquartileRange",
    "LocalRegression",
    "MedianAbsoluteDeviation",
    "RobustLocalRegression",
    "StaticThreshold",
]
