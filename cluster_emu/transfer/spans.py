"""A migration as intervals of time: what it waited for, and which phases it was in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class SpanKind(StrEnum):
    """What happens in an interval, in the words of the legend."""

    WAITING = "waiting"
    PREPARING = "preparing the target"
    ODD_ROUND = "live round 1, 3, 5 …"
    EVEN_ROUND = "live round 2, 4, 6 …"
    DOWNTIME = "VM paused (downtime)"
    POST_COPY = "post-copy"
    FINISHING = "releasing the source"


@dataclass(frozen=True, slots=True)
class Span:
    """An interval of simulated time."""

    kind: SpanKind
    start_s: float
    end_s: float


def spans_of(
    migration: Mapping[str, Any], rounds: Sequence[tuple[float, float]], horizon_s: float
) -> list[Span]:
    """Return the intervals of one migration, in order.

    The record has how long preparing took, not when: it is drawn right before the first byte, and
    all waiting before it.

    Args:
        migration: its row of the table `migrations`.
        rounds: start and end of its live rounds, ascending.
        horizon_s: end of the intervals that never ended.
    """
    end_s = _known(migration["end_s"], horizon_s)
    start_s = _known(migration["start_s"], end_s)
    pause_s = _known(migration["pause_s"], end_s)
    resume_s = _known(migration["resume_s"], end_s)
    prepared_from_s = start_s - migration.get("prepare_s", 0.0)
    copied_s = max(resume_s, end_s - migration.get("finish_s", 0.0))
    spans = [
        Span(SpanKind.WAITING, float(migration["queued_s"]), prepared_from_s),
        Span(SpanKind.PREPARING, prepared_from_s, start_s),
        *(Span(_shade(number), *times) for number, times in enumerate(rounds)),
        Span(SpanKind.DOWNTIME, pause_s, resume_s),
        Span(SpanKind.POST_COPY, resume_s, copied_s),
        Span(SpanKind.FINISHING, copied_s, end_s),
    ]
    return [span for span in spans if span.end_s > span.start_s]


def _shade(number: int) -> SpanKind:
    return SpanKind.EVEN_ROUND if number % 2 else SpanKind.ODD_ROUND


def _known(time_s: float, otherwise_s: float) -> float:
    return otherwise_s if math.isnan(time_s) else float(time_s)
