"""Below how many pages a migration stops its VM, where its stop rule has such a line."""

from __future__ import annotations

import math
from typing import NamedTuple

from cluster_emu.transfer.controller import MigrationController
from cluster_emu.transfer.stop_rules import (
    ClarkStop,
    DowntimeLimit,
    StopRule,
    StopRuleController,
    XenLegacyStop,
    XenV2Stop,
)


class StopLine(NamedTuple):
    """When a migration stops its VM.

    Args:
        pages: it does so when fewer pages are left, or as many; None if it does not depend on them.
        words: the rule in words.
    """

    pages: float | None
    words: str


def stop_line(
    controller: MigrationController, bytes_per_s: float, page_bytes: float, wire_bytes: float
) -> StopLine:
    """Return the line of a migration at its present rate.

    Args:
        controller: what decides when its live rounds end.
        bytes_per_s: the present rate, byte/s.
        page_bytes: bytes of a page in memory.
        wire_bytes: bytes of a page on the wire.
    """
    threshold_bytes = controller.sync_threshold_bytes(bytes_per_s) if bytes_per_s > 0 else 0.0
    rule = controller.rule if isinstance(controller, StopRuleController) else None
    words = "that of the manager's policy" if rule is None else f"{rule.name}: {rule.summary}"
    if threshold_bytes > 0:
        return StopLine(threshold_bytes / page_bytes, words)
    return StopLine(_line_of(rule, bytes_per_s, wire_bytes), words)


def _line_of(rule: StopRule | None, bytes_per_s: float, wire_bytes: float) -> float | None:
    match rule:
        case XenLegacyStop() | XenV2Stop():
            return float(rule.min_pages)
        case ClarkStop():
            return rule.min_bytes / wire_bytes
        case DowntimeLimit() if bytes_per_s > 0:
            return math.floor(bytes_per_s * rule.downtime_limit_s) / wire_bytes
        case _:
            return None
