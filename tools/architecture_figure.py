"""Draw the data flow of one run: docs/images/architecture.png.

python tools/architecture_figure.py
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

TARGET = Path(__file__).parents[1] / "docs" / "images" / "architecture.png"

PHASE, STATE, MIGRATION, OUTSIDE = "#cfe2f3", "#fff2cc", "#d9ead3", "#eeeeee"

# name: (x, y, width, height, colour, title, text)
BOXES = {
    "scenario": (0.1, 6.4, 2.3, 0.9, OUTSIDE, "scenario + seed", "TOML or Python"),
    "building": (3.1, 6.4, 2.3, 0.9, OUTSIDE, "building/", "factory of components"),
    "workload": (0.1, 4.7, 2.3, 0.9, PHASE, "1 workload", "workload/: demand, writes"),
    "manage": (3.1, 4.7, 2.3, 0.9, PHASE, "2 manage", "agents, faults/, triggers"),
    "transfer": (6.1, 4.7, 2.3, 0.9, PHASE, "3 transfer", "the event loop"),
    "account": (9.1, 4.7, 2.3, 0.9, PHASE, "4 account", "energy, service, tables"),
    "state": (
        0.1,
        2.9,
        2.3,
        1.0,
        STATE,
        "cluster/ state",
        "columns of hosts and VMs;\na change accrues its cost",
    ),
    "consolidation": (
        3.1,
        2.9,
        2.3,
        1.0,
        PHASE,
        "consolidation/",
        "source, VM, target:\nplanned moves",
    ),
    "scheduler": (
        3.1,
        1.4,
        2.3,
        1.0,
        MIGRATION,
        "scheduling/",
        "slots, waiting lists,\norders, round-robin",
    ),
    "migration": (
        6.1,
        1.4,
        2.3,
        1.0,
        MIGRATION,
        "transfer/ migration",
        "a state machine:\nrounds, stop, resume",
    ),
    "network": (
        6.1,
        2.9,
        2.3,
        1.0,
        MIGRATION,
        "network/",
        "max-min fair rates,\ntimers, next event",
    ),
    "memory": (
        9.1,
        1.4,
        2.3,
        1.0,
        MIGRATION,
        "memory/ model",
        "pages, lumped,\nmean-field, scalar",
    ),
    "controller": (6.1, 0.0, 2.3, 0.9, MIGRATION, "managers/, stop rules", "when live rounds end"),
    "strategy": (9.1, 0.0, 2.3, 0.9, MIGRATION, "strategies/", "a truth table per round"),
    "results": (
        9.1,
        2.9,
        2.3,
        1.0,
        STATE,
        "metrics/, results/",
        "catalogue of metrics,\ntables, RunResult",
    ),
    "view": (9.1, 6.4, 2.3, 0.9, OUTSIDE, "view/", "figures of saved tables"),
    "study": (6.1, 6.4, 2.3, 0.9, OUTSIDE, "study/, cli/", "many runs, commands"),
}

# from, to, label, (label dx, dy)
ARROWS = [
    ("scenario", "building", "", (0, 0)),
    ("building", "manage", "components", (0.62, 0.0)),
    ("workload", "manage", "", (0, 0)),
    ("manage", "transfer", "", (0, 0)),
    ("transfer", "account", "", (0, 0)),
    ("workload", "state", "sets", (0.28, 0.0)),
    ("manage", "consolidation", "view", (0.28, 0.0)),
    ("state", "consolidation", "", (0, 0)),
    ("consolidation", "scheduler", "moves", (0.34, 0.0)),
    ("scheduler", "migration", "starts", (0, 0.14)),
    ("transfer", "network", "runs to the end of the tick", (1.1, 0.0)),
    ("network", "migration", "rates, events", (0.62, 0.0)),
    ("migration", "memory", "bytes", (0, 0.14)),
    ("memory", "strategy", "reads", (0.3, 0.0)),
    ("migration", "controller", "status", (0.32, 0.0)),
    ("account", "results", "", (0, 0)),
    ("study", "building", "run()", (0, 0.14)),
]


def edge(name: str, towards: str) -> tuple[float, float]:
    """Return the point on the border of a box that faces another box."""
    x, y, width, height = BOXES[name][:4]
    other_x, other_y, other_width, other_height = BOXES[towards][:4]
    middle, other = x + width / 2, other_x + other_width / 2
    centre, other_centre = y + height / 2, other_y + other_height / 2
    if abs(other - middle) > abs(other_centre - centre) * 1.2:
        return (x + width if other > middle else x), centre
    return middle, (y + height if other_centre > centre else y)


def draw() -> Figure:
    """Return the figure."""
    figure = Figure(figsize=(11.5, 7.6), dpi=110)
    axes = figure.add_axes((0.01, 0.01, 0.98, 0.98))
    for x, y, width, height, colour, title, text in BOXES.values():
        box = FancyBboxPatch(
            (x, y), width, height, boxstyle="round,pad=0.03", facecolor=colour, edgecolor="#555555"
        )
        axes.add_patch(box)
        lines = text.count("\n") + 1
        top = y + height / 2 + 0.13 * lines
        axes.text(x + width / 2, top, title, ha="center", va="center", weight="bold", size=11)
        axes.text(x + width / 2, top - 0.24, text, ha="center", va="top", size=9.5)
    for start, end, label, (dx, dy) in ARROWS:
        (x0, y0), (x1, y1) = edge(start, end), edge(end, start)
        arrow = FancyArrowPatch(
            (x0, y0), (x1, y1), arrowstyle="-|>", mutation_scale=13, color="#333333", shrinkB=4
        )
        axes.add_patch(arrow)
        if label:
            middle = (x0 + x1) / 2 + dx, (y0 + y1) / 2 + dy
            axes.text(*middle, label, size=9, ha="center", va="center", color="#333333")
    axes.text(0.1, 5.75, "ClusterModel.step(): one tick, four phases", size=11, style="italic")
    axes.set_xlim(0, 11.5)
    axes.set_ylim(-0.15, 7.5)
    axes.axis("off")
    return figure


if __name__ == "__main__":
    draw().savefig(TARGET)
    print(f"written: {TARGET.name}")
