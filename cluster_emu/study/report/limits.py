"""What limits the migrations of runs, as shares of their time and in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from cluster_emu.transfer.records import Limit
from cluster_emu.wording import whole_percent

SECOND = 0.05
"""A second limit, or a wait, is named from this share on."""

WAITS = (Limit.SLOT.value, Limit.TURN.value)


@dataclass(frozen=True, slots=True)
class LimitShare:
    """A limit of migrations, and its share of their time.

    Args:
        kind: the kind of limit, as in the table `limits`.
        limit: which, in words.
        share: of the time.
    """

    kind: str
    limit: str
    share: float


def running_limits(tables: Sequence[pd.DataFrame]) -> tuple[LimitShare, ...]:
    """Return what limits the migrations while they run, the largest share of that time first.

    The times of all migrations of all tables add up. Waits for a slot or a turn are left out: while
    one migration waits, those that hold the slots have a limit of their own.

    Args:
        tables: the table `limits` of each run.
    """
    return _shares(tables, waits=False)


def waits(tables: Sequence[pd.DataFrame]) -> tuple[LimitShare, ...]:
    """Return what the migrations wait for, as shares of the time from request to end."""
    return _shares(tables, waits=True)


def _shares(tables: Sequence[pd.DataFrame], *, waits: bool) -> tuple[LimitShare, ...]:
    filled = [table for table in tables if len(table)]
    if not filled:
        return ()
    table = pd.concat(filled)
    is_wait = table["kind"].isin(WAITS)
    of_all_s = table["limited_s"].sum() if waits else table.loc[~is_wait, "limited_s"].sum()
    shown = table[is_wait if waits else ~is_wait]
    times: Counter[tuple[str, str]] = Counter()
    columns = (shown[name].tolist() for name in ("kind", "limit", "limited_s"))
    for kind, limit, seconds in zip(*columns, strict=True):
        times[kind, limit] += seconds
    return tuple(
        LimitShare(kind, limit, seconds / of_all_s)
        for (kind, limit), seconds in times.most_common()
    )


def limits_sentence(limits: Sequence[LimitShare], waits: Sequence[LimitShare]) -> str:
    """Return what limits the migrations of a drain, and what they wait for."""
    if not limits:
        return ""
    kinds: dict[str, list[LimitShare]] = {}
    for one in limits:
        kinds.setdefault(one.kind, []).append(one)
    first, *others = sorted(kinds.values(), key=_total, reverse=True)
    second = f", {_of(others[0])}" if others and _total(others[0]) >= SECOND else ""
    text = f"What limits migrations while they run: {_of(first)} of the time{second}."
    if waits and waits[0].share >= SECOND:
        kind, share = waits[0].kind, whole_percent(waits[0].share)
        text += f" From request to end they wait for a {kind} {share} of the time"
        text += f" ({waits[0].limit})."
    return text


def _total(alike: Sequence[LimitShare]) -> float:
    return sum(one.share for one in alike)


def _of(alike: Sequence[LimitShare]) -> str:
    """Return the limits of one kind and their share; of many the one with the largest share."""
    largest = alike[0]
    if len(alike) == 1:
        return f"{largest.limit}, {whole_percent(largest.share)}"
    most = f"most of all {largest.limit}, {whole_percent(largest.share)}"
    return f"{len(alike)} {largest.kind}s ({most}), {whole_percent(_total(alike))}"
