"""Scenarios that do what measured QEMU migrations did, made from their configuration alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.units import BITS_PER_BYTE
from cluster_emu.validation.qemu.guest import (
    BACKGROUND_PAGES,
    BACKGROUND_WRITES_PER_S,
    BEFORE_WRITER_ZERO_PAGES,
    BUSY_PAGES,
    BUSY_WRITES_PER_S,
    HEAD_ZERO_PAGES,
    IDLE_BUSY_PAGES,
    IDLE_BUSY_WRITES_PER_S,
    IDLE_PAGES,
    IDLE_WRITES_PER_S,
    LAYOUTS,
    LINK_EFFICIENCY,
    PACED_DEMAND,
    SHARED_LINK_EFFICIENCY,
    SOCKET_BUFFER_BYTES,
    STOP_AND_RESUME_S,
    SYNC_CATCH_UP_S,
    SYNC_PAGE_S,
    SYNC_SLICE_S,
    UNLIMITED_BYTES_PER_S,
    WINDOW_S,
    WRITER_START_PAGES,
)
from cluster_emu.validation.qemu.rows import PAGE_BYTES, Configuration

TAIL_S = 30.0
"""Time after the last one is cancelled for which the run continues."""
FLUSH_PAGES = 32
"""What a window's budget is rounded up to from QEMU 10 on."""
DELTA_SHARE = 3 / PAGE_BYTES
"""Mean difference of a page in which one word counts up: three bytes as XBZRLE encodes them."""
HEAVY_DELTA_SHARE = 512 * 3 / PAGE_BYTES
"""The same of a page in which every word changes in its lowest byte."""


def scenario_of(group: Sequence[Configuration], fidelity: str) -> Scenario:
    """Return the scenario of migrations that ran together over one link.

    Args:
        group: their configurations; QEMU's settings are those of the first.
        fidelity: the memory model.
    """
    first = group[0]
    origin_s = min(one.starts_s for one in group)
    starts_s = [one.starts_s - origin_s for one in group]
    ends_s = [start + one.observed_s for start, one in zip(starts_s, group, strict=True)]
    link = UNLIMITED_BYTES_PER_S.value
    if first.is_limited_by_link:
        efficiency = LINK_EFFICIENCY if len(group) == 1 else SHARED_LINK_EFFICIENCY
        link = efficiency.value * first.link_bytes_per_s
    return scenario_from(
        {
            "name": f"qemu-{first.name}",
            "run": {
                "duration_s": max(ends_s) + TAIL_S,
                "stop_when_idle": True,
                "fidelity": fidelity,
            },
            "topology": {
                "name": "star",
                "hosts": 2,
                "host_bps": BITS_PER_BYTE * link,
            },
            "hosts": [{"count": 2, "cpu_capacity": 4 * len(group), "memory_bytes": "1 TiB"}],
            "vms": [_vm(one) for one in group],
            "workload": {
                "demand": {"name": "constant", "share": _demand(first)},
                "write_intensity": "constant",
            },
            "transfer": _transfer(first),
            "migrations": [
                {"vm": vm, "target": 1, "at_s": start_s, "cancel_at_s": end_s}
                for vm, (start_s, end_s) in enumerate(zip(starts_s, ends_s, strict=True))
            ],
        }
    )


def _demand(one: Configuration) -> float:
    """Return the guest's CPU demand; the writes follow their own rate."""
    return 1.0 if one.is_cpu_bound else PACED_DEMAND.value


def _transfer(one: Configuration) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "name": "qemu",
        "downtime_limit_s": one.downtime_limit_s,
        "bandwidth_bytes_per_s": one.max_bandwidth_bytes_per_s,
        "timeout_s": "unlimited",
    }
    if one.post_copy_after_s > 0:
        policy["post_copy_after_s"] = one.post_copy_after_s
    if one.capability == "auto-converge":
        policy |= {
            "auto_converge": True,
            "throttle_initial_percent": one.throttle_initial_percent,
            "throttle_increment_percent": one.throttle_increment_percent,
        }
    encoders: list[dict[str, Any]] = [{"name": "zero-page", "share": 0.0}]
    if one.capability == "xbzrle":
        encoders.append(
            {
                "name": "xbzrle",
                "cache_bytes": one.cache_bytes,
                "delta_share": HEAVY_DELTA_SHARE if one.is_heavy else DELTA_SHARE,
                "overflow": 0.0,
            }
        )
    return {
        "strategy": "qemu",
        "policy": policy,
        "encoders": encoders,
        "thread": _thread(one),
        "suspend_s": STOP_AND_RESUME_S.value / 2,
        "resume_s": STOP_AND_RESUME_S.value / 2,
    }


def _thread(one: Configuration) -> dict[str, Any]:
    """Return how QEMU's migration thread works under software emulation."""
    return {
        "iterations": True,
        "rate_limit": "windows",
        "window_s": WINDOW_S.value,
        "flush_pages": FLUSH_PAGES if one.major_version >= 10 else 1,
        "sync_page_s": SYNC_PAGE_S.value,
        "sync_stops_vm": True,
        "sync_catch_up_s": SYNC_CATCH_UP_S.value,
        "sync_slice_s": SYNC_SLICE_S.value,
        "setup_written_s": min(one.setup_s, SYNC_CATCH_UP_S.value),
        "socket_buffer_bytes": SOCKET_BUFFER_BYTES.value,
    }


def _vm(one: Configuration) -> dict[str, Any]:
    return {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": one.total_pages * PAGE_BYTES,
        "profile": {"name": "regions", **_memory(one)},
        "host": 0,
    }


def _memory(one: Configuration) -> dict[str, Any]:
    """Return the guest's memory: the writer's pages in its order, then all others.

    In address: kernel and boot data with some zero pages, the writer's pages, the other zero pages,
    and a tail, at the end of which a part of the writer's pages and of the zero ones lie.
    """
    ram_mib = one.total_pages * PAGE_BYTES // 2**20
    layout = LAYOUTS[min(LAYOUTS, key=lambda size: abs(size - ram_mib))]
    used = one.total_pages - one.zero_pages
    filled = min(one.writer_pages, used - 1)
    at_end = min(layout.writer_pages, filled // 2)
    end_zero = min(layout.end_zero_pages, one.zero_pages // 4)
    quarter = one.zero_pages // 4
    head_zero = min(round(HEAD_ZERO_PAGES.value), quarter)
    more_zero = min(round(BEFORE_WRITER_ZERO_PAGES.value), quarter)
    tail = min(max(layout.tail_pages - at_end - end_zero, 0), used - filled)
    kernel = _kernel(one, used - filled - tail)
    zero = one.zero_pages - end_zero - head_zero - more_zero
    start = min(round(WRITER_START_PAGES.value), filled - at_end)
    return {
        "regions": [
            region
            for region in (
                *_writer(one, filled, start, start + at_end),
                {"pages": head_zero, "zero": True, "place": 0},
                *kernel,
                {
                    "pages": used - filled - tail - sum(part["pages"] for part in kernel),
                    "place": 2,
                },
                {"pages": more_zero, "zero": True, "place": 3},
                {"pages": zero, "zero": True, "place": 5},
                {"pages": tail, "place": 6},
                {"pages": end_zero, "zero": True, "place": 8},
            )
            if region["pages"] > 0
        ],
        **_extras(one, filled),
    }


def _kernel(one: Configuration, most: int) -> list[dict[str, Any]]:
    """Return the pages that the guest's kernel writes."""
    parts = ((BUSY_PAGES, BUSY_WRITES_PER_S), (BACKGROUND_PAGES, BACKGROUND_WRITES_PER_S))
    if one.mode == "idle":
        parts = ((IDLE_BUSY_PAGES, IDLE_BUSY_WRITES_PER_S), (IDLE_PAGES, IDLE_WRITES_PER_S))
    return [
        {
            "pages": min(round(pages.value), most // len(parts)),
            "writes_per_page_s": rate.value,
            "place": 1,
        }
        for pages, rate in parts
    ]


MAIN_PLACE, END_PLACE = 4, 7
"""Where the writer's pages lie, and those of them at the end of memory."""


def _writer(one: Configuration, filled: int, at_end: int, until: int) -> list[dict[str, Any]]:
    """Return the writer's pages in its order, of which pages [at_end, until) lie at the end."""
    classes = _classes(one, min(one.working_set_pages, filled))
    cuts = {0, at_end, until, filled}
    first = 0
    for pages, _ in classes:
        first += pages
        cuts.add(first)
    regions = []
    for begin, end in pairwise(sorted(cuts)):
        regions.append(
            {
                "pages": end - begin,
                "writes_per_page_s": _rate_at(classes, begin),
                "in_bursts": one.mode == "burst",
                "place": END_PLACE if at_end <= begin < until else MAIN_PLACE,
            }
        )
    return regions


def _rate_at(classes: list[tuple[int, float]], page: int) -> float:
    end = 0
    for pages, writes_per_page_s in classes:
        end += pages
        if page < end:
            return writes_per_page_s
    return 0.0


def _classes(one: Configuration, pages: int) -> list[tuple[int, float]]:
    """Return pages and writes per page and second of each class of the working set, in order."""
    match one.mode:
        case "hotcold":
            shares = [(one.hot_share, one.hot_writes), (1 - one.hot_share, 1 - one.hot_writes)]
        case "three":
            shares = [(0.02, 0.6), (0.18, 0.3), (0.8, 0.1)]
        case "uniform" | "burst":
            shares = [(1.0, 1.0)]
        case _:
            return []
    ends = [round(pages * sum(share for share, _ in shares[: i + 1])) for i in range(len(shares))]
    counts = [end - begin for begin, end in pairwise([0, *ends])]
    return [
        (count, writes * one.writes_per_s / count)
        for count, (_, writes) in zip(counts, shares, strict=True)
        if count > 0
    ]


def _extras(one: Configuration, filled: int) -> dict[str, Any]:
    """Return the sweep, the window that moves, or the bursts of the writer."""
    pages, rate = min(one.working_set_pages, filled), one.writes_per_s
    age_s = one.writer_age_s
    match one.mode:
        case "seq" if rate > 0:
            return {"sweep": {"pages": pages, "pages_per_s": rate, "at_page": rate * age_s % pages}}
        case "moving":
            return {
                "window": {
                    "pages": pages,
                    "places": max(filled - pages, 1),
                    "writes_per_page_s": rate / pages,
                    "period_s": 2.0,
                    "step_pages": 7919,
                    "age_s": age_s,
                }
            }
        case "burst":
            # the guest's clock goes on while it stands still in the setup
            return {"bursts": {"on_s": 0.5, "off_s": 1.5, "age_s": age_s + one.setup_s}}
        case _:
            return {}
