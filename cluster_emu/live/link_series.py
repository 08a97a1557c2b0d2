"""The load of the busiest links over time, for the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster_emu.live.run_series import spread

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
    in_words: str


def link_series(
    time_s: Floats,
    share: NDArray[np.floating],
    name_of: Callable[[int], str],
    now_s: float,
    wanted: Sequence[int] = (),
    most: int = MOST_LINKS,
) -> LinkSeries:
    """Return the links with the highest mean load.

    Args:
        time_s: instants, ascending, [instants].
        share: the load of every link as a share of what it can carry, [instants, links].
        name_of: what a link is called.
        now_s: the present; instants after it are left out.
        wanted: links that are shown in any case.
        most: links at most.
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
        "in_words": _in_words(lines, now_s),
    }


def shares_of_table(links: pd.DataFrame, count: int) -> tuple[Floats, NDArray[np.float32]]:
    """Return the instants of the table `links`, and the mean load of each link up to each of them.

    A row says what a link has carried since the instant before, so its value stands at that
    instant: it holds from there on, as all values here do.

    Args:
        links: the table of a finished run.
        count: number of links.
    """
    instants, place = np.unique(links["time_s"].to_numpy(np.float64), return_inverse=True)
    share = np.zeros((len(instants) + 1, count), dtype=np.float32)
    share[place, links["link"].to_numpy(np.int64)] = links["mean_utilisation"].to_numpy(np.float32)
    return np.concatenate([[0.0], instants]), share


def _in_words(lines: Sequence[LinkLine], now_s: float) -> str:
    if not lines:
        return f"No link has carried anything until {now_s:.1f} s."
    busiest = ", ".join(f"{line['label']} {line['mean']:.1f} %" for line in lines[:3])
    return f"Mean load until {now_s:.1f} s, the busiest links: {busiest}."
