"""What faults leave of the capacity of the links, at any instant of a finished run.

The table `faults` says when which fault began and ended, but not on which links by number. Faults
depend on nothing but the scenario and its seed, so they are made again and held against the table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.building.faults import Outages
from cluster_emu.errors import ClusterEmuError
from cluster_emu.faults import Outage
from cluster_emu.network import LinkTable
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario


class LinkOutages:
    """The faults of links over a run.

    Args:
        outages: the faults that there were.
        links: number of links.
    """

    def __init__(self, outages: Sequence[Outage], links: int) -> None:
        self._outages = [outage for outage in outages if outage.links]
        self._start_s = np.array([outage.start_s for outage in self._outages], dtype=np.float64)
        self._end_s = np.array([outage.end_s for outage in self._outages], dtype=np.float64)
        self._links = links

    def share(self, time_s: float) -> NDArray[np.float64]:
        """Return which share of its capacity each link has, 0 for one that is down, [links].

        The factors of faults that overlap multiply.
        """
        share = np.ones(self._links)
        for place in np.flatnonzero((self._start_s <= time_s) & (time_s < self._end_s)).tolist():
            outage = self._outages[place]
            share[list(outage.links)] *= outage.factor
        return share


def outages_again(
    faults: pd.DataFrame | None,
    scenario: Scenario,
    graph: nx.Graph[int],
    links: LinkTable,
    seed: int,
) -> list[Outage] | None:
    """Return the faults that a table lists, made again.

    Args:
        faults: the table of that name, None if the run has none.
        scenario: the scenario of the run.
        graph: its topology.
        links: its links.
        seed: its seed.

    Returns:
        The faults in order of their start; None if the table is missing, or has others.
    """
    if faults is None:
        return None if scenario.faults else []
    try:
        made = list(islice(Outages(scenario, graph, links, RandomStreams(seed)), len(faults)))
    except ClusterEmuError:
        return None
    rows = faults[["time_s", "kind", "what", "until_s"]].itertuples(index=False, name=None)
    if len(made) != len(faults) or not all(map(_is_same, rows, made)):
        return None
    return made


def _is_same(row: tuple[float, str, str, float], outage: Outage) -> bool:
    time_s, kind, what, until_s = row
    end_s = math.inf if math.isnan(until_s) else until_s
    made = outage.start_s, outage.kind, outage.what, outage.end_s
    return (time_s, kind, what, end_s) == made
