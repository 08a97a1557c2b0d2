"""What tests ask of a drawn picture: its artists, and whether its texts get in each other's way."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.text import Text


def misplaced(figure: Figure, texts: Iterable[Text] | None = None) -> list[str]:
    """Return which texts (of all, by default) overlap by more than a pixel or leave the figure."""
    figure.draw_without_rendering()
    chosen = writing(figure) if texts is None else texts
    boxes = [
        (text.get_text(), text.get_window_extent())
        for text in chosen
        if text.get_visible() and text.get_text()
    ]
    assert boxes, "nothing is written there at all"
    sheet = figure.bbox.padded(2)
    crowded = [
        f"{a!r} overlaps {b!r}"
        for (a, box_a), (b, box_b) in combinations(boxes, 2)
        if box_a.padded(-1).overlaps(box_b.padded(-1))
    ]
    cut = [
        f"{name!r} leaves the figure"
        for name, box in boxes
        if not (sheet.contains(box.x0, box.y0) and sheet.contains(box.x1, box.y1))
    ]
    return crowded + cut


def writing(figure: Figure) -> list[Text]:
    """Return all that is written on a figure."""
    found = [*figure.texts, *(figure.legends[0].get_texts() if figure.legends else [])]
    for ax in figure.axes:
        legend = ax.get_legend()
        found += [*ax.texts, ax.title, *ax.findobj(_is_left_title)]
        found += legend.get_texts() if legend else []
        for part in [ax, *ax.child_axes]:
            found += [*tick_labels(part), part.xaxis.label, part.yaxis.label] * part.axison
    return list(dict.fromkeys(found))


def _is_left_title(artist: Artist) -> bool:
    axes = getattr(artist, "axes", None)
    return axes is not None and artist is axes._left_title


def tick_labels(ax: Axes) -> list[Text]:
    """Return the labels of the ticks within view."""
    return [
        label
        for axis in (ax.xaxis, ax.yaxis)
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
        if min(axis.get_view_interval()) <= tick.get_loc() <= max(axis.get_view_interval())
    ]


def labelled(ax: Axes, label: str) -> Collection:
    """Return the one collection with this label."""
    (found,) = [each for each in ax.collections if each.get_label() == label]
    return found


def legend_texts(holder: Axes | Figure) -> list[str]:
    """Return what a legend names."""
    legend = holder.get_legend() if isinstance(holder, Axes) else holder.legends[0]
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def all_texts(artist: Artist) -> list[str]:
    """Return every text that is not empty, below an artist."""
    texts = artist.findobj(Text)
    return [text.get_text() for text in texts if isinstance(text, Text) and text.get_text()]
