"""What an instantaneous rule for migration times does not show: one run, in figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster_emu import Scenario, simulate

HOST_BPS = 1e9
"""Rate of a host's link, of which the rule gives every migration half."""


def hidden(scenario: Scenario, seed: int) -> dict[str, float]:
    """Run a scenario and return the figures that the instantaneous rule does not show."""
    result = simulate(scenario, seed)
    moves = result.migrations
    groups = scenario.vms
    memory = np.repeat([group.memory_bytes for group in groups], [group.count for group in groups])
    ruled_s = memory[moves["vm"]] / (HOST_BPS / 8 / 2)
    taken_s = moves["end_s"] - moves["queued_s"]
    interval_s = scenario.run.control_interval_s
    beside = most_beside(moves)
    return {
        "migrations": len(moves),
        "ruled_s": float(np.mean(ruled_s)),
        "total_time_s": moves["total_time_s"].mean(),
        "longest_s": taken_s.max(),
        "twice_the_rule_share": float(np.mean(taken_s > 2 * ruled_s)),
        "past_next_instant_share": float(np.mean(~(taken_s <= interval_s))),
        "shared_link_share": float(np.mean(beside > 0)),
        "most_on_one_link": float(1 + beside.max(initial=0)),
        "downtime_s": moves["downtime_s"].mean(),
        "interrupted_s": moves["interrupted_s"].mean(),
        "interrupted_max_s": moves["interrupted_s"].max(),
        "slatah": result.summary["slatah"],
        "pdm": result.summary["degradation_by_migration"],
        "pdm_by_ten_percent_rule": result.summary["degradation_by_ten_percent_rule"],
    }


def most_beside(moves: pd.DataFrame) -> np.ndarray:
    """Return how many others, at most, each migration meets on one of its links, [migrations]."""
    started = moves["start_s"].notna()
    ends_s = moves["end_s"].fillna(np.inf).to_numpy()
    begins_s = moves["start_s"].to_numpy()
    on_link: dict[int, list[int]] = {}
    for place in np.flatnonzero(started):
        for link in moves["route"].iloc[place].split():
            on_link.setdefault(int(link), []).append(int(place))
    most = np.zeros(len(moves), dtype=np.int64)
    for places in on_link.values():
        some = np.array(places)
        for place in places:
            # The number at once changes where one begins, so the most is reached at a beginning.
            inside = some[(begins_s[some] >= begins_s[place]) & (begins_s[some] < ends_s[place])]
            at_once = [
                np.count_nonzero((begins_s[some] <= begins_s[one]) & (ends_s[some] > begins_s[one]))
                for one in inside
            ]
            most[place] = max(most[place], max(at_once) - 1)
    return most
