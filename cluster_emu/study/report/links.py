"""The links of a run in figures: the busiest one, and how evenly flows use parallel links."""

from __future__ import annotations

from dataclasses import dataclass

from cluster_emu.results.run_result import RunResult
from cluster_emu.wording import whole_percent


@dataclass(frozen=True, slots=True)
class BusiestLink:
    """The link with the highest mean utilisation of a run, and the imbalance of parallel links.

    Args:
        link: its number.
        name: where it begins and ends, such as "host3 -> leaf0".
        mean_share: mean load over capacity in the whole run.
        peak_share: highest load over capacity at any time, of any link.
        imbalance: load of the busiest of the parallel links among which routes chose, over the mean
            of these links: 1 where they are used evenly, n where one of n carried everything; NaN
            where no route had a choice.
    """

    link: int
    name: str
    mean_share: float
    peak_share: float
    imbalance: float


UNEVEN = 1.1
"""From this imbalance on parallel links are said to share their load unevenly."""


def links_sentence(busiest: BusiestLink | None) -> str:
    """Return which link is the busiest, and how unevenly parallel links are used if they are."""
    if busiest is None:
        return ""
    used = whole_percent(busiest.mean_share)
    text = f"The busiest link, {busiest.name}, is {used} used on average over the run"
    if not busiest.imbalance >= UNEVEN:  # NaN where no route had a choice
        return f"{text}."
    return f"{text}; it carries {busiest.imbalance:.2g} times the mean of its parallel links."


def busiest_link(result: RunResult) -> BusiestLink | None:
    """Return the busiest link of a run; None if no link carried anything."""
    summary, use = result.summary, result.link_use
    if use is None or use.busiest is None:
        return None
    return BusiestLink(
        link=use.numbers[use.busiest],
        name=use.names[use.busiest],
        mean_share=summary["busiest_link_share"],
        peak_share=summary["peak_link_share"],
        imbalance=summary["link_imbalance"],
    )
