"""What the page shows of the thing that was clicked: facts, history, and what can be done."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import numpy as np

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.history import History
from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.moves import sent_bytes
from cluster_emu.live.source import Document, Kind
from cluster_emu.shown_text import visible
from cluster_emu.transfer.records import MigrationRecord
from cluster_emu.units import BITS_PER_BYTE, BITS_PER_S, BYTES

MOST_ROWS = 40
"""Rows of a table; the newest or largest are shown."""
MOST_VMS = 200

_BINARY = {name: BYTES[name] for name in ("B", "KiB", "MiB", "GiB", "TiB")}


class Described(Protocol):
    """What is described: a model, and what it was like until now.

    Attributes:
        model: the model.
        host_history: CPU in use of each host, as shares.
        link_history: load of each link, as shares of its capacity.
    """

    model: LiveModel
    host_history: History
    link_history: History

    def link_bits_per_s(self, link: int) -> tuple[float, float]:
        """Return what a link carries and can carry, bit/s."""
        ...


def details(source: Described, kind: Kind, number: int) -> Document:
    """Return the details of a host, VM, link or migration; see `FrameSource.details`.

    Raises:
        RequestRefusedError: if there is no such thing.
    """
    model = source.model
    counts = {
        "host": model.state.host_count,
        "vm": model.state.vm_count,
        "link": len(model.links),
        "migration": len(model.manager.scheduler.records),
    }
    if not 0 <= number < counts[kind]:
        raise RequestRefusedError(f"there is no {kind} {number}")
    answer = {"host": _host, "vm": _vm, "link": _link, "migration": _migration}[kind]
    nothing: Document = {"links": [], "history": [], "tables": [], "actions": []}
    return {"kind": kind, "number": number, **nothing, **answer(source, number)}


def _host(source: Described, host: int) -> Document:
    model = source.model
    state, hosts, vms = model.state, model.state.hosts, model.state.vms
    there = state.vms_on(host)
    times_s, shares = source.host_history.of(host)
    used, memory = int(hosts.memory_reserved_bytes[host]), int(hosts.memory_bytes[host])
    largest = there[np.argsort(-vms.demand[there], kind="stable")][:MOST_VMS]
    on = hosts.switched_on[host]
    actions = []
    if on and not hosts.drained[host]:
        actions.append({"do": "drain", "label": "Drain this host"})
    if not hosts.failed[host]:
        actions.append({"do": "crash", "label": "Crash this host"})
    return {
        "title": visible(model.links.labels[host]),
        "facts": [
            ["State", _host_state(source, host)],
            ["CPU", f"{hosts.utilisation[host]:.0%} of {hosts.cpu_capacity[host]:g}"],
            ["Memory reserved", f"{_size(used)} of {_size(memory)}"],
            ["Power", f"{model.host_watts(host):.0f} W"],
            ["VMs", str(int(hosts.vm_count[host]))],
            ["Copying out / in", f"{hosts.outgoing[host]} / {hosts.incoming[host]}"],
            ["Rack", visible(state.names.of_rack(int(hosts.rack[host])))],
        ],
        "history": [_history("CPU in use", "%", times_s, [100 * share for share in shares])],
        "links": [
            {"kind": "vm", "number": int(vm), "text": visible(state.names.vm(int(vm)))}
            for vm in largest
        ],
        "tables": [_migrations(source, lambda record: host in (record.source, record.target))],
        "actions": actions,
    }


def _host_state(source: Described, host: int) -> str:
    hosts = source.model.state.hosts
    words = [
        word
        for column, word in (
            (hosts.failed, "failed"),
            (hosts.booting, "booting"),
            (hosts.shutting_down, "shutting down"),
        )
        if column[host]
    ] or ["on" if hosts.switched_on[host] else "off"]
    return ", ".join([*words, *(["drained"] if hosts.drained[host] else [])])


def _vm(source: Described, vm: int) -> Document:
    model = source.model
    state, vms = model.state, model.state.vms
    host, target = int(vms.host[vm]), int(vms.target[vm])
    page_bytes = int(vms.page_bytes[vm])
    dirty = f"{vms.dirty_pages_per_s[vm]:,.0f} pages/s"
    facts = [
        ["State", _vm_state(source, vm)],
        ["Host", _label(source, host)],
        ["Moves to", _label(source, target) if target >= 0 else "stays"],
        ["CPU wanted", f"{vms.demand[vm]:.0%} of {vms.cpu_capacity[vm]:g}"],
        ["Memory", f"{_size(int(vms.memory_bytes[vm]))}, {int(vms.page_count[vm]):,} pages"],
        ["Dirties", f"{dirty} ({_rate(float(vms.dirty_pages_per_s[vm]) * page_bytes)})"],
        ["Downtime so far", _time(model.tally.downtime_s_of(vm))],
    ]
    links = [{"kind": "host", "number": host, "text": _label(source, host)}] if host >= 0 else []
    links += [
        {"kind": "migration", "number": number, "text": f"migration {number}, under way"}
        for number, move in model.manager.scheduler.live.items()
        if move.record.vm == vm
    ]
    actions = []
    if vms.running[vm] and vms.migratable[vm] and not vms.queued[vm]:
        actions.append({"do": "migrate", "label": "Migrate this VM"})
    return {
        "title": visible(state.names.vm(vm)),
        "facts": facts,
        "links": links,
        "tables": [_migrations(source, lambda record: record.vm == vm)],
        "actions": actions,
    }


def _vm_state(source: Described, vm: int) -> str:
    vms = source.model.state.vms
    if vms.host[vm] < 0:
        return "not in the cluster"
    if vms.lost[vm]:
        return "lost"
    phase = source.model.manager.scheduler.phase_of(vm)
    state = "booting" if vms.booting[vm] else "running" if vms.running[vm] else "down"
    return state if phase is None else f"{state}, migration: {phase}"


def _link(source: Described, link: int) -> Document:
    model, links = source.model, source.model.links
    load, capacity = source.link_bits_per_s(link)
    times_s, shares = source.link_history.of(link)
    crossing = [
        {"kind": "migration", "number": number, "text": f"migration {number}"}
        for number, move in sorted(model.manager.scheduler.active.items())
        if link in move.route
    ]
    share = f"{load / capacity:.0%}" if capacity else "down"
    facts = [
        ["Load", f"{_bits(load)} of {_bits(capacity)} ({share})"],
        ["Carried so far", _size(float(model.loop.bytes_carried()[link]))],
        ["Latency", _time(float(links.latency_s[link]))],
        ["Migrations on it", str(len(crossing))],
    ]
    back = links.between(int(links.target[link]), int(links.source[link]))
    return {
        "title": visible(links.in_words(link)),
        "facts": facts,
        "links": crossing[:MOST_ROWS]
        + [
            {"kind": "link", "number": other, "text": visible(links.in_words(other))}
            for other in back[:1]
        ],
        "history": [_history("Load", "%", times_s, [100 * each for each in shares])],
        "actions": [
            {"do": "degrade", "label": "Cut this link", "factor": 0.0},
            {"do": "degrade", "label": "Slow it to 10 %", "factor": 0.1},
        ],
    }


def _migration(source: Described, number: int) -> Document:
    model = source.model
    scheduler = model.manager.scheduler
    record, move = scheduler.records[number], scheduler.live.get(number)
    page_bytes = int(model.state.vms.page_bytes[record.vm])
    sent = record.bytes if move is None else sent_bytes(move, model.now_s)
    facts = [
        ["State", record.outcome if move is None else move.state.value],
        ["VM", visible(model.state.names.vm(record.vm))],
        ["From", _label(source, record.source)],
        ["To", _label(source, record.target)],
        ["Asked for by", visible(record.reason)],
        ["Strategy", record.strategy],
        ["Memory", _size(record.memory_pages * page_bytes)],
        ["Sent", _size(sent)],
        ["Rate", _bits((0.0 if move is None else move.flow.bytes_per_s) * BITS_PER_BYTE)],
        ["Rounds", str(record.rounds)],
        ["Queued at", _time(record.queued_s)],
        ["First byte at", _time(record.start_s)],
        ["Ended at", _time(record.end_s)],
        ["Downtime", _time(record.downtime_s)],
        ["Engine", record.fidelity],
    ]
    if record.why:
        facts.append(["Why", visible(record.why)])
    if record.limited_by:
        facts.append(["Held back by", f"{record.limited_by} ({record.limited_share:.0%})"])
    actions = [{"do": "cancel", "label": "Cancel this migration"}] if move is not None else []
    return {
        "title": f"Migration {number}",
        "facts": facts,
        "links": [
            {"kind": "vm", "number": record.vm, "text": visible(model.state.names.vm(record.vm))},
            *(
                {"kind": "host", "number": host, "text": _label(source, host)}
                for host in (record.source, record.target)
            ),
        ],
        "tables": [_rounds(source, number)],
        "actions": actions,
    }


def _rounds(source: Described, number: int) -> Document:
    newest = source.model.rounds_of(number)[-MOST_ROWS:]
    return {
        "title": "Rounds",
        "columns": ["round", "phase", "time", "sent", "skipped", "deferred", "dirtied"],
        "rows": [
            [
                row.round,
                row.phase,
                _time(row.end_s - row.start_s),
                row.sent,
                row.skipped,
                row.deferred,
                row.dirtied,
            ]
            for row in reversed(newest)
        ],
    }


def _migrations(source: Described, wanted: Any) -> Document:
    """Return the newest migrations of one host or VM."""
    rows = []
    for record in _newest(filter(wanted, reversed(source.model.manager.scheduler.records))):
        way = f"{_label(source, record.source)} to {_label(source, record.target)}"
        rows.append(
            [
                {"kind": "migration", "number": record.migration, "text": str(record.migration)},
                visible(source.model.state.names.of_vm(record.vm)),
                way,
                _outcome(source, record),
                _time(record.total_time_s),
                _time(record.downtime_s),
            ]
        )
    columns = ["no.", "VM", "way", "state", "time", "downtime"]
    return {"title": "Migrations, the newest first", "columns": columns, "rows": rows}


def _newest(records: Iterable[MigrationRecord]) -> Iterator[MigrationRecord]:
    for record, _ in zip(records, range(MOST_ROWS), strict=False):
        yield record


def _outcome(source: Described, record: MigrationRecord) -> str:
    move = source.model.manager.scheduler.live.get(record.migration)
    return record.outcome if move is None else move.state.value


def _label(source: Described, host: int) -> str:
    return visible(source.model.links.labels[host]) if host >= 0 else "none"


def _history(label: str, unit: str, times_s: list[float], values: list[float]) -> Document:
    return {"label": label, "unit": unit, "time_s": times_s, "value": values}


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "-"
    if 0 < seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.4g} s" if seconds < 1e4 else f"{seconds:,.0f} s"


def _size(size: float) -> str:
    unit = max((name for name in _BINARY if _BINARY[name] <= max(size, 1)), key=_BINARY.__getitem__)
    return f"{size / _BINARY[unit]:.4g} {unit}"


def _bits(rate: float) -> str:
    units = [name for name in BITS_PER_S if BITS_PER_S[name] <= max(rate, 1)]
    unit = max(units, key=BITS_PER_S.__getitem__)
    return f"{rate / BITS_PER_S[unit]:.3g} {unit}"


def _rate(bytes_per_s: float) -> str:
    return f"{_size(bytes_per_s)}/s"
