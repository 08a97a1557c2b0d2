"""What limits a drain: the limits of its migrations, and the loads of the links."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import networkx as nx
import pandas as pd

from cluster_emu.building import cluster_graph
from cluster_emu.network import LinkTable
from cluster_emu.scenario import Scenario
from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.report.evacuation import LimitShare, LinkLoad, UnevenLinks
from cluster_emu.transfer.records import Limit

WAITS = (Limit.SLOT.value, Limit.TURN.value)


def running_limits(runs: Sequence[DrainRun]) -> tuple[LimitShare, ...]:
    """Return what limits the migrations while they run, the largest share of that time first.

    The times of all migrations of all runs add up. Waits for a slot or a turn are left out: while
    one migration waits, those that hold the slots have a limit of their own.
    """
    return _shares(runs, waits=False)


def waits(runs: Sequence[DrainRun]) -> tuple[LimitShare, ...]:
    """Return what the migrations wait for, as shares of the time from request to end."""
    return _shares(runs, waits=True)


def _shares(runs: Sequence[DrainRun], *, waits: bool) -> tuple[LimitShare, ...]:
    tables = [run.limits for run in runs if len(run.limits)]
    if not tables:
        return ()
    table = pd.concat(tables)
    is_wait = table["kind"].isin(WAITS)
    of_all_s = table["limited_s"].sum() if waits else table.loc[~is_wait, "limited_s"].sum()
    shown = table[is_wait if waits else ~is_wait]
    times: Counter[tuple[str, str]] = Counter()
    columns = (shown[name].tolist() for name in ("kind", "limit", "limited_s"))
    for kind, limit, seconds in zip(*columns, strict=True):
        times[kind, limit] += seconds
    return tuple(
        LimitShare(kind, limit, seconds / of_all_s)
        for (kind, limit), seconds in times.most_common()
    )


def link_loads(scenario: Scenario, run: DrainRun) -> tuple[LinkLoad, ...]:
    """Return the mean load of each link that carried bytes in a drain, the largest share first.

    Background traffic counts, too. The mean is over the time that the run recorded.
    """
    if not len(run.links):
        return ()
    names = LinkTable.of(cluster_graph(scenario))
    table = run.links.assign(possible=run.links["bytes"] / run.links["mean_utilisation"])
    ends = sorted(set(run.links["time_s"].tolist()))
    found = []
    for link in sorted(set(table["link"].tolist())):
        rows = table[table["link"] == link]
        # what the link could carry in all intervals, from those in which it carried something
        capacity = rows["possible"].sum() / _covered_s(rows["time_s"].tolist(), ends)
        share = rows["bytes"].sum() / (capacity * ends[-1])
        found.append(LinkLoad(link, names.in_words(link), float(share)))
    return tuple(sorted(found, key=lambda one: (-one.mean_share, one.link)))


def uneven_links(scenario: Scenario, run: DrainRun) -> UnevenLinks | None:
    """Return the choice of equal links at which the routes of a drain are spread worst.

    Equal links leave one node, have one capacity, and lead to switches of one higher layer or to
    one node; equal-cost multipath chooses among them by hash. Returns None where no node has a
    choice.
    """
    graph = cluster_graph(scenario)
    names = LinkTable.of(graph)
    carried = run.links.groupby("link")["bytes"].sum().to_dict() if len(run.links) else {}
    layers = nx.get_node_attributes(graph, "layer", default=0)
    choices: dict[tuple[int, str, float], list[int]] = {}
    for link in range(len(names)):
        source, target = int(names.source[link]), int(names.target[link])
        is_up = layers[target] > layers[source]
        leads_to = f"layer {layers[target]}" if is_up else f"node {target}"
        capacity_bps = float(names.capacity_bps[link])
        choices.setdefault((source, leads_to, capacity_bps), []).append(link)
    worst: UnevenLinks | None = None
    for (source, _, _), links in choices.items():
        sent = [float(carried.get(link, 0.0)) for link in links]
        if len(links) < 2 or not sum(sent):
            continue
        most = max(sent)
        times_mean = most * len(links) / sum(sent)
        if worst is None or (times_mean, most) > (worst.times_mean, worst.busiest_bytes):
            busiest = names.in_words(links[sent.index(most)])
            worst = UnevenLinks(names.labels[source], len(links), busiest, times_mean, most)
    return worst


def _covered_s(times_s: Sequence[float], ends_s: Sequence[float]) -> float:
    """Return the length of the intervals of observation that end at these times."""
    starts = dict(zip(ends_s, [0.0, *ends_s[:-1]], strict=True))
    return float(sum(end - starts[end] for end in times_s))
