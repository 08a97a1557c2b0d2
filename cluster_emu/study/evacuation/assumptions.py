"""What a drain assumes, in sentences: settings of its scenario, limits, how it is measured."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from cluster_emu.scenario import Scenario
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.manager import Manager, Preparing
from cluster_emu.scenario.transfer import Transfer
from cluster_emu.study.evacuation.plan import DrainPlan
from cluster_emu.study.statistics.quantiles import values_needed
from cluster_emu.units import slots_of
from cluster_emu.wording import counted

DRAIN_SHARES = {"p50": 0.5, "p95": 0.95}
"""The quantiles of the drain time that are reported."""


def settings_in_words(scenario: Scenario) -> list[str]:
    """Return a sentence on each setting that the drain's time and its VMs depend on.

    Only on what the scenario sets: encoding and bandwidth, times, costs, slots, queue order,
    affinity, anti-affinity, background traffic, faults.
    """
    transfer, manager = scenario.transfer, scenario.manager
    sentences = [
        _wire(transfer),
        _times(transfer),
        _costs(scenario.costs),
        _preparing(manager.preparing),
        _order(manager),
        _affinity(scenario),
        _anti_affinity(scenario),
        _background(scenario),
        _faults(scenario),
    ]
    return [sentence for sentence in sentences if sentence]


def limits_in_words(plan: DrainPlan) -> str:
    """Return how many migrations may run at once, and how many can."""
    limits = plan.limits
    set_limits = (
        (limits.per_cluster, "in the cluster"),
        (limits.outbound_per_host, "away from a host"),
        (limits.inbound_per_host, "onto a host"),
    )
    known = [f"{limit} {where}" for limit, where in set_limits if limit is not None]
    allowed = ", ".join(known) or "as many as there are"
    return f"Migrations at once: {allowed}; {plan.possible_at_once} possible."


def measures_in_words(scenario: Scenario, runs: int) -> list[str]:
    """Return how drain time and figures per VM are measured over so many runs."""
    interval_s = scenario.run.control_interval_s
    needed = {name: values_needed(share) for name, share in DRAIN_SHARES.items()}
    few = [f"{name} needs {count}" for name, count in needed.items() if runs < count]
    short = f"; with {runs} replications some ends are missing ({', '.join(few)})" if few else ""
    return [
        "Drain time runs from time 0, when the drain is requested, until the last VM has left the "
        "last source host; a drain in which a VM is not drained counts as longer than all others.",
        "The policy repeats an aborted migration, and the drain requests it again every "
        f"{interval_s:g} s while others move; a VM that is still there when nothing moves is "
        "not drained.",
        "A replication has its own seed for placement draw, CPU demand, profiles and writes.",
        f"Intervals of p50 and p95 of the drain time are 95 % order-statistic intervals{short}.",
        "Figures per VM: quantiles over the VMs of a replication, then their mean over the "
        "replications with its 95 % Student t interval. VMs that did not move have no downtime.",
    ]


def _wire(transfer: Transfer) -> str:
    parts = []
    if transfer.encoders:
        chain = ", then ".join(str(encoder) for encoder in transfer.encoders)
        parts.append(f"pages are encoded by {chain}")
    if transfer.channels > 1:
        parts.append(f"{transfer.channels} channels per migration")
    channel_bps = transfer.channel_bandwidth_bps or math.inf
    if channel_bps < math.inf:
        parts.append(f"at most {channel_bps * 1e-6:g} Mbit/s per channel")
    if transfer.bandwidth_bps == math.inf:
        parts.append("no cap per migration")
    elif transfer.bandwidth_bps is not None:
        parts.append(f"at most {transfer.bandwidth_bps * 1e-6:g} Mbit/s per migration")
    if transfer.page_time_s is not None:
        parts.append(f"at most one page per {transfer.page_time_s:g} s")
    return _sentence("In the transfer", parts)


def _times(transfer: Transfer) -> str:
    parts = [
        f"{seconds:g} s to {what}"
        for seconds, what in (
            (transfer.prepare_s, "prepare its target"),
            (transfer.suspend_s, "suspend its VM"),
            (transfer.resume_s, "resume it"),
            (transfer.finish_s, "release its source"),
        )
        if seconds > 0
    ]
    return _sentence("A migration takes", parts)


def _costs(costs: Costs) -> str:
    parts = [
        f"{cpu:g} CPU of its {end}"
        for cpu, end in ((costs.source_cpu, "source"), (costs.target_cpu, "target"))
        if cpu > 0
    ]
    if costs.tracking_slowdown > 0:
        parts.append(f"{costs.tracking_slowdown:.3g} of its VM's CPU time while writes are tracked")
    return _sentence("While it copies, a migration takes", parts)


def _preparing(slots: Preparing | None) -> str:
    if slots is None:
        return ""
    parts = [
        f"{limit} {where}"
        for limit, where in (
            (slots_of(slots.max_per_cluster), "in the cluster"),
            (slots_of(slots.max_outbound_per_host), "away from a host"),
            (slots_of(slots.max_inbound_per_host), "onto a host"),
        )
        if limit is not None
    ]
    return _sentence("Targets prepared at once, with slots of their own", parts or ["no limit"])


def _order(manager: Manager) -> str:
    parts = [] if manager.order.name == "fifo" else [str(manager.order)]
    if manager.interleave:
        parts.append("migrations that copy take turns on the network, one live round each")
    return _sentence("Queue order", parts)


def _affinity(scenario: Scenario) -> str:
    groups = [(group.affinity, group.count) for group in scenario.vms]
    return _sentence("Moved to one host: the VMs of each affinity group", _with_counts(groups))


def _anti_affinity(scenario: Scenario) -> str:
    groups = [(group.anti_affinity, group.count) for group in scenario.vms]
    return _sentence(
        "Never on one host together: the VMs of each anti-affinity group", _with_counts(groups)
    )


def _with_counts(groups: Iterable[tuple[str | None, int]]) -> list[str]:
    vms: Counter[str] = Counter()
    for name, count in groups:
        if name is not None:
            vms[name] += count
    return [f"{name} ({counted(count, 'VM')})" for name, count in vms.items()]


def _background(scenario: Scenario) -> str:
    kinds = Counter(group.kind for group in scenario.background)
    return _sentence(
        "Background traffic",
        [f"{count} x {kind}" for kind, count in kinds.items()],
    )


def _faults(scenario: Scenario) -> str:
    parts = [
        f"{count} x {kind}" for kind, count in Counter(f.kind for f in scenario.faults).items()
    ]
    return _sentence("Faults during the drain", parts)


def _sentence(start: str, parts: list[str]) -> str:
    return f"{start}: {', '.join(parts)}." if parts else ""
