"""Max-min fair rates of fluid flows that share links, from scratch, by water-filling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cluster_emu.network.checks import flow_caps, flow_weights, link_capacities
from cluster_emu.network.incidence import Incidence

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TIE_SHARE = 1e-12
"""Levels that differ by less than this share count as equal: rounding must not split a tie."""


def max_min_rates(
    capacities: Sequence[float] | Floats,
    routes: Sequence[Sequence[int]],
    *,
    caps: Sequence[float | None] | Floats | None = None,
    weights: Sequence[float] | Floats | None = None,
) -> Floats:
    """Return the weighted max-min fair rate of each flow, shape [flows], in `capacities`' unit.

    No rate can be raised without lowering one whose rate over weight is not larger (Bertsekas and
    Gallager, Data Networks, 2nd ed., section 6.5.2). A flow crosses each link of its route at its
    full rate, twice where the route names the link twice; an empty route is limited by its cap
    alone, so its rate is infinite without one.

    Args:
        capacities: capacity of each link, shape [links]; 0 is a link that is down.
        routes: for each flow, the indices of the links it crosses.
        caps: for each flow, the rate it may not exceed; None or infinity for no cap.
        weights: for each flow, its share relative to the others at a bottleneck; all 1 by default.

    Raises:
        ValueError: naming the value that is not allowed.
    """
    checked = link_capacities(capacities)
    incidence = Incidence.of(routes, len(checked))
    count = len(routes)
    return water_fill(checked, incidence, flow_caps(caps, count), flow_weights(weights, count))


def water_fill(capacities: Floats, incidence: Incidence, caps: Floats, weights: Floats) -> Floats:
    """Return max-min fair rates by water-filling, shape [flows]; nothing is checked.

    The level (rate over weight) of all flows rises together. A link l is full at the level

        x_l = capacity not taken by frozen flows / sum of the weights of its other flows,

    and a flow that stops earlier can only raise x_l. So a flow whose cap is below the x_l of all
    its links stops at its cap. A link on which no flow stops before x_l is the bottleneck of its
    flows. Each pass freezes the rates of all these flows at once.

    Args:
        capacities: shape [links], finite.
        incidence: which flow crosses which links.
        caps: shape [flows], infinite for none.
        weights: shape [flows], above 0.
    """
    rates = caps.copy()
    rising_flows = np.flatnonzero(incidence.lengths)
    used = incidence.crossed(len(capacities))
    rising = _on_used_links(incidence, used).only(incidence.lengths > 0)
    left = capacities[used]
    link_level = np.zeros(len(left))
    while len(rising_flows):
        weight, cap = weights[rising_flows], caps[rising_flows]
        link_level = _link_levels(rising, left, weight, link_level)
        level = rising.least(link_level)
        reached = np.minimum(weight * level, cap)
        capped = cap <= weight * level
        np.divide(cap, weight, out=level, where=capped)
        frozen = capped | _at_bottleneck(rising, link_level, level)
        rates[rising_flows[frozen]] = reached[frozen]
        left -= rising.total(np.where(frozen, reached, 0.0), len(left))
        rising_flows = rising_flows[~frozen]
        rising = rising.only(~frozen)
    return rates


def _on_used_links(incidence: Incidence, used: Flags) -> Incidence:
    """Keep and renumber the links in the mask `used`: a few flows use few links of a network."""
    number = np.cumsum(used) - 1
    return Incidence(number[incidence.links], incidence.lengths, incidence.flows)


def _link_levels(rising: Incidence, left: Floats, weight: Floats, before: Floats) -> Floats:
    """Return the level at which each link is full, infinite without rising flows, shape [links].

    From pass to pass a level falls only by rounding. The levels of the pass `before` are a lower
    bound, because rounding could otherwise leave a negative rate for the last flows of a link.
    """
    load = rising.total(weight, len(left))
    full = np.full(len(left), np.inf)
    np.divide(left, load, out=full, where=load > 0)
    levels: Floats = np.maximum(full, before)
    return levels


def _at_bottleneck(rising: Incidence, link_level: Floats, level: Floats) -> Flags:
    """Return the flows on a link with no flow that stops before its level, shape [flows]."""
    stops_before = level[rising.flows] < link_level[rising.links] * (1 - TIE_SHARE)
    loose = np.zeros(len(link_level), dtype=np.bool_)
    loose[rising.links[stops_before]] = True
    frozen = np.zeros(len(level), dtype=np.bool_)
    frozen[rising.flows[~loose[rising.links]]] = True
    return frozen
