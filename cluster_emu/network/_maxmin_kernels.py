"""Max-min fair rates after a change, found by following the change from link to link.

Let flow f have weight w_f and cap c_f. Every link l has a fair-share level x_l: the rate over
weight at which it stops the flows that nothing else stops before; infinite if it stops none. A flow
has the level v_f = min(c_f / w_f, x_l of its links) and the rate w_f v_f. The same minimum without
link l is u_fl, the level at which f would stop without l. The rates are max-min fair if and only if
every link l, with the capacity C_l, is consistent:

    sum over its flows of w_f min(x_l, u_fl) = C_l,  or  x_l infinite and this sum at most C_l.

The x_l that solves this equation is the saturation level of link l; `water_fill` finds it. The
search follows a change only while some link is inconsistent. It takes links lowest level first, as
in Dijkstra's algorithm: below the level of the present link nothing changes any more.
docs/protocol.md, "Incremental max-min sharing", has the proof.

The functions only add, multiply, divide and compare numbers in a given order. Interpreted or
compiled (see `cluster_emu._jit`) they give the same bits. When interpreted, they get memory views
instead of arrays: Python reads an element of a memory view as a plain float, but an element of an
array as a numpy scalar, which takes longer to make and to calculate with.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from cluster_emu._jit import dual_inline, dual_jit

INFINITY = float("inf")
NO_LINK = -1

CAP = -1
"""The number of a hop, for a flow that its cap stops."""

NO_HOP = -2
"""The number of a hop, for a flow of which it is not known yet what stops it."""

SAME_STOP = 1e-9
"""What would stop a flow by less than this share above its level stops it, too."""

UNKNOWN = -1.0
"""A candidate level that has to be computed, from the pending level upwards."""

MAY_RISE = INFINITY
"""A candidate level that is not below the present one: computed when the present one is reached."""

SAME_LEVEL = 1e-13
"""A link's level that moves by less than this share has not changed, except for rounding."""

SAME_RATE = 1e-12
"""A rate that moves by less than this share has not changed: its flow is not notified."""

SPARE = 1e-9
"""A link with less than this share of its capacity to spare counts as one that may be full."""


class FlowColumns(NamedTuple):
    """The flows, shape [slots] unless said otherwise; arrays or memory views of them.

    A hop is one link of a flow's route. The hops of a flow follow each other.

    Args:
        level: its fair-share level, which is its rate over its weight.
        cap_level: its cap over its weight.
        cap: the rate it may not exceed.
        weight: its weight.
        rate: the rate it was last notified of.
        is_new: whether it has not been notified of any rate yet.
        first_hop: number of its first hop.
        hop_count: number of its hops.
        is_listed: whether it is in the list of changed flows; false between calls.
        bound_hop: the hop whose link stops it, `CAP` or `NO_HOP`.
        bound_since_s: since when it is stopped there.
        cap_bound_s: how long its cap has stopped it, before `bound_since_s`.
        hop_link: the link of each hop, shape [hops].
        hop_bound_s: how long the link of each hop has stopped the flow, before `bound_since_s`,
            shape [hops].
    """

    level: Any
    cap_level: Any
    cap: Any
    weight: Any
    rate: Any
    is_new: Any
    first_hop: Any
    hop_count: Any
    is_listed: Any
    bound_hop: Any
    bound_since_s: Any
    cap_bound_s: Any
    hop_link: Any
    hop_bound_s: Any


class LinkColumns(NamedTuple):
    """The links, shape [links] unless said otherwise; arrays or memory views of them.

    Links whose level may have changed wait in a heap, the one with the lowest pending level first.

    Args:
        capacity: largest sum of the rates of its flows.
        level: its fair-share level.
        first_flow: where its flows begin in `flow`.
        flow_count: number of its flows; a flow that crosses the link twice counts twice.
        flow: the flows of all links, one block of places per link, shape [places].
        pending_level: the lowest level at which something may have changed for a waiting link;
            infinite for one that does not wait, so for all between calls.
        candidate_level: the level of a waiting link if nothing below that level changes any more,
            or `MAY_RISE`, or `UNKNOWN`.
        heap: the links that wait, the first `heap_size` elements.
        heap_place: where in the heap a waiting link is.
        heap_size: how many links wait, shape [1].
        load: the sum of its flows' rates.
        is_listed: whether it is in the list of changed links; false between calls.
    """

    capacity: Any
    level: Any
    first_flow: Any
    flow_count: Any
    flow: Any
    pending_level: Any
    candidate_level: Any
    heap: Any
    heap_place: Any
    heap_size: Any
    load: Any
    is_listed: Any


class Workspace(NamedTuple):
    """Memory to work in and to return lists in; arrays or memory views of them.

    Args:
        stop_level: for flows of one link, the level at which something else stops them, shape
            [hops].
        stop_weight: their weights, shape [hops].
        changed_flows: a list of flows, shape [slots].
        changed_links: a list of links, shape [links].
    """

    stop_level: Any
    stop_weight: Any
    changed_flows: Any
    changed_links: Any


@dual_jit
def solve(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    changed_flows: Any,
    changed_links: Any,
    load_links: Any,
    most_steps: int,
    now_s: float,
) -> tuple[int, int, int]:
    """Find all rates after a change.

    One call does everything, because the call of a compiled function from Python costs as much as
    some hundred steps inside it.

    Args:
        flows: the flows.
        links: the links they cross.
        work: where the results are listed: `work.changed_flows` has the flows with a new rate,
            `work.changed_links` the links whose load may have changed.
        changed_flows: the flows that joined, or whose cap changed.
        changed_links: the links whose capacity changed, or that flows have left.
        load_links: links whose load may have changed for another reason than a flow's new rate.
        most_steps: how many flows may be examined before the search is given up.
        now_s: the time, until which what has stopped each flow is counted.

    Returns:
        How many flows and how many links are listed, and how many flows were examined. If these
        are more than `most_steps`, the search was given up: nothing is listed, levels are wrong.
    """
    listed, steps = propagate(flows, links, work, changed_flows, changed_links, most_steps, now_s)
    if steps > most_steps:
        return 0, 0, steps
    flow_count, link_count = update_rates_and_loads(flows, links, work, listed, load_links, now_s)
    return flow_count, link_count, steps


@dual_inline
def propagate(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    changed_flows: Any,
    changed_links: Any,
    most_steps: int,
    now_s: float,
) -> tuple[int, int]:
    """Make all links consistent; list the flows whose level changed and all `changed_flows`.

    Returns:
        How many flows are listed, and how many were examined.
    """
    listed = 0
    for flow in changed_flows:
        flows.level[flow] = lowest_level(flows, links, flow, NO_LINK)
        listed = append_once(flows.is_listed, work.changed_flows, flow, listed)
        for hop in range(flows.first_hop[flow], flows.first_hop[flow] + flows.hop_count[flow]):
            recompute_from(links, flows.hop_link[hop], 0.0)
    for link in changed_links:
        recompute_from(links, link, 0.0)
    steps = 0
    while links.heap_size[0] > 0 and steps <= most_steps:
        pending_level, link = pop_lowest(links)
        before, level = links.level[link], links.candidate_level[link]
        if level == UNKNOWN:
            level = saturation_level(flows, links, work, link, pending_level, False)
            steps += links.flow_count[link]
            if is_same(level, before, SAME_LEVEL):
                if level == INFINITY:
                    links.load[link] = demand_on(flows, links, link)
                continue
        # Links with changes below the levels that this one moves between come first, because
        # they can still move its flows.
        if links.heap_size[0] > 0 and min(level, before) > links.pending_level[links.heap[0]]:
            wait_at(links, link, min(level, before))
            links.candidate_level[link] = level if level < before else MAY_RISE
            continue
        if level > before:
            # All levels below the present one are final now, so that the rise can be computed.
            level = saturation_level(flows, links, work, link, before, True)
            steps += links.flow_count[link]
            if is_same(level, before, SAME_LEVEL):
                continue
        listed = set_link_level(flows, links, work, link, level, listed, now_s)
    while links.heap_size[0] > 0:  # the search was given up
        pop_lowest(links)
    return listed, steps


@dual_inline
def set_link_level(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    link: int,
    level: float,
    listed: int,
    now_s: float,
) -> int:
    """Give new levels to a link and its flows; add the links that this may change to the heap.

    Returns:
        How many flows are listed now.
    """
    before = links.level[link]
    links.level[link] = level
    first = links.first_flow[link]
    for place in range(first, first + links.flow_count[link]):
        flow = links.flow[place]
        old = flows.level[flow]
        if old < min(before, level):  # another link, or its cap, stops the flow before and after
            continue
        new = level if level < before else lowest_level(flows, links, flow, NO_LINK)
        if new == old:
            if level > before:  # what stopped the flow along with this link stops it alone now
                update_bound(flows, links, flow, now_s)
            continue
        flows.level[flow] = new
        listed = append_once(flows.is_listed, work.changed_flows, flow, listed)
        for hop in range(flows.first_hop[flow], flows.first_hop[flow] + flows.hop_count[flow]):
            if flows.hop_link[hop] != link:
                flow_level_changed(links, flows.hop_link[hop], old, new, flows.weight[flow])
    if level == INFINITY:
        links.load[link] = demand_on(flows, links, link)
    return listed


@dual_inline
def flow_level_changed(
    links: LinkColumns, link: int, old: float, new: float, weight: float
) -> None:
    """Add a link to the heap if the new level of one of its flows may make it inconsistent.

    A link that stops no flow stays consistent while it has capacity to spare. For that test its
    load is kept up to date here. An infinite old level makes the load minus infinity, but such a
    link waits anyway, and its load is summed up again in the end.
    """
    here = links.level[link]
    may_be_full = True
    if here == INFINITY:
        links.load[link] += weight * (new - old)
        may_be_full = not links.load[link] < links.capacity[link] * (1 - SPARE)
    waits = links.pending_level[link] < INFINITY
    candidate = links.candidate_level[link]
    if waits and UNKNOWN < candidate < here and min(old, new) >= candidate:
        return  # the link will stop this flow at the lower candidate level, before and after
    if new > old and may_be_full:
        recompute_from(links, link, old)
    elif waits and (new > old or candidate != MAY_RISE):
        links.candidate_level[link] = UNKNOWN
    elif not waits and here < INFINITY:
        # A flow takes less here, so the level can only rise.
        links.candidate_level[link] = MAY_RISE
        wait_at(links, link, here)


@dual_inline
def recompute_from(links: LinkColumns, link: int, level: float) -> None:
    """Add a link to the heap whose saturation level may be any from `level` upwards."""
    links.candidate_level[link] = UNKNOWN
    wait_at(links, link, level)


@dual_inline
def demand_on(flows: FlowColumns, links: LinkColumns, link: int) -> float:
    """Return the sum of w_f v_f over the flows of a link."""
    load = 0.0
    first = links.first_flow[link]
    for place in range(first, first + links.flow_count[link]):
        flow = links.flow[place]
        load += flows.weight[flow] * flows.level[flow]
    return load


@dual_inline
def saturation_level(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    link: int,
    least: float,
    may_rise: bool,
) -> float:
    """Return the level x_l at which a link is full, infinite if it never is.

    Args:
        flows: the flows.
        links: the links.
        work: memory to work in.
        link: the link.
        least: a lower bound of the result, except for rounding.
        may_rise: whether the result may be above the present level. Only then are the
            levels needed at which the flows of this link would stop without it. If it is false and
            the exact result is above the present level, some level above the present one is
            returned.
    """
    count, left, weight = list_stop_levels(flows, links, work, link, least, may_rise)
    if left < least * weight:  # by rounding the level is below the bound: take all flows
        count, left, weight = list_stop_levels(flows, links, work, link, 0.0, may_rise)
    return water_fill(work, left, weight, count)


@dual_inline
def list_stop_levels(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    link: int,
    least: float,
    may_rise: bool,
) -> tuple[int, float, float]:
    """List u_fl and w_f of the flows of a link that reach the level `least`.

    Returns:
        How many flows are listed, the capacity that the other flows leave to them, and the sum of
        their weights.
    """
    here, left, weight = links.level[link], links.capacity[link], 0.0
    count = 0
    first = links.first_flow[link]
    for place in range(first, first + links.flow_count[link]):
        flow = links.flow[place]
        stop = flows.level[flow]
        if stop < least:
            left -= flows.weight[flow] * stop
            continue
        if stop >= here:  # this link stops it
            stop = lowest_level(flows, links, flow, link) if may_rise else INFINITY
        work.stop_level[count], work.stop_weight[count] = stop, flows.weight[flow]
        weight += flows.weight[flow]
        count += 1
    return count, left, weight


@dual_inline
def water_fill(work: Workspace, left: float, weight: float, count: int) -> float:
    """Return the level x with sum of w_f min(x, u_f) = left over the listed flows (water-filling).

    If the flows with u_f < x are taken out, x = (left - sum of their w_f u_f) / (sum of the other
    w_f). The first pass takes out none. Each further one takes out those with u_f < x, which can
    only raise x, until there are no more. The result is infinite if all flows stop before.

    Args:
        work: `stop_level` and `stop_weight` hold u_f and w_f; both are overwritten.
        left: the capacity for these flows.
        weight: the sum of their weights.
        count: number of these flows.
    """
    stop_level, stop_weight = work.stop_level, work.stop_weight
    level = 0.0
    while count > 0:
        level = max(level, left / weight)  # rounding must not lower it
        rising = 0
        weight = 0.0
        for number in range(count):
            if stop_level[number] < level:
                left -= stop_weight[number] * stop_level[number]
            else:
                stop_level[rising], stop_weight[rising] = stop_level[number], stop_weight[number]
                weight += stop_weight[number]
                rising += 1
        if rising == count:
            return level
        count = rising
    return INFINITY


@dual_inline
def lowest_level(flows: FlowColumns, links: LinkColumns, flow: int, but: int) -> float:
    """Return v_f = min(c_f / w_f, x_l of its links); u_fl with `but` as the link to leave out."""
    level: float = flows.cap_level[flow]
    for hop in range(flows.first_hop[flow], flows.first_hop[flow] + flows.hop_count[flow]):
        link = flows.hop_link[hop]
        if link != but and links.level[link] < level:
            level = links.level[link]
    return level


@dual_inline
def update_rates_and_loads(
    flows: FlowColumns,
    links: LinkColumns,
    work: Workspace,
    listed: int,
    load_links: Any,
    now_s: float,
) -> tuple[int, int]:
    """Turn the levels of the listed flows into rates, and these into the loads of links.

    `work.changed_flows` then lists the flows to notify, `work.changed_links` the links whose load
    may have changed, `load_links` among them. A rate that moved by rounding alone stays as it was.
    New flows are always notified.

    Returns:
        How many flows and how many links are listed.
    """
    flow_count = 0
    link_count = 0
    for link in load_links:
        link_count = append_once(links.is_listed, work.changed_links, link, link_count)
    for number in range(listed):
        flow = work.changed_flows[number]
        flows.is_listed[flow] = False
        for hop in range(flows.first_hop[flow], flows.first_hop[flow] + flows.hop_count[flow]):
            link = flows.hop_link[hop]
            link_count = append_once(links.is_listed, work.changed_links, link, link_count)
        bound, level = flows.bound_hop[flow], flows.level[flow]
        stop = flows.cap_level[flow] if bound < 0 else links.level[flows.hop_link[bound]]
        if stop != level or bound == NO_HOP:  # else what has stopped the flow still does
            update_bound(flows, links, flow, now_s)
        rate = rate_of(flows, flow)
        if is_same(rate, flows.rate[flow], SAME_RATE) and not flows.is_new[flow]:
            continue
        flows.rate[flow] = rate
        flows.is_new[flow] = False
        work.changed_flows[flow_count] = flow
        flow_count += 1
    # Summed up again from all rates: differences would let rounding errors grow with time.
    for number in range(link_count):
        link = work.changed_links[number]
        links.is_listed[link] = False
        links.load[link] = load_of(flows, links, link)
    return flow_count, link_count


@dual_inline
def binding_hop(flows: FlowColumns, links: LinkColumns, flow: int) -> int:
    """Return the first hop whose link stops a flow, or `CAP` if its cap does."""
    level = flows.level[flow] * (1 + SAME_STOP)
    if flows.cap_level[flow] <= level:
        return CAP
    for hop in range(flows.first_hop[flow], flows.first_hop[flow] + flows.hop_count[flow]):
        if links.level[flows.hop_link[hop]] <= level:
            return hop
    return NO_HOP


@dual_inline
def update_bound(flows: FlowColumns, links: LinkColumns, flow: int, now_s: float) -> None:
    """Find what stops a flow from now on; count how long something else has stopped it before."""
    hop = binding_hop(flows, links, flow)
    before = flows.bound_hop[flow]
    if hop == before:
        return
    if before >= 0:
        flows.hop_bound_s[before] += now_s - flows.bound_since_s[flow]
    elif before == CAP:
        flows.cap_bound_s[flow] += now_s - flows.bound_since_s[flow]
    flows.bound_hop[flow], flows.bound_since_s[flow] = hop, now_s


@dual_inline
def rate_of(flows: FlowColumns, flow: int) -> float:
    """Return the rate w_f v_f, and exactly the cap if that is what stops the flow."""
    level: float = flows.level[flow]
    cap: float = flows.cap[flow]
    return cap if level == flows.cap_level[flow] else min(flows.weight[flow] * level, cap)


@dual_inline
def load_of(flows: FlowColumns, links: LinkColumns, link: int) -> float:
    """Return the sum of the rates on a link."""
    load = 0.0
    first = links.first_flow[link]
    for place in range(first, first + links.flow_count[link]):
        load += flows.rate[links.flow[place]]
    return load


@dual_inline
def wait_at(links: LinkColumns, link: int, level: float) -> None:
    """Put a link into the heap at this pending level, or move it up to it if it waits higher."""
    if level >= links.pending_level[link]:
        return
    if links.pending_level[link] == INFINITY:
        place = links.heap_size[0]
        links.heap_size[0] = place + 1
    else:
        place = links.heap_place[link]
    while place > 0:  # move parents down until one is not higher
        parent = (place - 1) // 2
        if links.pending_level[links.heap[parent]] <= level:
            break
        links.heap[place] = links.heap[parent]
        links.heap_place[links.heap[place]] = place
        place = parent
    links.heap[place], links.heap_place[link], links.pending_level[link] = link, place, level


@dual_inline
def pop_lowest(links: LinkColumns) -> tuple[float, int]:
    """Take the link with the lowest pending level out of the heap; return that level and it."""
    first = links.heap[0]
    level = links.pending_level[first]
    links.pending_level[first] = INFINITY
    count = links.heap_size[0] - 1
    links.heap_size[0] = count
    if count == 0:
        return level, first
    last = links.heap[count]
    place = 0
    while 2 * place + 1 < count:  # move the lower child up until the last link fits
        child = 2 * place + 1
        other = child + 1
        if (
            other < count
            and links.pending_level[links.heap[other]] < links.pending_level[links.heap[child]]
        ):
            child = other
        if links.pending_level[last] <= links.pending_level[links.heap[child]]:
            break
        links.heap[place] = links.heap[child]
        links.heap_place[links.heap[place]] = place
        place = child
    links.heap[place], links.heap_place[last] = last, place
    return level, first


@dual_inline
def append_once(is_listed: Any, numbers: Any, number: int, count: int) -> int:
    """Append a number to a list if it is not there yet; return how many it then holds."""
    if is_listed[number]:
        return count
    is_listed[number] = True
    numbers[count] = number
    return count + 1


@dual_inline
def is_same(new: float, old: float, share: float) -> bool:
    """Return whether two numbers, which may be infinite, differ by rounding alone."""
    return old * (1 - share) <= new <= old * (1 + share)
