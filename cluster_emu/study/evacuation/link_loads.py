"""How a drain loads the links of its network."""

from __future__ import annotations

from cluster_emu.study.evacuation.run import DrainRun
from cluster_emu.study.report.evacuation import LinkLoad, UnevenLinks


def link_loads(run: DrainRun) -> tuple[LinkLoad, ...]:
    """Return the mean load of each link that carried bytes in a drain, the largest share first.

    Background traffic counts, too. The mean is over the time until the last migration ends: the
    links are observed up to the end of a tick, in which nothing may be sent any more.
    """
    use = run.link_use
    if use is None or not use.carried_bytes.any():
        return ()
    until_s = float(run.migrations["end_s"].max())
    shares = (use.full_s / until_s).tolist()
    found = [
        LinkLoad(number, name, min(share, 1.0))
        for number, name, share in zip(use.numbers, use.names, shares, strict=True)
        if share > 0
    ]
    return tuple(sorted(found, key=lambda one: (-one.mean_share, one.link)))


def uneven_links(run: DrainRun) -> UnevenLinks | None:
    """Return how traffic was spread over the busiest parallel links among which routes chose.

    Returns None where no route had a choice.
    """
    use = run.link_use
    if use is None or not use.busiest_group:
        return None
    group = list(use.busiest_group)
    busiest = max(group, key=lambda place: float(use.full_s[place]))
    return UnevenLinks(
        node=use.nodes[busiest],
        links=len(group),
        busiest=use.names[busiest],
        times_mean=use.imbalance,
        busiest_bytes=float(use.carried_bytes[busiest]),
    )
