"""The search box: hosts, VMs, migrations, switches and racks by name or number."""

from __future__ import annotations

import re

from cluster_emu.live.live_model import LiveModel
from cluster_emu.live.source import Document
from cluster_emu.shown_text import visible

MOST_FOUND = 20
_NUMBERED = re.compile(r"(host|pm|vm|migration|rack)?\s*#?\s*(\d+)$")


def find(model: LiveModel, text: str) -> list[Document]:
    """Return what a text finds, the best first; at most `MOST_FOUND`."""
    wanted = " ".join(text.lower().split())
    if not wanted:
        return []
    found = [*_by_number(model, wanted), *_by_name(model, wanted)]
    unique = {(one["kind"], one["number"]): one for one in reversed(found)}
    ordered = [one for one in found if unique[one["kind"], one["number"]] is one]
    return ordered[:MOST_FOUND]


def _by_number(model: LiveModel, wanted: str) -> list[Document]:
    match = _NUMBERED.match(wanted)
    if match is None:
        return []
    kind, number = match[1], int(match[2])
    state = model.state
    found = []
    if kind in (None, "host", "pm") and number < state.host_count:
        found.append(_one("host", number, model.links.labels[number]))
    if kind in (None, "vm") and number < state.vm_count:
        found.append(_one("vm", number, state.names.vm(number)))
    if kind in (None, "migration") and number < len(model.manager.scheduler.records):
        vm = model.manager.scheduler.records[number].vm
        found.append(_one("migration", number, f"migration {number} of {state.names.vm(vm)}"))
    return found


def _by_name(model: LiveModel, wanted: str) -> list[Document]:
    hosts = model.state.host_count
    labels = model.links.labels
    pools = (
        ("host", ((number, labels[number]) for number in range(hosts))),
        ("vm", enumerate(model.state.names.vms)),
        ("node", ((number, labels[number]) for number in range(hosts, len(labels)))),
    )
    found: list[tuple[bool, int, Document]] = []
    for order, (kind, names) in enumerate(pools):
        for number, name in names:
            if name and wanted in name.lower():
                shown = f"VM {name}" if kind == "vm" else name
                found.append(
                    (not name.lower().startswith(wanted), order, _one(kind, number, shown))
                )
                if len(found) > 50 * MOST_FOUND:
                    break
    found.sort(key=lambda one: one[:2])
    return [one for _, _, one in found]


def _one(kind: str, number: int, text: str) -> Document:
    return {"kind": kind, "number": number, "text": visible(text)}
