"""The data of the panels `gantt`, `links`, `series` and `compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_emu.live.gantt_lanes import MOST_LANES, gantt
from cluster_emu.live.link_series import link_series, shares_of_rounds
from cluster_emu.live.live_source import LiveSource
from cluster_emu.live.migration_book import ModelBook
from cluster_emu.live.panels import panel_data
from cluster_emu.live.replay_source import ReplaySource
from cluster_emu.live.run_figures import figures
from cluster_emu.live.run_series import columns_of_model, columns_of_tables, series
from cluster_emu.live.source import Document
from cluster_emu.shown_text import visible


@panel_data.register("model", "gantt")
def gantt_of_model(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return the migrations of a model as lanes; `lanes` at most."""
    model = source.model
    names = model.state.names
    book = ModelBook(model, lambda: model.now_s)
    return {**gantt(book, lambda vm: visible(names.vm(vm)), _whole(arguments, "lanes", MOST_LANES))}


@panel_data.register("replay", "gantt")
def gantt_of_replay(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return the migrations of a finished run until now as lanes."""
    names = source.spec.names
    most = _whole(arguments, "lanes", MOST_LANES)
    return {**gantt(source.book, lambda vm: visible(names.vm(vm)), most)}


@panel_data.register("model", "series")
def series_of_model(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return hosts on, power, utilisation and migrations under way over time."""
    return {**series(columns_of_model(source.model), source.model.now_s)}


@panel_data.register("replay", "series")
def series_of_replay(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return the same of a finished run until now."""
    result = source.run.result
    hosts = result.tables["hosts"]
    columns = source.kept("series", lambda: columns_of_tables(hosts, result.migrations))
    return {**series(columns, source.now_s), "end_s": source.duration_s}


@panel_data.register("model", "links")
def links_of_model(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return the load of the busiest links over time; `link` is shown in any case."""
    times_s, shares = source.link_history.columns()
    links = source.model.links
    wanted = [_whole(arguments, "link", -1)]

    def name_of(link: int) -> str:
        return visible(links.in_words(link))

    return {**link_series(times_s, shares, name_of, source.model.now_s, wanted)}


@panel_data.register("replay", "links")
def links_of_replay(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return what the migrations of a finished run carried, from their rounds."""
    capacity = source.links.capacity_bytes_per_s
    times_s, shares = source.kept(
        "links", lambda: shares_of_rounds(source.traffic, capacity, source.duration_s)
    )
    wanted = [_whole(arguments, "link", -1)]

    def name_of(link: int) -> str:
        return visible(source.links.in_words(link))

    of = "The load of migrations, the mean of each of their rounds."
    return {**link_series(times_s, shares, name_of, source.now_s, wanted, of=of)}


@panel_data.register("model", "compare")
def figures_of_model(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return the figures of one lane so far."""
    return {**figures(source.model, source.model.now_s)}


def _whole(arguments: Mapping[str, Any], name: str, otherwise: int) -> int:
    number = arguments.get(name, otherwise)
    is_whole = isinstance(number, int) and not isinstance(number, bool)
    return int(number) if is_whole else otherwise
