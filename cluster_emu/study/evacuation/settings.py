"""What is set in a scenario that a drain depends on, in sentences."""

from __future__ import annotations

from collections import Counter

from cluster_emu.scenario import Scenario
from cluster_emu.scenario.costs import Costs
from cluster_emu.scenario.manager import Manager, Preparing
from cluster_emu.scenario.transfer import Transfer


def settings_in_words(scenario: Scenario) -> list[str]:
    """Return a sentence on each of these that is set: wire, times, costs, queue, tenants, faults.

    Those on which a drain's time and its VMs depend, and that are off unless a scenario says so.
    """
    transfer, manager = scenario.transfer, scenario.manager
    said = [
        _wire(transfer),
        _times(transfer),
        _costs(scenario.costs),
        _preparing(manager.preparing),
        _order(manager),
        _tenants(scenario),
        _faults(scenario),
    ]
    return [sentence for sentence in said if sentence]


def _wire(transfer: Transfer) -> str:
    told = []
    if transfer.encoders:
        chain = ", then ".join(str(encoder) for encoder in transfer.encoders)
        told.append(f"pages are encoded by {chain}")
    if transfer.channels > 1:
        told.append(f"{transfer.channels} channels per migration")
    if transfer.channel_bandwidth_bps is not None:
        told.append(f"at most {transfer.channel_bandwidth_bps * 1e-6:g} Mbit/s per channel")
    if transfer.bandwidth_bps is not None:
        told.append(f"at most {transfer.bandwidth_bps * 1e-6:g} Mbit/s per migration")
    if transfer.page_time_s is not None:
        told.append(f"at most one page per {transfer.page_time_s:g} s")
    return _sentence("On the wire", told)


def _times(transfer: Transfer) -> str:
    told = [
        f"{seconds:g} s to {what}"
        for seconds, what in (
            (transfer.prepare_s, "prepare its target"),
            (transfer.suspend_s, "suspend its VM"),
            (transfer.resume_s, "resume it"),
            (transfer.finish_s, "release its source"),
        )
        if seconds > 0
    ]
    return _sentence("A migration takes", told)


def _costs(costs: Costs) -> str:
    told = [
        f"{cpu:g} CPU of its {end}"
        for cpu, end in ((costs.source_cpu, "source"), (costs.target_cpu, "target"))
        if cpu > 0
    ]
    if costs.tracking_slowdown > 0:
        told.append(f"{costs.tracking_slowdown:.3g} of its VM's CPU time while writes are tracked")
    return _sentence("While it copies, a migration takes", told)


def _preparing(slots: Preparing | None) -> str:
    if slots is None:
        return ""
    told = [
        f"{limit} {where}"
        for limit, where in (
            (slots.max_per_cluster, "in the cluster"),
            (slots.max_outbound_per_host, "away from a host"),
            (slots.max_inbound_per_host, "onto a host"),
        )
        if limit is not None
    ]
    return _sentence("Targets prepared at once, with slots of their own", told or ["no limit"])


def _order(manager: Manager) -> str:
    told = [] if manager.order.name == "fifo" else [str(manager.order)]
    if manager.interleave:
        told.append("those that copy take turns on the network, one live round each")
    return _sentence("Queue order", told)


def _tenants(scenario: Scenario) -> str:
    kinds = Counter(group.kind for group in scenario.background)
    return _sentence(
        "Tenants in the background",
        [f"{count} x {kind}" for kind, count in kinds.items()],
    )


def _faults(scenario: Scenario) -> str:
    told = [f"{count} x {kind}" for kind, count in Counter(f.kind for f in scenario.faults).items()]
    return _sentence("Faults that strike meanwhile", told)


def _sentence(start: str, told: list[str]) -> str:
    return f"{start}: {', '.join(told)}." if told else ""
