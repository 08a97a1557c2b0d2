"""Move the VM first whose load rises and falls with that of the other VMs of its host."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.consolidation.contract import VMSelection, vm_selections
from cluster_emu.consolidation.selection.minimum_migration_time import MinimumMigrationTime
from cluster_emu.consolidation.view import ClusterView

BY_TIME = MinimumMigrationTime()

SAME_CORRELATION = 1e-9
"""Two VMs alone explain each other equally well, but for the last bits."""

MOST_INFLATION = 1e9
"""Above this 1 / (1 - R^2), the histories depend on each other linearly, but for rounding."""


@vm_selections.register("maximum-correlation")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class MaximumCorrelation(VMSelection):
    """The largest multiple correlation with the other VMs first: when it rises, so do the others.

    Each VM's utilisation history is regressed, with an intercept, on those of all other VMs of the
    host that are not taken yet. The VM with the largest coefficient of determination R^2 is taken,
    and the regressions are repeated without it. A VM whose utilisation does not vary has an R^2 of
    0 and explains nothing. Where there are not more instants than VMs, or one history is a linear
    combination of others, the VM with the least migration time is taken, which also decides ties.

    Args:
        window: control instants of history that are read.
    """

    name: ClassVar[str] = "maximum-correlation"
    summary: ClassVar[str] = "move the VM first whose load the other VMs' loads explain best"
    source: ClassVar[str] = "Beloglazov and Buyya 2012, MC; fallback as in CloudSim"

    window: int = Field(default=30, gt=2)

    @property
    def history_length(self) -> int:
        """The window."""
        return self.window

    def rank(self, view: ClusterView, host: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Return the movable VMs of `host`, the most correlated first."""
        vms = view.vms_on(host)
        history = view.history.vms[-self.window :, vms]
        if len(history) == 0:
            return BY_TIME.rank(view, host, rng)
        correlation, varying = correlation_matrix(history)
        # Places in `vms`, which ascends.
        left: list[int] = np.searchsorted(vms, BY_TIME.rank(view, host, rng)).tolist()
        taken: list[int] = []
        while left:
            taken.append(_most_correlated(left, correlation, varying, len(history)))
            left.remove(taken[-1])
            varying = varying[varying != taken[-1]]
        return vms[taken]


def correlation_matrix(
    history: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return Pearson's correlation of each two VMs, [vms, vms], and which VMs vary, ascending.

    Rows and columns of VMs that do not vary are 0.

    Args:
        history: utilisation of VMs, [instants, vms].
    """
    varying = np.flatnonzero(np.ptp(history, axis=0) > 0)
    from_mean = history - history.mean(axis=0)
    standard = np.zeros_like(history)
    norm = np.sqrt((from_mean[:, varying] ** 2).sum(axis=0))
    standard[:, varying] = from_mean[:, varying] / norm
    return standard.T @ standard, varying


def _most_correlated(
    left: list[int],
    correlation: NDArray[np.float64],
    varying: NDArray[np.intp],
    instants: int,
) -> int:
    """Return the VM to take among `left`, which begins with the least migration time."""
    if len(varying) >= instants:
        return left[0]
    explained = determination(correlation[np.ix_(varying, varying)])
    if explained is None:
        return left[0]
    of_each = np.zeros(len(correlation))
    of_each[varying] = explained
    candidates = of_each[left]
    return left[int(np.argmax(candidates >= candidates.max() - SAME_CORRELATION))]


def determination(correlation: NDArray[np.float64]) -> FloatColumn | None:
    """Return R^2 of the regression of each variable on all others, None if they are dependent.

    The diagonal of the inverse of their correlation matrix holds the variance inflation factors
    1 / (1 - R^2).

    Args:
        correlation: of each two variables, [variables, variables].
    """
    try:
        inflation = np.diag(np.linalg.inv(correlation))
    except np.linalg.LinAlgError:
        return None
    if not ((inflation > 0.5) & (inflation < MOST_INFLATION)).all():
        return None
    return 1.0 - 1.0 / inflation
