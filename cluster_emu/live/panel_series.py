"""The data of the panels `gantt`, `links`, `series` and `compare`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from cluster_emu.live.gantt_lanes import MOST_LANES, gantt
from cluster_emu.live.link_series import link_series, shares_of_rounds
from cluster_emu.live.live_source import LiveSource
from cluster_emu.live.migration_book import ModelBook
from cluster_emu.live.panels import panel_data
from cluster_emu.live.replay_source import ReplaySource
from cluster_emu.live.run_figures import figures
from cluster_emu.live.run_series import columns_of_model, series
from cluster_emu.live.source import Document
from cluster_emu.observation.run_over_time import hosts_over_time, migrations_under_way
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
    model = source.model
    records = model.manager.scheduler.records
    start_s = np.array([each.start_s for each in records], dtype=np.float64)
    end_s = np.array([each.end_s for each in records], dtype=np.float64)
    moves = migrations_under_way(start_s, end_s, model.now_s)
    return {**series(columns_of_model(model), moves, model.now_s)}


@panel_data.register("replay", "series")
def series_of_replay(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return the same of a finished run until now."""
    hosts, migrations = source.run.result.tables["hosts"], source.states.migrations
    columns = source.kept("series", lambda: hosts_over_time(hosts))
    moves = migrations_under_way(migrations.start_s, migrations.end_s, source.now_s)
    return {**series(columns, moves, source.now_s), "end_s": source.duration_s}


@panel_data.register("model", "links")
def links_of_model(source: LiveSource, arguments: Mapping[str, Any]) -> Document:
    """Return the load of the busiest links over time; `link` is shown in any case."""
    model = source.model
    links = model.links
    carried = model.loop.bytes_carried()
    times_s, shares = source.carried.shares(model.now_s, carried, links.capacity_bytes_per_s)
    wanted = [_whole(arguments, "link", -1)]

    def name_of(link: int) -> str:
        return visible(links.in_words(link))

    return {**link_series(times_s, shares, name_of, model.now_s, wanted)}


@panel_data.register("replay", "links")
def links_of_replay(source: ReplaySource, arguments: Mapping[str, Any]) -> Document:
    """Return what the migrations of a finished run carried, from their rounds."""
    links, traffic = source.states.links, source.states.traffic
    times_s, shares = source.kept(
        "links", lambda: shares_of_rounds(traffic, links.capacity_bytes_per_s, source.duration_s)
    )
    wanted = [_whole(arguments, "link", -1)]

    def name_of(link: int) -> str:
        return visible(links.in_words(link))

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
