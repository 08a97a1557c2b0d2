"""Max-min fair rates after a change, found by following the change from link to link.

Every link has a level: the rate over weight at which it stops the flows that nothing else stops
before; infinite if it stops none. A flow's level is the least of its links' and of its cap over its
weight. The rates are max-min fair if and only if each link's level is the one at which it fills up,
given what stops its flows elsewhere. So a change need only be followed for as long as it makes some
link fill up at another level than before; docs/protocol.md has the proof.

These functions are plain Python that numba can compile as well. They only add, multiply, divide and
compare numbers in a given order: interpreted or compiled, they give the same bits. Interpreted they
are given memory views instead of arrays, whose elements are read faster.
"""

from __future__ import annotations

from typing import Any

from cluster_emu.network.columns import Flows, Links, Scratch

INFINITY = float("inf")
NONE = -1
RISES = INFINITY
UNKNOWN = -1.0

SAME_LEVEL = 1e-13
"""A link's level that differs by less than this share has not changed: rounding goes no further."""

SPARE = 1e-9
"""A link with less than this share to spare counts as one that may be full."""

SAME_RATE = 1e-12
"""Likewise for the rate that a flow is told."""


def renew(
    flows: Flows,
    links: Links,
    scratch: Scratch,
    asked_flows: Any,
    asked_links: Any,
    touched_links: Any,
    most_steps: int,
) -> tuple[int, int, int]:
    """Find all rates after a change; in one call, as calling compiled code has its price.

    Args:
        flows: the flows.
        links: the links they cross.
        scratch: where the results are listed, see `tell`.
        asked_flows: see `follow`.
        asked_links: likewise.
        touched_links: further links whose load may have changed.
        most_steps: see `follow`.

    Returns:
        How many flows are to be told their rates, how many links' loads may have changed, and
        how many flows were looked at; more than `most_steps` if it was given up, and nothing told.
    """
    listed, steps = follow(flows, links, scratch, asked_flows, asked_links, most_steps)
    if steps > most_steps:
        return 0, 0, steps
    told, touched = tell(flows, links, scratch, listed, touched_links)
    return told, touched, steps


def follow(
    flows: Flows,
    links: Links,
    scratch: Scratch,
    asked_flows: Any,
    asked_links: Any,
    most_steps: int,
) -> tuple[int, int]:
    """Set all levels right after flows joined or changed, or links did; list changed flows.

    Args:
        flows: the flows.
        links: the links they cross.
        scratch: `flows` is where those with a new level are listed, the asked ones among them.
        asked_flows: those that joined, or whose cap changed.
        asked_links: those whose limit changed, or that flows have left.
        most_steps: how many flows may be looked at on the way before it is given up.

    Returns:
        How many flows are listed, and how many were looked at; more than `most_steps` if it was
        given up and the levels are not right.
    """
    listed = 0
    for flow in asked_flows:
        flows.level[flow] = least_level(flows, links, flow, NONE)
        listed = put_on_list(flows.is_listed, scratch.flows, flow, listed)
        for crossing in range(flows.begin[flow], flows.begin[flow] + flows.hops[flow]):
            look_at(links, flows.link[crossing], 0.0)
    for link in asked_links:
        look_at(links, link, 0.0)
    steps = 0
    while links.waiting[0] > 0 and steps <= most_steps:
        due, link = take_first(links)
        before, level = links.level[link], links.next[link]
        if level == UNKNOWN:
            level = filled_at(flows, links, scratch, link, due, False)
            steps += links.count[link]
            if is_same(level, before, SAME_LEVEL):
                if level == INFINITY:
                    links.load[link] = demand(flows, links, link)
                continue
        if links.waiting[0] > 0 and min(level, before) > links.due[links.queue[0]]:
            put_off(links, link, min(level, before))
            links.next[link] = level if level < before else RISES
            continue
        if level > before:
            level = filled_at(flows, links, scratch, link, before, True)
            steps += links.count[link]
            if is_same(level, before, SAME_LEVEL):
                continue
        listed = set_level(flows, links, scratch, link, level, listed)
    while links.waiting[0] > 0:
        take_first(links)
    return listed, steps


def set_level(
    flows: Flows, links: Links, scratch: Scratch, link: int, level: float, listed: int
) -> int:
    """Give a link a new level, its flows theirs, and put off the other links that this changes."""
    before = links.level[link]
    links.level[link] = level
    for place in range(links.begin[link], links.begin[link] + links.count[link]):
        flow = links.member[place]
        old = flows.level[flow]
        if old < min(before, level):
            continue
        new = level if level < before else least_level(flows, links, flow, NONE)
        if new == old:
            continue
        flows.level[flow] = new
        listed = put_on_list(flows.is_listed, scratch.flows, flow, listed)
        for other in range(flows.begin[flow], flows.begin[flow] + flows.hops[flow]):
            if flows.link[other] != link:
                disturb(links, flows.link[other], old, new, flows.weight[flow])
    if level == INFINITY:
        links.load[link] = demand(flows, links, link)
    return listed


def disturb(links: Links, link: int, old: float, new: float, weight: float) -> None:
    """Have a link looked at if it may fill up at another level since a flow has a new one.

    One that stops no flow need not be while it has room to spare; its load is kept up to date for
    that. An infinite old level makes that minus infinity, but such a link waits anyway.
    """
    here = links.level[link]
    full = True
    if here == INFINITY:
        links.load[link] += weight * (new - old)
        full = not links.load[link] < links.limit[link] * (1 - SPARE)
    waits = links.due[link] < INFINITY
    if waits and UNKNOWN < links.next[link] < here and min(old, new) >= links.next[link]:
        return  # it stops the flow at a lower level, before and after
    if new > old and full:
        look_at(links, link, old)
    elif waits and (new > old or links.next[link] != RISES):
        links.next[link] = UNKNOWN
    elif not waits and here < INFINITY:
        links.next[link] = RISES
        put_off(links, link, here)


def look_at(links: Links, link: int, level: float) -> None:
    """Have a link looked at that may fill up at any level from this one up."""
    links.next[link] = UNKNOWN
    put_off(links, link, level)


def demand(flows: Flows, links: Links, link: int) -> float:
    """Return the sum of the rates on a link at the present levels."""
    load = 0.0
    for place in range(links.begin[link], links.begin[link] + links.count[link]):
        flow = links.member[place]
        load += flows.weight[flow] * flows.level[flow]
    return load


def filled_at(
    flows: Flows, links: Links, scratch: Scratch, link: int, least: float, rising: bool
) -> float:
    """Return the level at which a link fills up, infinite for never.

    Args:
        flows: the flows.
        links: the links.
        scratch: room to work in.
        link: the link.
        least: a level that it does not fill up below, but for rounding.
        rising: whether the level may be above the present one. If not, it does not matter where
            else the flows would stop that the link stops now; if it is above all the same, then
            some level above the present one is returned.
    """
    count, left, weight = list_stops(flows, links, scratch, link, least, rising)
    if left < least * weight:
        count, left, weight = list_stops(flows, links, scratch, link, 0.0, rising)
    return rise(scratch, left, weight, count)


def list_stops(
    flows: Flows, links: Links, scratch: Scratch, link: int, least: float, rising: bool
) -> tuple[int, float, float]:
    """List where the flows of a link stop that reach the level `least`, and their weights.

    Returns:
        How many these are, what the others leave to them, and the sum of their weights.
    """
    here, left, weight = links.level[link], links.limit[link], 0.0
    count = 0
    for place in range(links.begin[link], links.begin[link] + links.count[link]):
        flow = links.member[place]
        stop = flows.level[flow]
        if stop < least:
            left -= flows.weight[flow] * stop
            continue
        if stop >= here:
            stop = least_level(flows, links, flow, link) if rising else INFINITY
        scratch.stop[count], scratch.share[count] = stop, flows.weight[flow]
        weight += flows.weight[flow]
        count += 1
    return count, left, weight


def rise(scratch: Scratch, left: float, weight: float, count: int) -> float:
    """Return the level at which the listed flows, of this weight together, fill up what is left."""
    stop, share = scratch.stop, scratch.share
    level = 0.0
    while count > 0:
        # flows that stop earlier only raise the level; rounding must not lower it
        level = max(level, left / weight)
        rising = 0
        weight = 0.0
        for number in range(count):
            if stop[number] < level:
                left -= share[number] * stop[number]
            else:
                stop[rising], share[rising] = stop[number], share[number]
                weight += share[number]
                rising += 1
        if rising == count:
            return level
        count = rising
    return INFINITY


def least_level(flows: Flows, links: Links, flow: int, but: int) -> float:
    """Return the least of the levels of a flow's cap and its links, one of these left out."""
    level: float = flows.most[flow]
    for crossing in range(flows.begin[flow], flows.begin[flow] + flows.hops[flow]):
        link = flows.link[crossing]
        if link != but and links.level[link] < level:
            level = links.level[link]
    return level


def tell(
    flows: Flows, links: Links, scratch: Scratch, listed: int, asked_links: Any
) -> tuple[int, int]:
    """Turn the listed flows' levels into rates, and these into the loads of links.

    `scratch.flows` then lists the flows to be told, `scratch.links` the links whose load may have
    changed, the asked ones among them. A rate that moved by rounding alone stays as it was; new
    flows are always told.

    Returns:
        How many flows and how many links are listed.
    """
    told = 0
    touched = 0
    for link in asked_links:
        touched = put_on_list(links.is_listed, scratch.links, link, touched)
    for number in range(listed):
        flow = scratch.flows[number]
        flows.is_listed[flow] = False
        for crossing in range(flows.begin[flow], flows.begin[flow] + flows.hops[flow]):
            touched = put_on_list(links.is_listed, scratch.links, flows.link[crossing], touched)
        rate = rate_at(flows, flow)
        if is_same(rate, flows.rate[flow], SAME_RATE) and not flows.is_new[flow]:
            continue
        flows.rate[flow] = rate
        flows.is_new[flow] = False
        scratch.flows[told] = flow
        told += 1
    for number in range(touched):
        link = scratch.links[number]
        links.is_listed[link] = False
        links.load[link] = load_of(flows, links, link)
    return told, touched


def rate_at(flows: Flows, flow: int) -> float:
    """Return the rate of a flow at its level."""
    level: float = flows.level[flow]
    cap: float = flows.cap[flow]
    return cap if level == flows.most[flow] else min(flows.weight[flow] * level, cap)


def load_of(flows: Flows, links: Links, link: int) -> float:
    """Return the sum of the rates on a link."""
    load = 0.0
    for place in range(links.begin[link], links.begin[link] + links.count[link]):
        load += flows.rate[links.member[place]]
    return load


def put_off(links: Links, link: int, level: float) -> None:
    """Have a link looked at when the changes at lower levels are known: a heap, lowest first."""
    if level >= links.due[link]:
        return
    if links.due[link] == INFINITY:
        place = links.waiting[0]
        links.waiting[0] = place + 1
    else:
        place = links.place[link]
    while place > 0:
        above = (place - 1) // 2
        if links.due[links.queue[above]] <= level:
            break
        links.queue[place] = links.queue[above]
        links.place[links.queue[place]] = place
        place = above
    links.queue[place], links.place[link], links.due[link] = link, place, level


def take_first(links: Links) -> tuple[float, int]:
    """Take the link that is due first out of the heap; return at what level, and which it is."""
    first = links.queue[0]
    due = links.due[first]
    links.due[first] = INFINITY
    count = links.waiting[0] - 1
    links.waiting[0] = count
    if count == 0:
        return due, first
    last = links.queue[count]
    place = 0
    while 2 * place + 1 < count:
        below = 2 * place + 1
        other = below + 1
        if other < count and links.due[links.queue[other]] < links.due[links.queue[below]]:
            below = other
        if links.due[last] <= links.due[links.queue[below]]:
            break
        links.queue[place] = links.queue[below]
        links.place[links.queue[place]] = place
        place = below
    links.queue[place], links.place[last] = last, place
    return due, first


def put_on_list(is_listed: Any, numbers: Any, number: int, count: int) -> int:
    """Append a number to a list if it is not there yet; return how many it then holds."""
    if is_listed[number]:
        return count
    is_listed[number] = True
    numbers[count] = number
    return count + 1


def is_same(new: float, old: float, share: float) -> bool:
    """Tell whether two numbers, which may be infinite, differ by rounding alone."""
    return old * (1 - share) <= new <= old * (1 + share)
