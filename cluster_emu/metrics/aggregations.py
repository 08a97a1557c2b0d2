"""How a figure of a whole run is found from the run's tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import FunctionType

import pandas as pd

from cluster_emu.transfer.records import Phase


@dataclass(frozen=True)
class RunFigures:
    """What the metrics of one run are found from.

    Args:
        tables: the run's tables by name, without those streamed to a folder.
        cluster: figures of the cluster as a whole by name, which no table holds.
    """

    tables: Mapping[str, pd.DataFrame]
    cluster: Mapping[str, float]

    @property
    def migrations(self) -> pd.DataFrame:
        """One row per migration."""
        return self.tables["migrations"]

    @cached_property
    def completed(self) -> pd.DataFrame:
        """One row per migration that completed."""
        return self.migrations[self.migrations["outcome"] == Phase.COMPLETED.value]

    @cached_property
    def started(self) -> pd.DataFrame:
        """One row per migration that has begun to send, however it ended."""
        return self.migrations[self.migrations["start_s"].notna()]


Aggregation = Callable[[RunFigures], float]
"""Returns a figure of a run, NaN where there is nothing to find it from."""


@dataclass(frozen=True, slots=True)
class CountOf:
    """The number of migrations that ended one way.

    Args:
        outcome: how they ended.
    """

    outcome: Phase

    def __call__(self, run: RunFigures) -> int:
        """Return the number."""
        return int((run.migrations["outcome"] == self.outcome.value).sum())

    def __str__(self) -> str:
        return f"number of migrations with outcome {str(self.outcome)!r}"


@dataclass(frozen=True, slots=True)
class MeanOverCompleted:
    """The mean of a column of the table `migrations` over those that completed.

    Args:
        column: the column.
    """

    column: str

    def __call__(self, run: RunFigures) -> float:
        """Return the mean, NaN where no migration completed."""
        return float(run.completed[self.column].mean())

    def __str__(self) -> str:
        return f"mean of `{self.column}` over completed migrations"


@dataclass(frozen=True, slots=True)
class MeanOverStarted:
    """The mean of a column of the table `migrations` over those that began, however they ended.

    Args:
        column: the column.
    """

    column: str

    def __call__(self, run: RunFigures) -> float:
        """Return the mean, NaN where no migration began."""
        return float(run.started[self.column].mean())

    def __str__(self) -> str:
        return f"mean of `{self.column}` over migrations that began to send, however they ended"


@dataclass(frozen=True, slots=True)
class QuantileOverCompleted:
    """A quantile of a column of the table `migrations` over those that completed.

    Args:
        column: the column.
        share: which quantile, 0.5 for the median.
    """

    column: str
    share: float

    def __call__(self, run: RunFigures) -> float:
        """Return the quantile, interpolated, NaN where no migration completed."""
        return float(run.completed[self.column].quantile(self.share))

    def __str__(self) -> str:
        return f"{self.share:g} quantile of `{self.column}` over completed migrations"


@dataclass(frozen=True, slots=True)
class MaximumOverAll:
    """The largest value of a column of the table `migrations`, however they ended.

    Args:
        column: the column.
    """

    column: str

    def __call__(self, run: RunFigures) -> float:
        """Return the largest value, NaN where no migration has one."""
        return float(run.migrations[self.column].max())

    def __str__(self) -> str:
        return f"maximum of `{self.column}` over all migrations"


@dataclass(frozen=True, slots=True)
class SumOverAll:
    """The sum of a column of the table `migrations`, however they ended.

    Args:
        column: the column.
    """

    column: str

    def __call__(self, run: RunFigures) -> float:
        """Return the sum, 0 where there is no migration."""
        return float(run.migrations[self.column].sum())

    def __str__(self) -> str:
        return f"sum of `{self.column}` over all migrations"


@dataclass(frozen=True, slots=True)
class ClusterFigure:
    """A figure of the cluster as a whole.

    Args:
        name: its name in `RunFigures.cluster`.
    """

    name: str

    def __call__(self, run: RunFigures) -> float:
        """Return the figure."""
        return run.cluster[self.name]

    def __str__(self) -> str:
        return "of the whole cluster and run"


def migration_count(run: RunFigures) -> int:
    """Return the number of rows of the table `migrations`."""
    return len(run.migrations)


def mean_queue_wait_s(run: RunFigures) -> float:
    """Return the mean of `start_s - queued_s - prepare_s` over migrations that started."""
    table = run.migrations
    return float((table["start_s"] - table["queued_s"] - table["prepare_s"]).mean())


def makespan_s(run: RunFigures) -> float:
    """Return the last `end_s` of completed migrations minus the first `queued_s` of all."""
    return float(run.completed["end_s"].max() - run.migrations["queued_s"].min())


def in_words(aggregation: Aggregation) -> str:
    """Return how a figure is found: the text of an aggregation, or what a function returns."""
    if not isinstance(aggregation, FunctionType):
        return str(aggregation)
    first_line = (aggregation.__doc__ or "").strip().partition("\n")[0]
    return first_line.removeprefix("Return ").removesuffix(".")
