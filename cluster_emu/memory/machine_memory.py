"""The memory of the machine that a run may take."""

from __future__ import annotations

import math
import os
import re
import resource
from contextlib import suppress
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")
_MEMORY_FACTS = Path("/proc/meminfo")


def machine_bytes() -> float:
    """Return the memory that this process could take at most; infinite where that is unknown."""
    limits = [math.inf]
    with suppress(OSError, ValueError):
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):
        limits.append(int(_CGROUP_LIMIT.read_text("ascii")))  # "max" is no number: no limit
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        limits.append(limit)
    return min(limits)


def available_bytes() -> float:
    """Return the memory that is free or can be freed now, at most `machine_bytes`."""
    with suppress(OSError):
        found = re.search(r"MemAvailable: +(\d+) kB", _MEMORY_FACTS.read_text("ascii"))
        if found:
            return min(int(found[1]) * 1024.0, machine_bytes())
    return machine_bytes()
