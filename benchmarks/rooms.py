"""A profile by rooms of the package: time of libraries counts for the room that called them."""

from __future__ import annotations

import pstats
import re
from collections import Counter
from typing import Any

SPLIT = ("accounting", "memory", "migration", "network")
"""Rooms of which the parts are told apart."""


def time_by_room(stats: pstats.Stats) -> Counter[str]:
    """Return the seconds spent in each room and in what it calls outside of the package."""
    table: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    shares: dict[Any, dict[str, float]] = {}

    def rooms_of(function: Any) -> dict[str, float]:
        """Return which share of a function's time each room has asked for."""
        room = _room(function[0])
        if room:
            return {room: 1.0}
        if function not in shares:
            shares[function] = {"other": 1.0}  # for those that call themselves
            callers = {caller: calls[3] for caller, calls in table[function][4].items()}
            found: Counter[str] = Counter()
            for caller, seconds in callers.items():
                for name, share in rooms_of(caller).items():
                    found[name] += share * seconds / (sum(callers.values()) or 1.0)
            shares[function] = dict(found) or {"other": 1.0}
        return shares[function]

    total: Counter[str] = Counter()
    for function, (_, _, own_s, _, _) in table.items():
        for room, share in rooms_of(function).items():
            total[room] += share * own_s
    return total


def _room(path: str) -> str:
    found = re.search(r"cluster_emu/(.*)\.py$", path)
    if not found:
        return ""
    parts = found[1].split("/")
    return "/".join(parts[:2]) if parts[0] in SPLIT else parts[0]
