"""Hosts on, power and utilisation over time, for the page; no more points than it draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from cluster_emu.model import ClusterModel

MOST_POINTS = 600

Floats = NDArray[np.float64]


class Line(TypedDict):
    """One line; each value holds from its time until the next one."""

    time_s: list[float]
    name: str
    unit: str
    colour: str
    values: list[float]


class Series(TypedDict):
    """Lines over time."""

    now_s: float
    lines: list[Line]
    in_words: str


LINES = (
    ("hosts_on", "Hosts on", "", "blue"),
    ("power_w", "Power", "W", "orange"),
    ("mean_utilisation", "CPU in use, hosts on", "%", "green"),
)
"""Column, name, unit, and name of the colour; the page draws them one below the other."""

UNDER_WAY = "Migrations under way"


def columns_of_model(model: ClusterModel) -> dict[str, Floats]:
    """Return `LINES` at the ends of the ticks so far, and now."""
    kept = model.datacollector.model_vars
    wanted = ("time_s", *(name for name, *_ in LINES))
    now = {name: float(getattr(model, name)) for name in wanted}
    now["time_s"] = float(model.loop.now_s)
    return {
        name: np.append(np.array(kept.get(name, []), dtype=np.float64), now[name])
        for name in wanted
    }


def series(
    columns: Mapping[str, Floats],
    moves: tuple[Floats, Floats],
    until_s: float,
    most: int = MOST_POINTS,
) -> Series:
    """Return the lines up to an instant.

    Args:
        columns: from `columns_of_model` or `hosts_over_time`.
        moves: what `migrations_under_way` returns.
        until_s: the present.
        most: points of a line at most; of more, evenly spread ones, the last among them.
    """
    time_s = columns["time_s"]
    count = int(np.searchsorted(time_s, until_s, side="right"))
    chosen = spread(count, most)
    lines = [
        _line(time_s[chosen], columns[name][chosen] * (100.0 if unit == "%" else 1.0), *look)
        for name, *look in LINES
        for unit in look[1:2]
    ]
    chosen = spread(len(moves[0]), most)
    lines.append(_line(moves[0][chosen], moves[1][chosen], UNDER_WAY, "", "purple"))
    return {
        "now_s": until_s,
        "lines": lines,
        "in_words": _in_words(lines, until_s),
    }


def _line(time_s: Floats, values: Floats, name: str, unit: str, colour: str) -> Line:
    return {
        "time_s": time_s.tolist(),
        "name": name,
        "unit": unit,
        "colour": colour,
        "values": values.tolist(),
    }


def spread(count: int, most: int) -> NDArray[np.int64]:
    """Return at most `most` places of 0 to count - 1, evenly spread, the last among them."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64)


def _in_words(lines: Sequence[Line], until_s: float) -> str:
    shown = []
    for line in lines:
        if line["values"]:
            unit = f" {line['unit']}" if line["unit"] else ""
            low, high, last = min(line["values"]), max(line["values"]), line["values"][-1]
            so_far = f"{low:,.4g} to {high:,.4g} so far" if low < high else "unchanged so far"
            shown.append(f"{line['name']}: {last:,.4g}{unit} now, {so_far}")
    return f"Until {until_s:.1f} s. " + "; ".join(shown) + "."
