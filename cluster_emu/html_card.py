"""How objects show themselves in a notebook: a small card with a headline, facts and a short table.

Every text is escaped and has no control characters. Without styles of their own, tables look as the
notebook's other tables do, dark or light.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape

from cluster_emu.shown_text import visible

LONGEST_ANSWER = 400
"""Letters of an answer that a card shows; the rest is in `answer` and in reports."""

Facts = Iterable[tuple[str, str]]


def card(
    kind: str,
    headline: str,
    *,
    answer: str = "",
    facts: Facts = (),
    columns: Sequence[str] = (),
    rows: Sequence[Sequence[object]] = (),
    note: str = "",
) -> str:
    """Return a card as HTML.

    Args:
        kind: what it is, in bold.
        headline: one line about it.
        answer: what was found, in words.
        facts: names and values.
        columns: the names of the table's columns; none for no table.
        rows: the rows of the table, a value per column.
        note: what the table leaves out.
    """
    parts = [f"<p><b>{_shown(kind)}</b> {_shown(headline)}</p>"]
    if answer:
        parts.append(f"<p>{_shown(_shortened(answer))}</p>")
    found = list(facts)
    if found:
        lines = (
            f"<tr><th>{_shown(name)}</th><td>{_shown(value)}</td></tr>" for name, value in found
        )
        parts.append(f"<table>{''.join(lines)}</table>")
    if columns:
        parts.append(_table(columns, rows))
    if note:
        parts.append(f"<p><small>{_shown(note)}</small></p>")
    return f'<div class="cluster-emu">{chr(10).join(parts)}</div>'


def _table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{_shown(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{_shown(short(value))}</td>' for value in row)}</tr>\n" for row in rows
    )
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>"


def short(value: object) -> str:
    """Return a value of a table in a few letters, a number with four figures."""
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:,.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else str(value)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_ANSWER:
        return text
    return text[:LONGEST_ANSWER].rsplit(" ", 1)[0] + " ..."


def _shown(text: str) -> str:
    return escape(visible(text))
