"""A run in one row of figures."""

from __future__ import annotations

import pandas as pd

from cluster_emu.transfer.records import Phase

PER_MIGRATION = (
    "total_time_s",
    "downtime_s",
    "rounds",
    "pages_sent_precopy",
    "pages_sent_stop",
    "pages_sent_postcopy",
    "pages_skipped",
    "pages_deferred",
    "pages_rescued",
    "bytes",
    "demand_faults",
    "fault_stall_s",
    "guest_lost_s",
)
"""Columns of the table `migrations` whose mean over a run's completed migrations is a metric."""


def summarise(migrations: pd.DataFrame, cluster: dict[str, float]) -> pd.DataFrame:
    """Return one row: how many migrations ended how, means over the completed ones, the cluster.

    Means, quantiles and times are NaN where no migration completed. `queue_wait_s` is the mean time
    from the request to the first byte, less that spent on preparing; `makespan_s` the time from the
    first request to the end of the last migration that completed. `downtime_max_s` is the longest
    downtime of all, those included that failed or were still paused when the run ended.

    Args:
        migrations: the table `migrations`.
        cluster: figures of the cluster as a whole, by name.
    """
    completed = migrations[migrations["outcome"] == Phase.COMPLETED.value]
    row: dict[str, float] = {
        "migrations": len(migrations),
        "completed": len(completed),
        "not_converged": int((migrations["outcome"] == Phase.NOT_CONVERGED.value).sum()),
        "failed": int((migrations["outcome"] == Phase.FAILED.value).sum()),
        "unfinished": int((migrations["outcome"] == Phase.UNFINISHED.value).sum()),
        "total_bytes": float(migrations["bytes"].sum()),
        "queue_wait_s": float(_queue_wait_s(migrations).mean()),
    }
    row["makespan_s"] = float(completed["end_s"].max() - migrations["queued_s"].min())
    row["downtime_p95_s"] = float(completed["downtime_s"].quantile(0.95))
    row["downtime_max_s"] = float(migrations["downtime_s"].max())
    row.update({name: float(completed[name].mean()) for name in PER_MIGRATION})
    row.update(cluster)
    return pd.DataFrame([row])


def _queue_wait_s(migrations: pd.DataFrame) -> pd.Series[float]:
    return migrations["start_s"] - migrations["queued_s"] - migrations["prepare_s"]
