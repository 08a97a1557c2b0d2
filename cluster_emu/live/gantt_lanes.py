"""Many migrations over time, one lane each, as the page draws them."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import TypedDict

from cluster_emu.live.migration_book import MigrationBook, latest, spans_now
from cluster_emu.transfer.spans import Span, SpanKind
from cluster_emu.wording import counted

MOST_LANES = 60
LONGEST_PAUSE = 3.0
"""A pause so many times as long as what is before and after it ends the picture."""

MOST_SPANS = 80
"""Intervals of one lane; of more live rounds, neighbours are drawn as one."""

KINDS = tuple(SpanKind)
IN_WORDS = {
    SpanKind.WAITING: "waiting",
    SpanKind.PREPARING: "preparing",
    SpanKind.ODD_ROUND: "live rounds",
    SpanKind.EVEN_ROUND: "live rounds",
    SpanKind.DOWNTIME: "downtime",
    SpanKind.POST_COPY: "post-copy",
    SpanKind.FINISHING: "finishing",
}


class Lane(TypedDict):
    """One migration: `spans` lists [place in `kinds`, start_s, end_s]."""

    migration: int
    label: str
    source: int
    target: int
    state: str
    spans: list[tuple[int, float, float]]
    seconds: dict[str, float]


class Gantt(TypedDict):
    """The lanes shown, from the one requested first."""

    now_s: float
    begin_s: float
    end_s: float
    kinds: list[str]
    lanes: list[Lane]
    left_out: int
    in_words: str


def gantt(book: MigrationBook, name_of_vm: Callable[[int], str], most: int = MOST_LANES) -> Gantt:
    """Return the migrations under way and the last ones before them.

    Args:
        book: the migrations until now.
        name_of_vm: what a VM is called.
        most: lanes at most.
    """
    lanes = [_lane(book, number, name_of_vm) for number in latest(book, most)]
    lanes = _last_burst([lane for lane in lanes if lane["spans"]])
    begins = [span[1] for lane in lanes for span in lane["spans"]]
    ends = [span[2] for lane in lanes for span in lane["spans"]]
    live = book.under_way()
    waiting = sum(math.isnan(float(book.row(int(number))["start_s"])) for number in live)
    running = len(live) - waiting
    left_out = len(book) - len(lanes)
    text = f"{counted(len(book), 'migration')} until {book.now_s:.1f} s, {running} under way, "
    text += f"{waiting} waiting or preparing."
    if left_out:
        text += f" The {len(lanes)} latest are shown."
    return {
        "now_s": book.now_s,
        "begin_s": min(begins, default=0.0),
        "end_s": max([*ends, *([book.now_s] if len(live) or not ends else [])]),
        "kinds": [kind.value for kind in KINDS],
        "lanes": lanes,
        "left_out": left_out,
        "in_words": text,
    }


def _last_burst(lanes: list[Lane]) -> list[Lane]:
    """Leave out lanes before a pause beside which the later ones would be too short to be seen."""
    by_end = sorted(lanes, key=lambda lane: -lane["spans"][-1][2])
    kept: set[int] = set()
    begin_s = end_s = by_end[0]["spans"][-1][2] if by_end else 0.0
    for lane in by_end:
        lane_begin_s, lane_end_s = lane["spans"][0][1], lane["spans"][-1][2]
        pause_s = begin_s - lane_end_s
        if pause_s > LONGEST_PAUSE * (end_s - begin_s + lane_end_s - lane_begin_s):
            break
        kept.add(lane["migration"])
        begin_s = min(begin_s, lane_begin_s)
    return [lane for lane in lanes if lane["migration"] in kept]


def _lane(book: MigrationBook, number: int, name_of_vm: Callable[[int], str]) -> Lane:
    row, spans = book.row(number), spans_now(book, number)
    seconds: dict[str, float] = {}
    for span in spans:
        kind = IN_WORDS[span.kind]
        seconds[kind] = seconds.get(kind, 0.0) + span.end_s - span.start_s
    return {
        "migration": number,
        "label": name_of_vm(row["vm"]),
        "source": row["source"],
        "target": row["target"],
        "state": row["state"],
        "spans": [(KINDS.index(one.kind), one.start_s, one.end_s) for one in _fewer(spans)],
        "seconds": seconds,
    }


def _fewer(spans: list[Span]) -> list[Span]:
    """Return at most `MOST_SPANS` intervals: neighbouring live rounds are joined if need be."""
    rounds = [span for span in spans if _is_round(span)]
    others = [span for span in spans if not _is_round(span)]
    pieces = MOST_SPANS - len(others)
    if len(rounds) <= pieces:
        return spans
    edges = [len(rounds) * piece // pieces for piece in range(pieces + 1)]
    kinds = (SpanKind.ODD_ROUND, SpanKind.EVEN_ROUND)
    joined = [
        Span(kinds[piece % 2], rounds[begin].start_s, rounds[end - 1].end_s)
        for piece, (begin, end) in enumerate(pairwise(edges))
    ]
    return sorted([*others, *joined], key=lambda span: span.start_s)


def _is_round(span: Span) -> bool:
    return span.kind in (SpanKind.ODD_ROUND, SpanKind.EVEN_ROUND)
