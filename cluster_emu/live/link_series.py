"""The load of the busiest links over time, for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from cluster_emu.live.run_series import spread
from cluster_emu.observation.run_columns import LinkColumns

MOST_LINKS = 8
MOST_POINTS = 400

Floats = NDArray[np.float64]


class LinkLine(TypedDict):
    """One link: `values` in per cent of what it can carry."""

    link: int
    label: str
    values: list[float]
    mean: float


class LinkSeries(TypedDict):
    """The busiest links, the busiest first; each value holds from its time until the next one."""

    now_s: float
    time_s: list[float]
    links: list[LinkLine]
    left_out: int
    of: str
    in_words: str


def link_series(
    time_s: Floats,
    share: NDArray[np.floating],
    name_of: Callable[[int], str],
    now_s: float,
    wanted: Sequence[int] = (),
    most: int = MOST_LINKS,
    of: str = "",
) -> LinkSeries:
    """Return the links with the highest mean load.

    Args:
        time_s: instants, ascending, [instants].
        share: the load of every link as a share of what it can carry, [instants, links].
        name_of: what a link is called.
        now_s: the present; instants after it are left out.
        wanted: links that are shown in any case.
        most: links at most.
        of: which traffic is meant, a sentence; empty for all.
    """
    count = int(np.searchsorted(time_s, now_s, side="right"))
    time_s, share = time_s[:count], share[:count]
    mean = share.mean(axis=0) if count else np.zeros(share.shape[1])
    used = np.flatnonzero(mean > 0)
    order = [link for link in wanted if 0 <= link < share.shape[1]]
    order += [link for link in used[np.argsort(-mean[used], kind="stable")].tolist()]
    links = list(dict.fromkeys(order))[:most]
    chosen = spread(count, MOST_POINTS)
    lines: list[LinkLine] = [
        {
            "link": link,
            "label": name_of(link),
            "values": np.round(100.0 * share[chosen, link], 1).tolist(),
            "mean": round(100.0 * float(mean[link]), 2),
        }
        for link in links
    ]
    return {
        "now_s": now_s,
        "time_s": time_s[chosen].tolist(),
        "links": lines,
        "left_out": len(set(used.tolist()) - set(links)),
        "of": of,
        "in_words": _in_words(lines, now_s),
    }


def shares_of_rounds(
    traffic: LinkColumns, capacity_bytes_per_s: Floats, end_s: float, most: int = MOST_POINTS
) -> tuple[Floats, NDArray[np.float32]]:
    """Return what migrations carry on each link of a finished run, in equal parts of the run.

    With a round of rate r from s to e, a link has carried r min(t, e) - r min(t, s) of it by the
    time t. The sums over all rounds follow from running sums over the sorted s and e.

    Args:
        traffic: the rounds and routes of all migrations.
        capacity_bytes_per_s: what each link can carry, [links].
        end_s: when the run ended.
        most: parts of the run.

    Returns:
        The begins of the parts, and the mean share of each link in each part, [parts, links].
    """
    edges = np.linspace(0.0, end_s, most + 1)
    carried = np.zeros((most + 1, len(capacity_bytes_per_s)))
    for link, rounds in traffic.rounds_by_link().items():
        rate = traffic.rate[rounds]
        carried[:, link] = _until(edges, traffic.start_s[rounds], rate)
        carried[:, link] -= _until(edges, traffic.end_s[rounds], rate)
    part_s = end_s / most
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.diff(carried, axis=0) / (part_s * capacity_bytes_per_s)
    return edges[:-1], np.clip(np.nan_to_num(share), 0.0, 1.0).astype(np.float32)


def _until(edges: Floats, since_s: Floats, rate: Floats) -> Floats:
    """Return the bytes that flows of these rates carry until each edge, if none of them ends."""
    order = np.argsort(since_s, kind="stable")
    since_s, rate = since_s[order], rate[order]
    place = np.searchsorted(since_s, edges)
    rates = np.concatenate([[0.0], np.cumsum(rate)])
    late = np.concatenate([[0.0], np.cumsum(rate * since_s)])
    carried: Floats = edges * rates[place] - late[place]
    return carried


def _in_words(lines: Sequence[LinkLine], now_s: float) -> str:
    if not lines:
        return f"No link has carried anything until {now_s:.1f} s."
    busiest = ", ".join(f"{line['label']} {line['mean']:.1f} %" for line in lines[:3])
    return f"Mean load until {now_s:.1f} s, the busiest links: {busiest}."
