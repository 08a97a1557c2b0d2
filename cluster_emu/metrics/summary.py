"""A run in one row of figures."""

from __future__ import annotations

import pandas as pd

from cluster_emu.metrics.aggregations import RunFigures
from cluster_emu.metrics.catalogue import metric_catalogue


def summarise(run: RunFigures) -> pd.DataFrame:
    """Return the table `summary`: one row, one column for every metric of the catalogue.

    Metrics of a table that the run does not have are left out.
    """
    return pd.DataFrame(
        [
            {
                metric.name: metric.value(run)
                for metric in metric_catalogue
                if metric.value is not None and metric.only_with in ("", *run.tables)
            }
        ]
    )
