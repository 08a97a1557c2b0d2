"""The columns that sharing works on.

Each is an array, or a memory view of one: interpreted code reads single elements of it faster.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Flows(NamedTuple):
    """What each flow is like, shape [slots] unless said otherwise.

    Args:
        level: its rate over its weight.
        most: its cap over its weight.
        cap: the rate it may not exceed.
        weight: its weight.
        rate: the rate it was told.
        is_new: whether it has not been told any yet.
        begin: its first crossing.
        hops: number of its crossings, which follow each other.
        is_listed: whether it is on the list of what changed; false between calls.
        link: the link of each crossing, shape [crossings].
    """

    level: Any
    most: Any
    cap: Any
    weight: Any
    rate: Any
    is_new: Any
    begin: Any
    hops: Any
    is_listed: Any
    link: Any


class Links(NamedTuple):
    """What each link is like, shape [links].

    Args:
        limit: what its flows may have together.
        level: the level at which it stops flows.
        begin: where its flows begin in `member`.
        count: how many they are; a flow that crosses it twice is there twice.
        member: the flows of all links, block after block, shape [room].
        due: the lowest level at which it may have changed, infinite if it has not; infinite
            between calls.
        next: of one that waits: the level it gets if nothing changes below that, RISES for one
            above its own, UNKNOWN if that must be found out.
        queue: the links that wait, a heap, the first `waiting` elements.
        place: where in the queue each one is that waits.
        waiting: how many wait, shape [1].
        load: the sum of its flows' rates.
        is_listed: whether it is on the list of what changed; false between calls.
    """

    limit: Any
    level: Any
    begin: Any
    count: Any
    member: Any
    due: Any
    next: Any
    queue: Any
    place: Any
    waiting: Any
    load: Any
    is_listed: Any


class Scratch(NamedTuple):
    """Room to work in, and for results.

    Args:
        stop: where the flows of one link stop, shape [crossings].
        share: their weights, shape [crossings].
        flows: the flows whose level changed, shape [slots].
        links: the links that carry them, shape [links].
    """

    stop: Any
    share: Any
    flows: Any
    links: Any
