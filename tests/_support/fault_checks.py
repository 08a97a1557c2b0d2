"""What holds at every instant of a run with faults, and at its end; used by all tests of faults."""

from __future__ import annotations

from collections import Counter

import numpy as np

from cluster_emu.lifecycle.records import Status
from cluster_emu.model import ClusterModel
from cluster_emu.network import Flow
from cluster_emu.transfer.flow import MigrationFlowGroup
from cluster_emu.transfer.migration import Migration
from cluster_emu.transfer.records import COPYING, Phase
from tests._support.record_checks import check_accounts

NEAR = 1e-9
HOLDS_A_SLOT = (Phase.PREPARING, *COPYING, Phase.FINISHING)


def check_now(model: ClusterModel) -> None:
    """Check everything that holds between two ticks."""
    check_vms(model)
    check_memory(model)
    check_migrations(model)
    check_hosts(model)
    check_links(model)


def check_vms(model: ClusterModel) -> None:
    """Every VM is on exactly one host, or lost for a reason; what does not run wants nothing."""
    hosts, vms = model.state.hosts, model.state.vms
    there = vms.host >= 0
    check_lives(model)
    assert np.all((vms.host >= -1) & (vms.host < model.state.host_count))
    assert not np.any(vms.lost & vms.running)
    assert not np.any(vms.booting & vms.running)
    assert not np.any((vms.booting | vms.running) & ~there)
    down = there & ~vms.booting & ~vms.running
    assert np.array_equal(np.isfinite(vms.down_since_s), down)
    assert np.all(vms.demand[~vms.running] == 0)
    assert np.all(vms.intensity[~vms.running] == 0)
    assert np.all(vms.dirty_pages_per_s[~vms.running] == 0)
    assert np.all(vms.cpu_granted[~there] == 0)
    alive = vms.host[~vms.lost & there]
    assert np.array_equal(hosts.vm_count, np.bincount(alive, minlength=model.state.host_count))
    causes = {r.vm for r in model.manager.scheduler.records if r.why.startswith("VM lost: ")}
    assert causes == set(np.flatnonzero(vms.lost).tolist())
    live = model.manager.scheduler.live.values()
    arriving = {each.record.vm for each in live if not each.needs_source}
    for group in np.unique(vms.anti_affinity[vms.anti_affinity >= 0]):
        members = vms.host[(vms.anti_affinity == group) & (vms.running | vms.booting)]
        assert len(np.unique(members)) == len(members)
    on_failed = np.flatnonzero(vms.running & hosts.failed[vms.host])
    assert set(on_failed.tolist()) <= arriving


def check_lives(model: ClusterModel) -> None:
    """Every VM is to come, on one host, waiting, rejected or ended, and counted as such."""
    vms, lifecycle = model.state.vms, model.lifecycle
    if lifecycle is None:
        assert np.all(vms.host >= 0)
        return
    status, now_s = lifecycle.records.status, model.loop.now_s
    nowhere = np.isin(status, [Status.TO_COME, Status.WAITING, Status.ENDED, Status.REJECTED])
    assert np.array_equal(vms.host < 0, nowhere)
    assert np.array_equal(vms.booting, status == Status.BOOTING)
    assert set(lifecycle.booting) == set(np.flatnonzero(vms.booting).tolist())
    waiting = np.flatnonzero(status == Status.WAITING).tolist()
    assert lifecycle.waiting_count == len(waiting)
    assert all(vm in lifecycle._waiting for vm in waiting)
    arrives_s = lifecycle._population.arrives_s
    assert np.all(status[arrives_s < now_s - NEAR] != Status.TO_COME)
    assert np.all(status[arrives_s > now_s + NEAR] == Status.TO_COME)
    assert sorted(agent.index for agent in model.vms) == sorted(
        np.flatnonzero(status == Status.RUNNING).tolist()
    )
    ended = np.isin(status, [Status.ENDED, Status.REJECTED])
    assert np.array_equal(np.isfinite(lifecycle.records.ended_s), ended)


def check_memory(model: ClusterModel) -> None:
    """Memory is reserved for VMs where they are, running or down, and where they are going."""
    hosts, vms = model.state.hosts, model.state.vms
    expected = np.zeros(model.state.host_count, dtype=np.int64)
    holds = ~vms.lost & (vms.host >= 0)
    np.add.at(expected, vms.host[holds], vms.memory_bytes[holds])
    for migration in model.manager.scheduler.live.values():
        record = migration.record
        moved = vms.host[record.vm] == record.target
        expected[record.source if moved else record.target] += vms.memory_bytes[record.vm]
    assert np.array_equal(hosts.memory_reserved_bytes, expected)
    assert np.all(hosts.memory_reserved_bytes <= hosts.memory_bytes)


def check_migrations(model: ClusterModel) -> None:
    """Live migrations are those whose record is open, and are counted where they take part."""
    hosts, vms = model.state.hosts, model.state.vms
    scheduler = model.manager.scheduler
    live: list[Migration] = list(scheduler.live.values())
    open_records = [r.migration for r in scheduler.records if not Phase(r.outcome).is_final]
    assert open_records == sorted(each.record.migration for each in live)
    moving = [each.record.vm for each in live]
    assert sorted(moving) == np.flatnonzero(vms.queued).tolist()
    assert sorted(moving) == np.flatnonzero(vms.target >= 0).tolist()
    assert np.all(vms.migratable[moving])
    assert np.all(vms.running[moving])
    separate = model.spec.manager.preparing is not None
    holders = HOLDS_A_SLOT[1:] if separate else HOLDS_A_SLOT
    awaits_turn = scheduler.active if model.spec.manager.interleave else {}
    with_slot = [
        each.record
        for each in live
        if each.state in holders
        or (each.state is Phase.READY and each.record.migration in awaits_turn)
    ]
    outgoing, incoming = Counter(r.source for r in with_slot), Counter(r.target for r in with_slot)
    count = range(model.state.host_count)
    assert hosts.outgoing.tolist() == [outgoing[host] for host in count]
    assert hosts.incoming.tolist() == [incoming[host] for host in count]
    sending = {each.flow._flow for each in live} - {None}
    assert sending == set(migration_flows(model))
    at_rest = np.ones(model.state.vm_count, dtype=np.bool_)
    at_rest[moving] = False
    assert np.all(vms.speed[at_rest & vms.running] == 1.0)


def migration_flows(model: ClusterModel) -> list[Flow]:
    """Return the flows in the network that belong to migrations, not to background traffic."""
    return [flow for flow in model.loop.flows if isinstance(flow.group, MigrationFlowGroup)]


def check_hosts(model: ClusterModel) -> None:
    """A failed host is off and nothing goes there; a host with running VMs is on."""
    hosts, vms = model.state.hosts, model.state.vms
    assert not np.any(hosts.failed & hosts.switched_on)
    assert np.all(hosts.switched_on[hosts.booting])
    for migration in model.manager.scheduler.live.values():
        assert not hosts.booting[migration.record.target] or migration.state is Phase.QUEUED
    for migration in model.manager.scheduler.live.values():
        assert not hosts.failed[migration.record.target]
        assert not hosts.failed[migration.record.source] or not migration.needs_source
    busy = np.bincount(vms.host[vms.running], minlength=model.state.host_count) > 0
    boots = np.bincount(vms.host[vms.booting], minlength=model.state.host_count) > 0
    assert np.all(hosts.switched_on[boots])
    assert np.all((hosts.switched_on | hosts.failed)[busy])
    assert not np.any(hosts.booting & busy)


def check_links(model: ClusterModel) -> None:
    """No link has ever carried more than it could at the time; one that is down carries nothing."""
    assert model.loop.peak_share().max(initial=0.0) <= 1 + NEAR
    assert np.all(model.loop.link_load() <= model.loop.capacities * (1 + NEAR))


def check_end(model: ClusterModel) -> None:
    """Check what holds when the run is over."""
    check_vms(model)
    check_memory(model)
    hosts, vms = model.state.hosts, model.state.vms
    records = model.manager.scheduler.records
    assert not model.manager.scheduler.live
    for record in records:
        assert Phase(record.outcome).is_final
        assert record.why
        never_began = record.outcome == Phase.UNFINISHED and np.isnan(record.end_s)
        assert never_began or record.queued_s <= record.end_s <= model.state.time_s + NEAR
        if record.outcome == Phase.FAILED:
            assert "crashed in phase" in record.why
            assert np.isnan(record.pause_s) == np.isnan(record.downtime_s)
        if record.outcome == Phase.COMPLETED:
            assert record.downtime_s >= 0
    assert not hosts.outgoing.any()
    assert not hosts.incoming.any()
    assert not vms.queued.any()
    assert np.all(vms.target == -1)
    assert not migration_flows(model)
    summary = model.result().summary
    outcomes = Counter(record.outcome for record in records)
    assert summary["failed"] == outcomes[Phase.FAILED]
    names = [phase.value.replace(" ", "_") for phase in Phase if phase.is_final]
    assert sum(summary[name] for name in names) == summary["migrations"] == len(records)
    assert summary["vms_lost"] == vms.lost.sum()
    delay_s = model.spec.high_availability.restart_delay_s
    assert np.all(vms.down_before_s >= vms.restarts * delay_s * (1 - NEAR))
    assert summary["vm_down_s"] == vms.down_s(model.time_s).sum()
    check_accounts(model)


def run_checked(model: ClusterModel, most_events: int = 200_000) -> ClusterModel:
    """Run to the end, checking everything after every tick and that events do not run wild."""
    events = 0
    count_event = model.loop._count_event

    def counting() -> None:
        nonlocal events
        events += 1
        assert events <= most_events, f"{events} events by {model.loop.now_s} s"
        hosts = model.state.hosts
        assert np.all(hosts.memory_reserved_bytes <= hosts.memory_bytes)
        assert np.all(hosts.memory_reserved_bytes >= 0)
        count_event()

    model.loop._count_event = counting  # type: ignore[method-assign]
    while model.running:
        model.step()
        if model.running:
            check_now(model)
    check_end(model)
    return model
