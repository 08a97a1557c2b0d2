"""The links of a run in figures: the busiest one, and how evenly flows use parallel links."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.building import cluster_graph
from cluster_emu.network.links import LinkTable
from cluster_emu.results.run_result import RunResult
from cluster_emu.scenario import scenario_from


@dataclass(frozen=True, slots=True)
class BusiestLink:
    """The link with the highest mean utilisation of a run, and the imbalance of parallel links.

    Args:
        link: its number.
        source: where it begins, such as "host 3" or "switch 41", the node's number.
        target: where it ends.
        mean_share: mean load over capacity in the whole run.
        peak_share: highest load over capacity at any time, of any link.
        imbalance: load of the busiest of the parallel links among which routes chose, over the mean
            of these links: 1 where they are used evenly, n where one of n carried everything; NaN
            where no route had a choice.
    """

    link: int
    source: str
    target: str
    mean_share: float
    peak_share: float
    imbalance: float


def busiest_link(result: RunResult) -> BusiestLink | None:
    """Return the busiest link of a run; None if no link carried anything.

    Raises:
        ScenarioError: if the scenario's topology cannot be built any more.
    """
    summary = result.summary
    if not summary["busiest_link"] >= 0:
        return None
    graph = cluster_graph(scenario_from(result.scenario))
    links, link = LinkTable.of(graph), int(summary["busiest_link"])
    source, target = (
        f"{graph.nodes[node]['kind']} {node}"
        for node in (int(links.source[link]), int(links.target[link]))
    )
    return BusiestLink(
        link=link,
        source=source,
        target=target,
        mean_share=summary["busiest_link_share"],
        peak_share=summary["peak_link_share"],
        imbalance=summary["link_imbalance"],
    )
