"""A scenario as a card in a notebook: what is in the cluster, and what happens to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cluster_emu.html_card import card
from cluster_emu.wording import counted

MOST_GROUPS = 3
MOST_LETTERS = 120
GIB = 2**30


def scenario_card(scenario: Any) -> str:
    """Return the card of a `Scenario`, which has it as `_repr_html_`, as HTML."""
    hosts, vms = counted(scenario.host_count, "host"), counted(scenario.vm_count, "VM")
    return card("Scenario", f"{scenario.name}: {hosts}, {vms}", facts=_facts(scenario))


def _facts(scenario: Any) -> Iterator[tuple[str, str]]:
    if scenario.description:
        yield "description", scenario.description
    yield "topology", _short(scenario.topology)
    yield "hosts", _groups(scenario.hosts)
    if scenario.vms:
        yield "VMs", _groups(scenario.vms)
    if scenario.arrivals is not None:
        yield "VMs come and go", "as in arrivals"
    yield "CPU demand", _short(scenario.workload.demand)
    transfer = scenario.transfer
    stop = transfer.policy or transfer.stop
    yield "migrations", _short(transfer.strategy) + (f", {_short(stop)}" if stop else "")
    asked = [_short(trigger) for trigger in scenario.manager.triggers]
    if scenario.migrations:
        asked.append(counted(len(scenario.migrations), "request"))
    if scenario.maintenance is not None:
        asked.append("a maintenance campaign")
    yield "moved by", "; ".join(asked) or "nothing"
    run = scenario.run
    yield "run", f"{run.duration_s:g} s in ticks of {run.tick_s:g} s, memory model {run.fidelity}"


def _groups(groups: Sequence[Any]) -> str:
    """Return what is in the first groups, and how many more there are."""
    words = [
        f"{group.count:,} of {group.cpu_capacity:g} CPU, {group.memory_bytes / GIB:.3g} GiB"
        for group in groups[:MOST_GROUPS]
    ]
    more = len(groups) - MOST_GROUPS
    return "; ".join(words) + (f"; and {counted(more, 'group')} more" if more > 0 else "")


def _short(part: object) -> str:
    text = str(part)
    return text if len(text) <= MOST_LETTERS else text[:MOST_LETTERS] + " ..."
