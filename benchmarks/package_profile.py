"""A profile by sub-package: time in libraries counts for the sub-package that called them."""

from __future__ import annotations

import pstats
import re
from collections import Counter
from typing import Any

SPLIT = ("memory", "metrics", "network", "results", "scheduling", "transfer")
"""Sub-packages whose modules are counted apart."""


def time_by_package(stats: pstats.Stats) -> Counter[str]:
    """Return the seconds spent in each sub-package and in what it calls outside of the package."""
    table: dict[Any, Any] = stats.stats  # type: ignore[attr-defined]
    shares: dict[Any, dict[str, float]] = {}

    def packages_of(function: Any) -> dict[str, float]:
        """Return the share of a function's time that each sub-package caused."""
        package = _package(function[0])
        if package:
            return {package: 1.0}
        if function not in shares:
            shares[function] = {"other": 1.0}  # functions may call themselves
            callers = {caller: calls[3] for caller, calls in table[function][4].items()}
            found: Counter[str] = Counter()
            for caller, seconds in callers.items():
                for name, share in packages_of(caller).items():
                    found[name] += share * seconds / (sum(callers.values()) or 1.0)
            shares[function] = dict(found) or {"other": 1.0}
        return shares[function]

    total: Counter[str] = Counter()
    for function, (_, _, own_s, _, _) in table.items():
        for package, share in packages_of(function).items():
            total[package] += share * own_s
    return total


def _package(path: str) -> str:
    found = re.search(r"cluster_emu/(.*)\.py$", path)
    if not found:
        return ""
    parts = found[1].split("/")
    return "/".join(parts[:2]) if parts[0] in SPLIT else parts[0]
