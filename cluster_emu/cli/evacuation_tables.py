"""Drains as tables to read; imported by the commands when they have run."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from cluster_emu.cli.drains import hosts_in_words
from cluster_emu.cli.output import interval, number, show_lines, show_table

Document = dict[str, Any]

FIGURE = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")
"""A number in a reason, not a part of a name."""
MOST_LINES = 20

PER_VM = {
    "downtime_s": "downtime",
    "queue_wait_s": "wait for its turn",
    "guest_lost_s": "guest time taken by throttling and tracking",
    "fault_stall_s": "stalled by demand faults",
    "cpu_lost_to_migration_s": "CPU lost to migrations",
}


UNITS = {"downtime_s": (1e3, "ms"), "cpu_lost_to_migration_s": (1.0, "CPU s")}
"""Scale and unit of what is not told in seconds."""

CLUSTER = {
    "cpu_lost_to_migration_s": ("CPU lost to migrations, all VMs", "CPU s", 1.0),
    "cpu_lost_by_others_s": ("  of this by VMs that stayed", "CPU s", 1.0),
    "degradation_by_migration": ("  of what a VM wanted, mean", "%", 100.0),
    "cpu_lost_to_overload_s": ("CPU lost to overload, all VMs", "CPU s", 1.0),
    "tenant_lost_share": ("lost by elastic tenants", "%", 100.0),
    "vms_lost": ("VMs lost to faults", "", 1.0),
    "vm_down_s": ("VMs down by faults, in all", "s", 1.0),
}
"""What a drain did to the cluster: label, unit and scale of each figure."""


def show_evacuation(document: Document) -> None:
    """Print a drain: its time, what it was like for the VMs, how migrations ended, assumptions."""
    show_table(
        _title(document),
        ("", "unit", "value", "95 % interval"),
        _drain_rows(document),
        text_columns=2,
    )
    found = document["per_vm"]
    zero = [name for name in found if found[name]["max"]["all_vms"] == 0]
    rows = [row for name in found if name not in zero for row in _vm_rows(name, found[name])]
    show_table("Per VM to move", ("", "unit", "p50", "p95", "max"), rows, text_columns=2)
    show_lines("Zero for every VM", [", ".join(PER_VM[name] for name in zero)])
    show_table(
        "Per drain, all VMs",
        ("", "unit", "mean", "95 % interval"),
        _cluster_rows(document["cluster"]),
        text_columns=2,
    )
    show_lines("Hosts empty after", _hosts(document["hosts_emptied"]))
    show_lines("VMs left behind", _failures(document["failures"]) or ["none"])
    show_lines("Migrations", _endings(document["outcomes"]) or ["none"])
    show_lines("CPU traces", [document["traces"]])
    show_lines("Assumptions", document["assumptions"])


def _title(document: Document) -> str:
    done, wanted = document["replications"], document["replications_wanted"]
    count = f"{done} replications" if done == wanted else f"only {done} of {wanted} replications"
    vms = sorted(set(document["vms_to_move"]))
    moving = f"{vms[0]}" if len(vms) == 1 else f"{vms[0]} to {vms[-1]}"
    return (
        f"{document['scenario']}: {moving} VMs leave {hosts_in_words(document['hosts'])}; "
        f"policy {document['policy']}, strategy {document['strategy']}, {count}"
    )


def _drain_rows(document: Document) -> list[tuple[str, ...]]:
    drain = document["drain_s"]
    rows = [
        (f"drain time, {name}", "s", _reached(drain[name]["value"], drain), _ends(drain[name]))
        for name in ("p50", "p95")
    ]
    mean, sent = drain["mean"], document["bytes"]
    return [
        *rows,
        ("drain time, mean", "s", _reached(mean["mean"], drain), _between(mean["ci95"])),
        ("data sent per drain", "GB", _scaled(sent["mean"], 1e-9), _between(sent["ci95"], 1e-9)),
        ("drains that left no VM", "", f"{drain['drained']} of {drain['runs']}", ""),
    ]


def _reached(value: float | None, drain: Document) -> str:
    return "never" if value is None and drain["runs"] else number(value)


def _scaled(value: float | None, scale: float) -> str:
    return number(None if value is None else value * scale)


def _between(ends: list[float | None], scale: float = 1.0) -> str:
    low, high = ends
    return interval(low, high, scale)


def _ends(found: Document) -> str:
    """Return an interval of which there may be one end only."""
    low, high = found["ci95"]
    if low is not None and high is None:
        return f"{number(low)} or more"
    if low is None and high is not None:
        return f"{number(high)} or less"
    return interval(low, high)


def _vm_rows(name: str, found: Document) -> list[tuple[str, ...]]:
    scale, unit = UNITS.get(name, (1.0, "s"))
    shares = ("p50", "p95", "max")
    pooled = (_scaled(found[share]["all_vms"], scale) for share in shares)
    means = (
        f"{_scaled(found[share]['mean'], scale)} {_between(found[share]['ci95'], scale)}".rstrip()
        for share in shares
    )
    return [
        (PER_VM[name], unit, *pooled),
        ("  its mean [95 %]", "", *means),
    ]


def _cluster_rows(found: Document) -> list[tuple[str, ...]]:
    """Return the rows of all that has happened; what migrations cost is told even if nothing."""
    rows: list[tuple[str, ...]] = []
    for name, (label, unit, scale) in CLUSTER.items():
        one = found.get(name, {"mean": None, "ci95": [None, None]})
        if one["mean"] or (one["mean"] == 0 and name == "cpu_lost_to_migration_s"):
            rows.append((label, unit, _scaled(one["mean"], scale), _between(one["ci95"], scale)))
    return rows


def _hosts(hosts: list[Document]) -> list[str]:
    lines = [f"host {one['host']}: {_when(one['emptied_s'])}" for one in hosts[:MOST_LINES]]
    more = len(hosts) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _when(found: list[float | None]) -> str:
    """Return mean and range of the times at which a host was empty, where it ever was."""
    known = [each for each in found if each is not None]
    if not known:
        return "never"
    mean = f"{number(sum(known) / len(known))} s"
    spread = "" if min(known) == max(known) else f" ({number(min(known))} to {number(max(known))})"
    left = "" if len(known) == len(found) else f", in {len(known)} of {len(found)} drains"
    return f"{mean}{spread}{left}"


def _failures(failures: list[Document]) -> list[str]:
    lines = [
        f"replication {one['replication']}: VM {one['vm']} on host {one['source']}: "
        f"{one['outcome']} ({one['why']}), attempts: {one['attempts']}"
        for one in failures[:MOST_LINES]
    ]
    more = len(failures) - MOST_LINES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _endings(outcomes: list[Document]) -> list[str]:
    """Return how many migrations ended how; reasons that differ in figures alone make one line."""
    counts: Counter[tuple[str, ...]] = Counter()
    figures: dict[tuple[str, ...], list[list[float]]] = {}
    for one in outcomes:
        kind = one["outcome"], *FIGURE.split(one["why"])
        counts[kind] += one["migrations"]
        found = [float(text) for text in FIGURE.findall(one["why"])]
        figures.setdefault(kind, []).append(found)
    return [
        f"{count} {kind[0]}: {_filled(kind[1:], figures[kind])}"
        for kind, count in counts.most_common()
    ]


def _filled(words: tuple[str, ...], figures: list[list[float]]) -> str:
    """Return a reason with the range of each of its figures."""
    spans = [_span(values) for values in zip(*figures, strict=True)]
    return "".join(word + span for word, span in zip(words, [*spans, ""], strict=True))


def _span(values: tuple[float, ...]) -> str:
    low, high = number(min(values)), number(max(values))
    return low if low == high else f"{low} to {high}"
