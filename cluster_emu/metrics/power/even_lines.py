"""Power that runs in straight lines between even loads, which a plan evaluates faster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from cluster_emu.cluster.columns import FloatColumn


class EvenLines(NamedTuple):
    """Power in n straight lines that begin at the loads 0, 1/n, ..., and 1, where it goes on flat.

    The power at load u of line i is ``slope[i] * (u - load[i]) + watts[i]``.

    Args:
        load: where each line begins, [n + 1].
        watts: the power there, [n + 1].
        slope: watts per unit of load, [n + 1], the last one 0.
    """

    load: FloatColumn
    watts: FloatColumn
    slope: FloatColumn

    @classmethod
    def through(cls, watts: Sequence[float]) -> EvenLines:
        """Return the lines through the power at even loads from 0 to 1."""
        loads, measured = np.arange(len(watts)) / (len(watts) - 1.0), np.array(watts)
        return cls(loads, measured, np.append(np.diff(measured) / np.diff(loads), 0.0))
