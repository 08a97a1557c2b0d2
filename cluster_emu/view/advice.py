"""Ways to empty hosts: drain time against interruption, and which of them nothing beats."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from cluster_emu.study.report.advice import AdviceReport, OptionReport
from cluster_emu.view.captions import add_title_and_legend
from cluster_emu.view.style import (
    BLACK,
    GREY,
    PALE_GREY,
    STRATEGY_COLOURS,
    folded,
    literal,
    look,
    new_figure,
    tint,
)
from cluster_emu.wording import counted, number

HEIGHT_INCHES = 5.0
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
WAY_POINTS, FRONT_POINTS, BEST_POINTS = 6, 11, 18
MANY_TIMES = 20
"""Ratio of the largest drain time to the smallest from which on the axis is logarithmic."""

LEAST_SHARE = 0.1
"""Below this share of the shortest interruption the axis is linear, so that none has a place."""


def draw_advice(report: AdviceReport, ax: Axes | None = None) -> Axes:
    """Draw every way that drained the hosts: drain time against the longest interruption.

    Colours stand for strategies and shapes for policies; the number beside a way is how many
    migrations run at once. Filled ways were run as often as wanted, hollow ones less often. Rings
    mark the Pareto set in drain time, interruption and bytes, so some of it may lie above others
    that send more. A large ring marks the way that is recommended, and the dashed line how long an
    interruption may be.

    Args:
        report: what the search found.
        ax: where to draw; a new figure by default.
    """
    is_alone = ax is None
    if ax is None:
        ax = new_figure(HEIGHT_INCHES).add_subplot()
    drained = [one for one in report.options if one.drain_p95_s is not None and not one.failures]
    _draw_ways(ax, report, drained)
    _draw_marks(ax, report)
    _set_axes(ax, report, drained)
    add_title_and_legend(
        ax,
        folded(_title(report, len(drained))),
        _legend(report),
        columns=look().legend_columns,
        is_alone=is_alone,
    )
    return ax


def _draw_ways(ax: Axes, report: AdviceReport, drained: Sequence[OptionReport]) -> None:
    colours, markers = _colours(report), _markers(report)
    for one in drained:
        colour = colours[one.strategy]
        is_confirmed = one.replications >= report.replications
        ax.plot(
            *_place(one),
            marker=markers[one.policy],
            markersize=WAY_POINTS,
            color=colour,
            markerfacecolor=colour if is_confirmed else "none",
            linestyle="none",
        )
        ax.annotate(
            f"{one.possible_at_once if one.parallel is None else one.parallel}",
            _place(one),
            (6, 3),
            textcoords="offset points",
            fontsize=look().note_pt,
            color=tint(GREY),
        )


def _draw_marks(ax: Axes, report: AdviceReport) -> None:
    """Draw the rings of the Pareto set and of the advice, and the limit."""
    for ring, ways, points in (
        (tint(GREY), report.pareto, FRONT_POINTS),
        (tint(BLACK), (report.recommendation,), BEST_POINTS),
    ):
        for one in ways:
            if one.drain_p95_s is None:
                continue
            ax.plot(
                *_place(one),
                marker="o",
                markersize=points,
                markerfacecolor="none",
                markeredgewidth=1.2,
                color=ring,
                linestyle="none",
            )
    ax.axhline(report.max_downtime_s, color=tint(BLACK), linewidth=0.8, linestyle="--")


def _set_axes(ax: Axes, report: AdviceReport, drained: Sequence[OptionReport]) -> None:
    times = [one.drain_p95_s for one in drained if one.drain_p95_s is not None]
    breaks = [one.worst_interrupted_s for one in drained] + [report.max_downtime_s]
    if times and min(times) > 0 and max(times) >= MANY_TIMES * min(times):
        ax.set_xscale("log")
        ax.xaxis.set_minor_formatter(NullFormatter())
    elif times:
        ax.set_xlim(left=0.0, right=max(times) * 1.1 or 1.0)
    positive = [value for value in breaks if value > 0]
    if positive:
        least = LEAST_SHARE * min(positive)
        ax.set_yscale("symlog", linthresh=least, linscale=0.3)
        ax.set_ylim(-0.3 * least if min(breaks) <= 0 else 0.5 * min(positive), 3 * max(positive))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("Drain time, 95th percentile (s)", fontsize=look().label_pt)
    ax.set_ylabel("Longest service interruption to expect (s)", fontsize=look().label_pt)
    ax.tick_params(labelsize=look().tick_pt)
    ax.grid(color=tint(PALE_GREY), linewidth=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)


def _place(one: OptionReport) -> tuple[float, float]:
    return one.drain_p95_s or 0.0, one.worst_interrupted_s


def _title(report: AdviceReport, drained: int) -> str:
    chosen = report.recommendation
    at_once = chosen.possible_at_once if chosen.parallel is None else chosen.parallel
    left_out = len(report.options) - drained
    rest = f"; {left_out} that left VMs behind are not shown" if left_out else ""
    runs = counted(report.replications, "run")
    lines = (
        f"{report.scenario}: {counted(report.vms_to_move, 'VM')} to move, "
        f"{counted(drained, 'way')} with up to {runs} each{rest}",
        f"Take policy {chosen.policy}, strategy {chosen.strategy}, {at_once} at once: "
        f"{number(chosen.drain_p95_s)} s, interrupted for at most "
        f"{number(chosen.worst_interrupted_s)} s",
    )
    return "\n".join(map(literal, lines))


def _colours(report: AdviceReport) -> dict[str, str]:
    names = dict.fromkeys(one.strategy for one in report.options)
    return {
        name: tint(STRATEGY_COLOURS[at % len(STRATEGY_COLOURS)]) for at, name in enumerate(names)
    }


def _markers(report: AdviceReport) -> dict[str, str]:
    names = dict.fromkeys(one.policy for one in report.options)
    return {name: MARKERS[at % len(MARKERS)] for at, name in enumerate(names)}


def _legend(report: AdviceReport) -> list[Line2D]:
    def line(label: str, **look: object) -> Line2D:
        return Line2D([], [], **{"linestyle": "none", "label": literal(label), **look})  # type: ignore[arg-type]

    ring = {"marker": "o", "markerfacecolor": "none"}
    return [
        *(line(name, marker="o", color=colour) for name, colour in _colours(report).items()),
        *(
            line(f"policy {name}", marker=marker, color=tint(GREY))
            for name, marker in _markers(report).items()
        ),
        line("Pareto set", **ring, color=tint(GREY), markersize=FRONT_POINTS),
        line("recommended", **ring, color=tint(BLACK), markersize=BEST_POINTS * 0.8),
        line("hollow: run less often", **ring, color=tint(GREY), markersize=WAY_POINTS),
        line("longest allowed interruption", color=tint(BLACK), linestyle="--", linewidth=0.8),
    ]
