"""How a drain loads the links of its network."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx

from cluster_emu.building import cluster_graph
from cluster_emu.network import LinkTable
from cluster_emu.scenario import Scenario
from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.report.evacuation import LinkLoad, UnevenLinks


def link_loads(scenario: Scenario, run: DrainRun) -> tuple[LinkLoad, ...]:
    """Return the mean load of each link that carried bytes in a drain, the largest share first.

    Background traffic counts, too. The mean is over the time until the last migration ends: the
    links are observed up to the end of a tick, in which nothing may be sent any more.
    """
    if not len(run.links):
        return ()
    last_end_s = float(run.migrations["end_s"].max())
    names = LinkTable.of(cluster_graph(scenario))
    table = run.links.assign(possible=run.links["bytes"] / run.links["mean_utilisation"])
    ends = sorted(set(run.links["time_s"].tolist()))
    found = []
    for link in sorted(set(table["link"].tolist())):
        rows = table[table["link"] == link]
        # what the link could carry in all intervals, from those in which it carried something
        capacity = rows["possible"].sum() / _covered_s(rows["time_s"].tolist(), ends)
        share = rows["bytes"].sum() / (capacity * min(last_end_s, ends[-1]))
        found.append(LinkLoad(link, names.in_words(link), min(float(share), 1.0)))
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
