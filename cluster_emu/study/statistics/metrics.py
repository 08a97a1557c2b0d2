"""The figures of a run that are compared, and how they are shown."""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """A column of a run's summary.

    Args:
        name: the column, its unit at the end of its name.
        label: what a reader sees.
        unit: the unit a reader sees, empty for counts.
        scale: what a value of the column is multiplied with to be in that unit.
        signed: whether it can be below 0, and so the interval of its mean.
    """

    name: str
    label: str
    unit: str = ""
    scale: float = 1.0
    signed: bool = False


METRICS = (
    Metric("migrations", "migrations"),
    Metric("total_time_s", "total time", "s"),
    Metric("downtime_s", "downtime", "ms", 1e3),
    Metric("downtime_p95_s", "downtime, 95th percentile", "ms", 1e3),
    Metric("makespan_s", "first request to last end", "s"),
    Metric("pages_sent_precopy", "pages before the stop"),
    Metric("pages_sent_stop", "pages while stopped"),
    Metric("pages_sent_postcopy", "pages after the resume"),
    Metric("rounds", "live rounds"),
    Metric("demand_faults", "demand faults"),
    Metric("fault_stall_s", "stalled by demand faults", "s"),
    Metric("guest_lost_s", "guest time taken by throttling and tracking", "s"),
    Metric("degradation_by_migration", "CPU lost to migrations", "%", 100.0),
    Metric("bytes", "data sent", "MB", 1e-6),
    Metric("queue_wait_s", "wait in the queue", "s"),
    Metric("not_converged", "migrations not converged"),
    Metric("unfinished", "migrations unfinished"),
    Metric("energy_kwh", "energy of the cluster", "kWh"),
    Metric("tenant_lost_share", "lost by elastic tenants", "%", 100.0, signed=True),
    Metric("overload_time_share", "overloaded host time", "%", 100.0),
)
"""Times, rounds, pages and data are means over a run's completed migrations, the rest per run."""
