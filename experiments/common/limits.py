"""Which limit on migrations at once is the best, and what no limit costs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from cluster_emu import estimate


def best_limits(table: pd.DataFrame, axis: str, network: str) -> pd.DataFrame:
    """Return, per network and strategy, the best limits and what no limit would cost."""
    rows = []
    for (bps, method), group in table.groupby([network, "strategy"], sort=False):
        row: dict[str, Any] = {"limit": axis, "network_gbps": bps / 1e9, "strategy": method}
        highest = group[group[axis] == group[axis].max()]
        for figure in ("makespan_s", "interrupted_p95_s"):
            means = group.groupby(axis)[figure].mean()
            best = estimate(group.loc[group[axis] == means.idxmin(), figure].to_numpy())
            most = estimate(highest[figure].to_numpy())
            row |= {f"{figure}_best_limit": int(means.idxmin()), f"{figure}_best": best.mean}
            row |= {f"{figure}_best_low": best.low, f"{figure}_best_high": best.high}
            row |= {
                f"{figure}_highest_limit": int(means.index.max()),
                f"{figure}_highest": most.mean,
            }
            row |= {f"{figure}_highest_low": most.low, f"{figure}_highest_high": most.high}
        rows.append(row | {"migrations": highest["migrations"].mean(), "seeds": len(highest)})
    return pd.DataFrame(rows)


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """Yield what was found as sentences."""
    for row in rows.itertuples():
        yield (
            f"{row.network_gbps:g} Gbit/s, {row.strategy}, {row.limit}: "
            f"{row.migrations:,.0f} migrations, soonest over with {row.makespan_s_best_limit} at "
            f"once ({row.makespan_s_best:,.0f} s; {row.makespan_s_highest:,.0f} s with "
            f"{row.makespan_s_highest_limit}); least interruption (95th percentile) with "
            f"{row.interrupted_p95_s_best_limit} ({row.interrupted_p95_s_best:,.4g} s; "
            f"{row.interrupted_p95_s_highest:,.4g} s with {row.interrupted_p95_s_highest_limit})."
        )
