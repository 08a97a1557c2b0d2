"""An inventory as a scenario: plain TOML that a person reads and edits, the same every time."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from cluster_emu.inventory.documents import named
from cluster_emu.inventory.neutral import Guess, Inventory, InventoryHost, InventoryVM
from cluster_emu.units import GIB, MIB
from cluster_emu.wording import counted

KIB = 1024
WORKING_SET_S = 10.0
"""The pages that a measured rate dirties in this time are the working set."""
MOST_HOT = 0.5
LINE = 100

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DIGITS = re.compile(r"(\d+)")

DEFAULTS: dict[str, Any] = {
    "run": {
        "duration_s": "4 h",
        "tick_s": "1 s",
        "control_interval_s": "300 s",
        "stop_when_idle": True,
        "fidelity": "auto",
    },
    "workload": {"demand": "constant:share=0.3", "write_intensity": "constant"},
    "transfer": {
        "strategy": "qemu",
        "device_state_bytes": "1 MiB",
        "suspend_s": "5 ms",
        "resume_s": "20 ms",
    },
}
"""What no dump says about a run, and what a manager with QEMU does."""


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key by which ``host-2`` comes before ``host-10``."""
    parts = _DIGITS.split(name[:1000])
    return tuple((1, int(part[:18]), part) if part.isdecimal() else (0, 0, part) for part in parts)


def scenario_data(found: Inventory, name: str) -> dict[str, Any]:
    """Return the scenario of an inventory without gaps as plain data, in the order of its file."""
    hosts = sorted(
        found.hosts.values(), key=lambda host: (natural(host.rack or ""), natural(host.name))
    )
    place = {host.name: number for number, host in enumerate(hosts)}
    vms = sorted(
        found.vms.values(), key=lambda vm: (place.get(vm.host or "", -1), natural(vm.name))
    )
    racks = [(rack or "", list(inside)) for rack, inside in groupby(hosts, lambda one: one.rack)]
    speeds = [host.link_bps for host in hosts]
    data: dict[str, Any] = {
        "name": name,
        "description": f"Imported from {found.kind}: {counted(len(hosts), 'host')}, "
        f"{counted(len(vms), 'VM')}.",
        "topology": {
            "name": "racks",
            "hosts_per_rack": [len(inside) for _, inside in racks],
            "host_bps": _speed(speeds[0]) if len(set(speeds)) == 1 else list(map(_speed, speeds)),
        },
        "rack_names": [rack for rack, _ in racks],
    }
    data |= {section: dict(fields) for section, fields in DEFAULTS.items()}
    if found.policy:
        data["transfer"]["policy"] = dict(found.policy)
    for path, value in found.limits.items():
        section, _, field = path.partition(".")
        data.setdefault(section, {})[field] = value
    data["hosts"] = list(_grouped(hosts, _host))
    data["vms"] = list(_grouped(vms, _vm))
    return data


def _grouped(members: Sequence[Any], describe: Any) -> Iterator[dict[str, Any]]:
    """Yield neighbours that differ in their names alone as one group."""
    described = ((describe(one), one.name) for one in members)
    for fields, group in groupby(described, lambda pair: pair[0]):
        yield {"names": [name for _, name in group], **fields}


def _host(host: InventoryHost) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "cpu_capacity": _number(host.cpu_capacity or 1.0),
        "memory_bytes": _bytes(host.memory_bytes or GIB),
    }
    return fields if host.schedulable else {**fields, "schedulable": False}


def _vm(vm: InventoryVM) -> dict[str, Any]:
    memory = vm.memory_bytes or GIB
    fields: dict[str, Any] = {} if vm.host is None else {"host": vm.host}
    fields |= {"cpu_capacity": vm.vcpus or 1, "vcpus": vm.vcpus or 1}
    fields["memory_bytes"] = _bytes(memory)
    if vm.memory_used_bytes is not None:
        fields["memory_used_bytes"] = _bytes(vm.memory_used_bytes)
    fields["profile"] = vm.profile or write_profile(
        vm.dirty_bytes_per_s or 0.0, vm.memory_used_bytes or memory
    )
    if not vm.migratable:
        fields["migratable"] = False
    for name in ("anti_affinity", "affinity"):
        if getattr(vm, name):
            fields[name] = getattr(vm, name)
    if vm.allowed_hosts is not None:
        fields["allowed_hosts"] = list(vm.allowed_hosts) or [vm.host or "0"]
    return fields


def write_profile(dirty_bytes_per_s: float, memory_bytes: int) -> dict[str, Any]:
    """Return write classes whose distinct pages in the first second have the given rate.

    The working set is what the rate dirties in `WORKING_SET_S`, at most half of the memory. Its
    pages are written at the rate r for which ``share * memory * (1 - exp(-r))`` is the dirty rate;
    all others are never written.

    Args:
        dirty_bytes_per_s: the rate; more than a third of the memory per second counts as that.
        memory_bytes: memory in use.
    """
    share = min(MOST_HOT, WORKING_SET_S * dirty_bytes_per_s / memory_bytes)
    hot = max(round(share, 6), 1e-6)
    dirtied = min(dirty_bytes_per_s / (hot * memory_bytes), 2 / 3)
    rate = float(f"{-math.log1p(-dirtied):.4g}")
    return {
        "name": "inline",
        "classes": [
            {"share": hot, "writes_per_page_s": rate},
            {"share": round(1.0 - hot, 6), "writes_per_page_s": 0.0},
        ],
    }


def _speed(bps: float | None) -> str:
    giga = (bps or 0.0) / 1e9
    return f"{giga:g} Gbit/s" if float(f"{giga:g}") == giga else f"{bps!r}"


def _bytes(number: int) -> str | int:
    for size, unit in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if number % size == 0:
            return f"{number // size} {unit}"
    return number


def _number(value: float) -> float | int:
    return int(value) if value.is_integer() else value


# --- text ----------------------------------------------------------------------------------------


def scenario_text(data: dict[str, Any], comments: Iterable[str]) -> str:
    """Return the TOML of a scenario, with comments before it."""
    lines = [f"# {line}".rstrip() for line in comments]
    tables = {key: value for key, value in data.items() if _is_section(value)}
    lines += [f"{_key(key)} = {_value(value)}" for key, value in data.items() if key not in tables]
    for key, value in tables.items():
        if isinstance(value, dict):
            lines += ["", f"[{_key(key)}]", *_fields(value)]
        else:
            for one in value:
                lines += ["", f"[[{_key(key)}]]", *_fields(one)]
    return "\n".join(lines) + "\n"


def guesses_in_words(guesses: Iterable[Guess]) -> list[str]:
    """Return one line for each guess: what, for how many, by which rule."""
    return [
        f"{one.what}: {one.rule}; {len(one.names)} ({named(list(one.names))})"
        if one.names
        else f"{one.what}: {one.rule}"
        for one in guesses
    ]


def _is_section(value: Any) -> bool:
    if isinstance(value, dict):
        return "name" not in value
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _fields(fields: dict[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_lines(value)}" for key, value in fields.items()]


def _lines(value: Any) -> str:
    """Return a value; a long list of names has several to a line."""
    text = _value(value)
    if not isinstance(value, list) or len(text) < LINE:
        return text
    lines, line = [], " "
    for item in map(_value, value):
        if len(line) + len(item) > LINE:
            lines.append(line)
            line = " "
        line += f" {item},"
    return "\n".join(["[", *lines, line, "]"])


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=str)
