"""The data of the panel `microscope`; see `microscope`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.live_source import LiveSource
from cluster_emu.live.migration_book import MigrationBook, ModelBook, latest
from cluster_emu.live.panels import panel_data
from cluster_emu.live.replay_source import ReplaySource
from cluster_emu.live.source import Document
from cluster_emu.observation.microscope import Microscope
from cluster_emu.shown_text import visible

WORK_WALL_S = 0.1
"""How long one answer may compute, so that the page can be used meanwhile."""

MOST_CHOICES = 200
"""Migrations that may be chosen: those under way, and the latest that have ended."""


@panel_data.register("model", "microscope")
def microscope(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return one migration page by page; `number` says which, else the first one under way."""
    model = source.model
    book = ModelBook(model, lambda: model.now_s)
    number = _chosen(book, arguments)
    answer: Document = {"choices": _choices(book, model.state.names), "chosen": number, "check": ""}
    if number is not None:
        answer |= Microscope(model, number).read()
        answer["label"] = visible(model.state.names.vm(answer["vm"]))
    return answer


@panel_data.register("replay", "microscope")
def replayed_microscope(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return the same of a finished run, computed again up to the instant that is shown.

    While that takes time, there is only `computed_share`: ask again.
    """
    names, book = source.spec.names, source.book
    number = _chosen(book, arguments)
    answer: Document = {"choices": _choices(book, names), "chosen": number, "check": ""}
    if number is not None:
        again = source.computed_again()
        model = again.at(source.now_s, WORK_WALL_S)
        if model is None:
            return {**answer, "computed_share": again.share_of(source.now_s)}
        # of a run that was computed again as a whole, the check was made then
        answer["check"] = source.run.notices[0] if source.run.computed else again.check()
        answer["agrees"] = not again.difference and not source.run.differs
        answer |= Microscope(model, number).read()
        answer["label"] = visible(names.vm(answer["vm"]))
    return answer


def _chosen(book: MigrationBook, arguments: Mapping[str, Any]) -> int | None:
    number = arguments.get("number")
    if number is None:
        running = book.under_way().tolist()
        sending = (each for each in running if book.row(each)["start_s"] <= book.now_s)
        last = len(book) - 1 if len(book) else None
        return next(sending, running[0] if running else last)
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise RequestRefusedError(f"number = {number!r}: allowed is the number of a migration")
    return number if number < len(book) else None


def _choices(book: MigrationBook, names: Any) -> list[Document]:
    rows = ((number, book.row(number)) for number in latest(book, MOST_CHOICES))
    return [
        {"number": number, "text": f"{number}: {visible(names.vm(row['vm']))}, {row['state']}"}
        for number, row in rows
    ]
