"""Scenarios that do what measured QEMU migrations did, made from their configuration alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cluster_emu.scenario import Scenario, scenario_from
from cluster_emu.units import BITS_PER_BYTE
from cluster_emu.validation.qemu.guest import STOP_AND_RESUME_S, UNLIMITED_BYTES_PER_S
from cluster_emu.validation.qemu.rows import PAGE_BYTES, Configuration

TAIL_S = 30.0
"""Time after the last one is cancelled for which the run continues."""
DELTA_SHARE = 3 / PAGE_BYTES
"""Mean difference of a page in which one word counts up: three bytes as XBZRLE encodes them."""


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
    link = first.link_bytes_per_s
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
                "host_bps": BITS_PER_BYTE
                * (link if math.isfinite(link) else UNLIMITED_BYTES_PER_S.value),
            },
            "hosts": [{"count": 2, "cpu_capacity": 4 * len(group), "memory_bytes": "1 TiB"}],
            "vms": [_vm(one) for one in group],
            "workload": {
                "demand": {"name": "constant", "share": 1.0},
                "write_intensity": {"name": "constant", "share": 1.0},
            },
            "transfer": _transfer(first),
            "migrations": [
                {"vm": vm, "target": 1, "at_s": start_s, "cancel_at_s": end_s}
                for vm, (start_s, end_s) in enumerate(zip(starts_s, ends_s, strict=True))
            ],
        }
    )


def _transfer(one: Configuration) -> dict[str, Any]:
    policy: dict[str, Any] = {
        "name": "qemu",
        "downtime_limit_s": one.downtime_limit_s,
        "bandwidth_bytes_per_s": one.max_bandwidth_bytes_per_s,
        "timeout_s": "unlimited",
    }
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
                "delta_share": DELTA_SHARE,
                "overflow": 1.0 if one.is_heavy else 0.0,
            }
        )
    return {
        "strategy": "qemu",
        "policy": policy,
        "encoders": encoders,
        "suspend_s": STOP_AND_RESUME_S.value / 2,
        "resume_s": STOP_AND_RESUME_S.value / 2,
    }


def _vm(one: Configuration) -> dict[str, Any]:
    used = one.total_pages - one.zero_pages
    return {
        "count": 1,
        "cpu_capacity": 1,
        "memory_bytes": one.total_pages * PAGE_BYTES,
        "memory_used_bytes": used * PAGE_BYTES,
        "profile": {"name": "inline", **_profile(one, used)},
        "host": 0,
    }


def _profile(one: Configuration, used: int) -> dict[str, Any]:
    """Return the writes as classes of pages, shares of those in use."""
    pages = min(one.working_set_pages, used)
    parts: list[tuple[float, float]] = []  # pages, writes per second
    extra: dict[str, Any] = {}
    rate = one.writes_per_s
    match one.mode:
        case "idle":
            pass
        case "uniform" | "burst":
            parts = [(pages, rate)]
        case "hotcold":
            hot = one.hot_share * pages
            parts = [(hot, one.hot_writes * rate), (pages - hot, (1 - one.hot_writes) * rate)]
        case "three":
            parts = [
                (share * pages, writes * rate)
                for share, writes in ((0.02, 0.6), (0.18, 0.3), (0.8, 0.1))
            ]
        case "seq":
            extra["sweep"] = {"share": pages / used, "sweeps_per_s": rate / pages}
        case "moving":
            extra["moving"] = {
                "share": pages / used,
                "writes_per_page_s": rate / pages,
                "period_s": 2.0,
            }
    if one.mode == "burst":
        extra["burst"] = {"on_s": 0.5, "off_s": 1.5, "level_off": 0.0, "durations": "fixed"}
    rest = used - sum(count for count, _ in parts)
    classes = [
        {"share": count / used, "writes_per_page_s": writes / count} for count, writes in parts
    ]
    if rest > 0:
        classes.append({"share": rest / used, "writes_per_page_s": 0.0})
    return {"classes": classes, **extra}
