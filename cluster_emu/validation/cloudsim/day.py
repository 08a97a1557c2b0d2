"""A day of CloudSim's benchmark: 800 hosts, a VM per trace, a plan every 300 s."""

from __future__ import annotations

import math
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import pandas as pd

from cluster_emu.errors import ScenarioError
from cluster_emu.validation.cloudsim import _kernels as kernels
from cluster_emu.validation.cloudsim._kernels import HISTORY_LENGTH, SAMPLE_STEP_S, Floats
from cluster_emu.validation.cloudsim.inventory import measured_watts, new_hosts, new_vms
from cluster_emu.validation.cloudsim.migration_times import FixedTimes, MigrationTimes
from cluster_emu.validation.cloudsim.policies import Policy, policy_named
from cluster_emu.validation.cloudsim.quirks import Quirks

HOSTS = 800
FIRST_TASK_S = 0.1
"""When the VMs' tasks are submitted; ticks follow at 300.1 s, 600.1 s and so on."""
JOULES_PER_KWH = 3.6e6
MOST_HOSTS = 10_000
MOST_CELLS = 50_000_000
"""Hosts times VMs: a host's list has room for all VMs."""


@dataclass(frozen=True, slots=True)
class SlatahCauses:
    """Why the books say that hosts gave less than was asked: shares of that time, 0..1.

    Args:
        cpu_shortage: demands exceeded a host, or a VM's demand exceeded a core.
        arrivals: nothing lacked, but VMs that arrived were booked in full.
        rounding: nothing lacked, but ``x * 0.9 / 0.9`` was less than x.
    """

    cpu_shortage: float
    arrivals: float
    rounding: float


@dataclass(frozen=True, slots=True)
class CloudSimDay:
    """What a day came to; docs/cloudsim.md defines each figure.

    Args:
        policy: name of the policy.
        energy_kwh: energy of all hosts.
        migrations: migrations planned; all start.
        slatah: SLA violation time per active host, 0..1.
        pdm: performance degradation due to migrations, 0..1.
        host_shutdowns: changes of a host from active to not.
        wall_s: time that the day took to compute, without compilation.
        slav: ``slatah * pdm``.
        esv_kwh: ``energy_kwh * slav``.
        overall_sla_violation: CPU asked for and not given, as a share of that asked for.
        average_sla_violation: the same share, averaged over entries in which there was any.
        mean_before_shutdown_s: time that a host was active, mean over shutdowns.
        sd_before_shutdown_s: its standard deviation.
        mean_migration_s: how long VMs migrated. CloudSim calls it the time before a migration.
        sd_migration_s: its standard deviation.
        longest_migration_s: its maximum.
        mean_active_hosts: hosts with any CPU in use, mean over the day.
        late_migrations: migrations that still ran at the next tick.
        planned_twice: migrations of a VM that has another one planned at the same tick.
        slatah_by_cause: what the time in `slatah` consists of.
        events: one row per event: time_s, energy_kwh, active_hosts, vms, migrations (all so far).
    """

    policy: str
    energy_kwh: float
    migrations: int
    slatah: float
    pdm: float
    host_shutdowns: int
    wall_s: float
    slav: float
    esv_kwh: float
    overall_sla_violation: float
    average_sla_violation: float
    mean_before_shutdown_s: float
    sd_before_shutdown_s: float
    mean_migration_s: float
    sd_migration_s: float
    longest_migration_s: float
    mean_active_hosts: float
    late_migrations: int
    planned_twice: int
    slatah_by_cause: SlatahCauses
    events: pd.DataFrame


def simulate_day(
    samples: Floats, policy: str, *, hosts: int = HOSTS, quirks: Quirks | None = None
) -> CloudSimDay:
    """Run a day by CloudSim's rules.

    Args:
        samples: CPU use of each VM as a share 0..1, one sample per 300 s from 0 on, shape [vms,
            samples]. The last tick is that of the last sample.
        policy: a name of `POLICIES`.
        hosts: number of hosts.
        quirks: which oddities it has; all by default.

    Raises:
        UnknownNameError: if there is no such policy.
        ScenarioError: if the VMs do not fit on the hosts, or there are too many of them.
    """
    chosen, quirks = policy_named(policy), quirks or Quirks()
    if not 1 <= hosts <= MOST_HOSTS:
        raise ScenarioError("hosts", hosts, f"a whole number from 1 to {MOST_HOSTS}")
    if hosts * len(samples) > MOST_CELLS:
        most = MOST_CELLS // hosts
        raise ScenarioError("traces", len(samples), f"at most {most} traces for {hosts} hosts")
    if samples.ndim != 2 or samples.shape[1] < 2 or not len(samples):
        raise ScenarioError("samples", samples.shape, "[vms, samples], two samples or more")
    _compile()
    started_s = perf_counter()
    day = _Day(samples, chosen, hosts, quirks)
    day.run()
    return day.result(policy, perf_counter() - started_s)


def _compile() -> None:
    """Run two ticks of four VMs, so that everything is compiled or loaded."""
    day = _Day(np.full((4, 3), 0.1), policy_named("thr-mmt"), 4, Quirks())
    day.run()


class _Day:
    """A day while it is computed."""

    def __init__(self, samples: Floats, policy: Policy, hosts: int, quirks: Quirks) -> None:
        count, sample_count = samples.shape
        self.ticks = sample_count - 1
        self.samples = np.concatenate([samples, samples[:, -1:]], axis=1)  # the last one holds
        self.policy, self.quirks = policy, quirks
        self.hosts, self.vms = new_hosts(hosts), new_vms(count)
        self.on_host = np.zeros((hosts, count), dtype=np.int32)
        self.measured_w = measured_watts()
        self.totals = np.zeros(1, kernels.TOTALS)
        self.rules = np.zeros(1, kernels.RULES)
        self.rules["detection"], self.rules["parameter"] = policy.detection, policy.parameter
        self.rules["selection"] = policy.selection
        self.rules["ignores_memory"] = quirks.ignore_memory
        self.rules["plans_twice"] = quirks.plan_twice
        self.used = np.zeros((count, HISTORY_LENGTH))
        self.loads = np.zeros((len(self.measured_w), count, HISTORY_LENGTH))
        self.mips_of_kind = self.hosts["mips"][: len(self.loads)]
        self.moves = np.zeros((2 * count, 2), dtype=np.int32)
        self.times = _migration_times(quirks, hosts)
        self.last_s = 0.0
        self.migrations = self.late = self.twice = 0
        self.started_s = np.zeros(count)  # of each VM's last migration
        self.events: list[tuple[float, float, int, int, int]] = []

    def run(self) -> None:
        """Place the VMs, then go from tick to tick."""
        self._place()
        now_s = FIRST_TASK_S
        for tick in range(1, self.ticks + 1):
            now_s += SAMPLE_STEP_S
            self._observe(now_s)
            self._enter_event(now_s)
            if self.policy.plans:
                self._plan(now_s, tick)
                self._finish_until(min(now_s + SAMPLE_STEP_S, (self.ticks + 1) * SAMPLE_STEP_S))
        running = self.vms["migrations"] > 0
        self._count_late(self.started_s[running], (self.ticks + 1) * SAMPLE_STEP_S)
        kernels.close_books(self.hosts, self.vms, self.totals)

    def _place(self) -> None:
        first_fit = not self.policy.plans
        homeless = kernels.place_all(self.hosts, self.vms, self.on_host, self.measured_w, first_fit)
        if homeless >= 0:
            wanted = f"enough hosts for {len(self.vms)} VMs; there is room for {homeless}"
            raise ScenarioError("hosts", len(self.hosts), wanted)

    def _observe(self, now_s: float) -> None:
        """Share CPU, keep the books; delete idle VMs."""
        kernels.observe(
            now_s,
            self.last_s,
            self.hosts,
            self.vms,
            self.on_host,
            self.samples,
            self.measured_w,
            self.totals,
        )
        self.last_s = now_s
        if self.quirks.delete_idle_vms:
            kernels.delete_idle_vms(self.hosts, self.vms, self.on_host)

    def _plan(self, now_s: float, tick: int) -> None:
        self.used[:, 1:] = self.used[:, :-1]
        self.used[:, 0] = self.vms["used"]
        for kind, mips in enumerate(self.mips_of_kind):
            self.loads[kind] = self.used * self.vms["mips"][:, None] / mips
        count = kernels.plan_migrations(
            self.rules,
            self.hosts,
            self.vms,
            self.on_host,
            self.used,
            self.loads,
            tick,
            self.measured_w,
            self.moves,
        )
        moves = self.moves[:count].copy()
        self.migrations += count
        self.twice += count - len(np.unique(moves[:, 0]))
        moving = self.vms[moves[:, 0]]
        self.started_s[moves[:, 0]] = now_s
        self.times.start(now_s, moves, moving["host"], moving["ram_mb"])
        kernels.begin_migrations(moves, self.hosts, self.vms, self.on_host)
        self._observe(now_s)

    def _finish_until(self, until_s: float) -> None:
        for now_s, moves in self.times.ended(until_s):
            self._observe(now_s)
            self._enter_event(now_s)
            kernels.finish_migrations(moves, self.hosts, self.vms, self.on_host)
            self._count_late(self.started_s[moves[:, 0]], now_s)
            self._observe(now_s)
            self._enter_event(now_s)

    def _count_late(self, started_s: Floats, now_s: float) -> None:
        self.late += int(np.count_nonzero(now_s - started_s > SAMPLE_STEP_S))

    def _enter_event(self, now_s: float) -> None:
        energy_kwh = float(self.totals["energy_ws"][0]) / JOULES_PER_KWH
        active = int(np.count_nonzero(self.hosts["utilisation"] > 0.0))
        alive = len(self.vms) - int(np.count_nonzero(self.vms["is_gone"]))
        self.events.append((now_s, energy_kwh, active, alive, self.migrations))

    def result(self, policy: str, wall_s: float) -> CloudSimDay:
        """Return the figures of the day."""
        sums = {name: self.totals[name][0].item() for name in kernels.TOTALS.names or ()}
        violated_s, requested = sums["violated_s"], sums["requested"]
        counted_s = violated_s if self.quirks.book_arrivals_in_full else sums["shortage_s"]
        energy_kwh = sums["energy_ws"] / JOULES_PER_KWH
        slatah = _ratio(counted_s, sums["active_s"])
        pdm = _ratio(sums["lost_to_migrations"], requested)
        shutdowns, completed = sums["shutdowns"], sums["completed"]
        before_s, migrating_s = sums["before_shutdown_s"], sums["migrating_s"]
        columns = ["time_s", "energy_kwh", "active_hosts", "vms", "migrations"]
        return CloudSimDay(
            policy=policy,
            energy_kwh=energy_kwh,
            migrations=self.migrations,
            slatah=slatah,
            pdm=pdm,
            host_shutdowns=sums["shutdowns"],
            wall_s=wall_s,
            slav=slatah * pdm,
            esv_kwh=energy_kwh * slatah * pdm,
            overall_sla_violation=_ratio(requested - sums["allocated"], requested),
            average_sla_violation=_ratio(sums["violation_shares"], sums["violations"]),
            mean_before_shutdown_s=_ratio(before_s, shutdowns),
            sd_before_shutdown_s=_deviation(before_s, sums["before_shutdown_s2"], shutdowns),
            mean_migration_s=_ratio(migrating_s, completed),
            sd_migration_s=_deviation(migrating_s, sums["migrating_s2"], completed),
            longest_migration_s=sums["longest_migration_s"],
            mean_active_hosts=sums["active_s"] / ((self.ticks + 1) * SAMPLE_STEP_S),
            late_migrations=self.late,
            planned_twice=self.twice,
            slatah_by_cause=SlatahCauses(
                _ratio(sums["shortage_s"], violated_s),
                _ratio(sums["arrivals_s"], violated_s),
                _ratio(sums["rounding_s"], violated_s),
            ),
            events=pd.DataFrame(self.events, columns=columns),
        )


def _ratio(part: float, whole: float) -> float:
    """Return part / whole, and 0 where there is nothing of it."""
    return part / whole if whole else 0.0


def _deviation(total: float, squares: float, count: int) -> float:
    """Return the standard deviation of a sample from its sums."""
    if count < 2:
        return 0.0
    return math.sqrt(max(squares - total * total / count, 0.0) / (count - 1))


def _migration_times(quirks: Quirks, hosts: int) -> MigrationTimes:
    if quirks.ignore_shared_links:
        return FixedTimes()
    # CloudSim's own rules need no network, and networkx takes much memory.
    from cluster_emu.validation.cloudsim.shared_links import SharedLinks

    return SharedLinks(hosts)
