"""What the page shows of the thing that was clicked in a replay, and what its search box finds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from cluster_emu.errors import RequestRefusedError
from cluster_emu.live.link_outages import LinkOutages
from cluster_emu.live.migration_book import Row, TableBook
from cluster_emu.live.source import Document, Kind
from cluster_emu.observation.run_states import RunStates
from cluster_emu.scenario import Scenario
from cluster_emu.shown_text import visible
from cluster_emu.units import BITS_PER_BYTE, GIB

MOST_ROWS = 40
MOST_FOUND = 20


class ReplayedRun(Protocol):
    """What is shown of a replay; see `replay_source.ReplaySource`."""

    spec: Scenario
    states: RunStates
    book: TableBook
    link_outages: LinkOutages

    @property
    def now_s(self) -> float:
        """The instant that is shown."""
        ...


def details(source: ReplayedRun, kind: Kind, number: int) -> Document:
    """Return the details of a host, VM, link or migration now; see `FrameSource.details`.

    Raises:
        RequestRefusedError: if there is no such thing yet.
    """
    counts = {
        "host": source.spec.host_count,
        "vm": source.states.vm_count,
        "link": len(source.states.links),
        "migration": len(source.book),
    }
    if not 0 <= number < counts[kind]:
        raise RequestRefusedError(f"there is no {kind} {number} at {source.now_s:g} s")
    answer = {"host": _host, "vm": _vm, "link": _link, "migration": _migration}[kind]
    nothing: Document = {"links": [], "history": [], "tables": [], "actions": []}
    return {"kind": kind, "number": number, **nothing, **answer(source, number)}


def _host(source: ReplayedRun, host: int) -> Document:
    hosts, now_s = source.states.hosts, source.now_s
    instant = hosts.observed.at(now_s)
    there = np.flatnonzero(source.states.vms.place(now_s) == host)
    is_on, has_failed = hosts.switched_on[instant, host], hosts.failed[instant, host]
    state = "failed" if has_failed else "on" if is_on else "off"
    times_s = hosts.observed.time_s[: instant + 1]
    return {
        "title": visible(source.states.links.labels[host]),
        "facts": [
            ["State", state],
            ["CPU, at the last observation", f"{hosts.utilisation[instant, host]:.0%}"],
            ["Power", f"{hosts.power_w[instant, host]:.0f} W"],
            ["VMs", str(len(there))],
        ],
        "history": [
            {
                "label": "CPU in use",
                "unit": "%",
                "time_s": times_s.tolist(),
                "value": (100 * hosts.utilisation[: instant + 1, host]).tolist(),
            }
        ],
        "links": [_link_to(source, "vm", int(vm)) for vm in there[:200]],
        "tables": [_migrations(source, lambda row: host in (row["source"], row["target"]))],
    }


def _vm(source: ReplayedRun, vm: int) -> Document:
    vms = source.states.vms
    place = int(vms.place(source.now_s)[vm])
    demand = vms.demand(vms.observed.at(source.now_s))[vm]
    memory = int(source.states.vm_memory_bytes[vm])
    facts = [
        [
            "Host",
            visible(source.states.links.labels[place]) if place >= 0 else "not in the cluster",
        ],
        ["CPU wanted", f"{demand:.0%}"],
        ["Memory", f"{memory / GIB:.4g} GiB"],
    ]
    return {
        "title": visible(source.spec.names.vm(vm)),
        "facts": facts,
        "links": [_link_to(source, "host", place)] if place >= 0 else [],
        "tables": [_migrations(source, lambda row: row["vm"] == vm)],
    }


def _link(source: ReplayedRun, link: int) -> Document:
    now_s, states = source.now_s, source.states
    traffic, links = states.traffic, states.links
    crossing = [
        number
        for number in source.book.under_way().tolist()
        if link in states.migrations.routes[number] and traffic.rate_of(number, now_s) > 0
    ]
    load = sum(traffic.rate_of(number, now_s) for number in crossing) * BITS_PER_BYTE
    share = float(source.link_outages.share(now_s)[link])
    capacity = share * float(links.capacity_bytes_per_s[link]) * BITS_PER_BYTE
    return {
        "title": visible(links.in_words(link)),
        "facts": [
            ["State", "down" if share == 0 else "full" if share == 1 else f"slowed to {share:.0%}"],
            ["Load of migrations", f"{load * 1e-9:.3g} of {capacity * 1e-9:.3g} Gbit/s"],
            ["Migrations on it", str(len(crossing))],
        ],
        "links": [_link_to(source, "migration", number) for number in crossing[:MOST_ROWS]],
    }


def _migration(source: ReplayedRun, number: int) -> Document:
    row = source.book.row(number)
    facts = [
        ["State", row["state"]],
        ["VM", visible(source.spec.names.vm(row["vm"]))],
        ["From", visible(source.states.links.labels[row["source"]])],
        ["To", visible(source.states.links.labels[row["target"]])],
        ["Strategy", str(row["strategy"])],
        ["Sent", f"{source.states.traffic.sent_bytes(number, source.now_s) / GIB:.4g} GiB"],
        ["Live rounds", str(len(source.book.live_rounds(number)))],
        ["Queued at", _time(row["queued_s"])],
        ["First byte at", _time(row["start_s"])],
        ["Ended at", _time(row["end_s"])],
        ["Downtime", _time(row["resume_s"] - row["pause_s"])],
    ]
    return {
        "title": f"Migration {number}",
        "facts": facts,
        "links": [
            _link_to(source, "vm", row["vm"]),
            _link_to(source, "host", row["source"]),
            _link_to(source, "host", row["target"]),
        ],
    }


def _migrations(source: ReplayedRun, wanted: Callable[[Row], bool]) -> Document:
    """Return the newest migrations of one host or VM until now."""
    rows = []
    for number in range(len(source.book) - 1, -1, -1):
        row = source.book.row(number)
        if wanted(row):
            way = " to ".join(
                visible(source.states.links.labels[row[end]]) for end in ("source", "target")
            )
            vm = visible(source.spec.names.of_vm(row["vm"]))
            rows.append([_link_to(source, "migration", number), vm, way, row["state"]])
        if len(rows) == MOST_ROWS:
            break
    columns = ["no.", "VM", "way", "state"]
    return {"title": "Migrations, the newest first", "columns": columns, "rows": rows}


def _link_to(source: ReplayedRun, kind: Kind, number: int) -> Document:
    if kind == "host":
        text = source.states.links.labels[number]
    elif kind == "vm":
        text = source.spec.names.vm(number)
    else:
        text = str(number)
    return {"kind": kind, "number": number, "text": visible(text)}


def _time(seconds: float) -> str:
    if not math.isfinite(seconds):
        return "-"
    return f"{1000 * seconds:.3g} ms" if 0 < seconds < 1 else f"{seconds:.4g} s"


def find(source: ReplayedRun, text: str) -> list[Document]:
    """Return the hosts and VMs whose names hold a text, or the things of a number, best first."""
    wanted = " ".join(text.lower().split())
    if not wanted:
        return []
    kind, _, rest = wanted.rpartition(" ")
    found = []
    if rest.lstrip("#").isdecimal():
        number = int(rest.lstrip("#"))
        counts: tuple[tuple[Kind, int], ...] = (
            ("host", source.spec.host_count),
            ("vm", source.states.vm_count),
            ("migration", len(source.book)),
        )
        for name, count in counts:
            if kind in ("", name) and number < count:
                one = _link_to(source, name, number)
                if name == "migration":
                    one["text"] = f"migration {number}"
                found.append(one)
    hosts = (host for host in range(source.spec.host_count) if wanted in _label(source, host))
    found += [_link_to(source, "host", host) for host in hosts]
    vms = (vm for vm, own in enumerate(source.spec.names.vms) if own and wanted in own.lower())
    found += [_link_to(source, "vm", vm) for vm in vms]
    unique: dict[tuple[str, int], Document] = {}
    for one in found:
        unique.setdefault((one["kind"], one["number"]), one)
    return list(unique.values())[:MOST_FOUND]


def _label(source: ReplayedRun, host: int) -> str:
    return source.states.links.labels[host].lower()
