"""The cluster as a Mesa model: one step is one tick, a tick is four phases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mesa import Agent, DataCollector, Model
from mesa.discrete_space import Network

from cluster_emu.agents import MigrationManager, PhysicalMachine, VirtualMachine
from cluster_emu.building import RunComponents, build
from cluster_emu.clock import Clock
from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.placement.targets import another_target
from cluster_emu.consolidation.plan import Plan
from cluster_emu.errors import ScenarioError
from cluster_emu.faults import FaultRow, HostFaults, Injection, LinkFaults, Restarts
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.metrics.aggregations import RunFigures
from cluster_emu.metrics.cost_accounting import CostAccounting
from cluster_emu.metrics.summary import summarise
from cluster_emu.network import BackgroundFlowRow
from cluster_emu.results.recorder import Recorder
from cluster_emu.results.run_result import RunResult, rows_to_table
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Costs, Request, Scenario, load_scenario
from cluster_emu.scheduling.overhead import MigrationOverhead
from cluster_emu.scheduling.scheduler import MigrationScheduler
from cluster_emu.transfer.records import LimitRecord, MigrationRecord, RoundRecord

ProgressCallback = Callable[[float, float], None]
"""Called with how much is done and how much there is: simulated seconds, or runs of a study."""


class ClusterModel(Model):
    """A cluster whose VMs write memory and migrate, one tick per step.

    Every step runs four phases in this order: **workload** (CPU demand and write intensity),
    **manage** (at control instants the manager plans migrations), **transfer** (migrations run
    through the fluid network, exactly, independent of the tick), **account** (cost of the tick).

    Args:
        scenario: a `Scenario`, the name of a built-in one, or the path of a TOML file.
        strategy: replaces the scenario's transfer strategy, as ``"time-series:threshold=4"``.
        rng: the run's seed, a whole number >= 0; None draws one (kept in `seed`).
        stream_to: folder to write the tables `hosts`, `vms` and `links` to as they grow, instead of
            keeping them: memory then does not grow with simulated time. They stand under their
            names once the run is over; an interrupted one leaves ``NAME.partial.parquet``,
            which can be read after `close`.
        fields: values for other fields of the scenario by dotted path, for example
            ``**{"transfer.stop": "qemu"}``.

    Raises:
        ClusterEmuError: if the scenario is not valid; the message names the field.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path = "single",
        strategy: str | None = None,
        rng: int | None = 0,
        stream_to: Path | None = None,
        **fields: Any,
    ) -> None:
        self.seed = _checked_seed(rng)
        super().__init__(rng=self.seed)
        self.spec = _chosen(scenario, strategy, fields)
        parts = build(self.spec, RandomStreams(self.seed))
        self.state = parts.state
        self.graph = parts.graph
        self.links = parts.links
        self.loop = parts.factory.loop
        self.clock = Clock(self.spec.run)
        self._demand = parts.demand
        self._intensity = parts.intensity
        sources = [memory.source for memory in parts.factory.memory]
        self._sources, self._source_of = _numbered(sources)
        self._background = parts.background
        self._power = parts.power
        self._rounds = parts.factory.rounds
        self._limits = parts.factory.limits
        self._traces = parts.traces
        self._assumptions = parts.assumptions
        self._costs = CostAccounting(self.state, parts.power)
        self._recorder = Recorder(self.state, self.links, stream_to)
        self._notes: list[str] = []
        self._make_agents(parts.profiles)
        self.manager = MigrationManager(
            self,
            self.state,
            parts.planner,
            MigrationScheduler(
                parts.factory,
                parts.queue,
                self._overhead_of(self.spec.costs),
                self._another_target,
                switch_off_empty_hosts=self.spec.manager.switch_off_empty_hosts,
            ),
        )
        self._injection = self._set_up_faults(parts)
        for request in self.spec.migrations:
            self._schedule(request)
        self._demand_changes_s = self._intensity_changes_s = 0.0
        self.workload(0.0)
        self.datacollector = DataCollector(
            model_reporters={
                "time_s": "time_s",
                "hosts_on": "hosts_on",
                "migrations_running": "migrations_running",
                "migrations_queued": "migrations_queued",
                "migrations_ended": "migrations_ended",
                "mean_utilisation": "mean_utilisation",
                "power_w": "power_w",
                "energy_kwh": "energy_kwh",
            }
        )

    def _make_agents(self, profiles: list[str]) -> None:
        self.grid = Network(self.graph, capacity=None, random=self.random)
        self.machines: list[PhysicalMachine] = []
        for index in range(self.state.host_count):
            machine = PhysicalMachine(self, index, self.state)
            machine.cell = self.grid[index]  # a FixedAgent is placed once
            self.machines.append(machine)
        self.vms = [
            VirtualMachine(self, index, self.state, profile)
            for index, profile in enumerate(profiles)
        ]

    def _overhead_of(self, costs: Costs) -> MigrationOverhead:
        return MigrationOverhead(
            self.state, self._costs.service, costs.source_cpu, costs.target_cpu
        )

    def _set_up_faults(self, parts: RunComponents) -> Injection:
        loop, scheduler = self.loop, self.manager.scheduler
        settings, watts = self.spec.high_availability, self._power.watts_if_on
        restarts = Restarts(settings, self.state, loop, watts, self._demand.at, self._vms_changed)
        hosts = HostFaults(settings, self.state, scheduler, restarts, self._vms_changed)
        capacity = self.links.capacity_bytes_per_s
        links = LinkFaults(lambda link, factor: loop.set_capacity(link, factor * capacity[link]))
        return Injection(parts.outages, loop, hosts, links)

    # --- one tick --------------------------------------------------------------------------------

    def step(self) -> None:
        """Advance the cluster by one tick."""
        start_s, end_s = self.clock.tick(self.steps - 1)
        self.workload(start_s)
        self.manage(start_s)
        self.transfer(end_s)
        self.account(end_s)

    def workload(self, now_s: float) -> None:
        """Set what VMs want and write where it may have changed; share the hosts' CPU."""
        if now_s >= self._demand_changes_s:
            self._set_demand(now_s)
        if now_s >= self._intensity_changes_s:
            self._set_intensity(now_s)
        self.state.refresh()

    def _vms_changed(self, now_s: float) -> None:
        """Set the workload after VMs have gone down or were restarted."""
        self._set_demand(now_s)
        self._set_intensity(now_s)
        self.state.refresh()

    def _set_demand(self, now_s: float) -> None:
        """Set every VM's CPU demand, and until when it holds."""
        self.state.set_demand(self._demand.at(now_s), now_s)
        self._demand_changes_s = self._demand.next_change(now_s)

    def _set_intensity(self, now_s: float) -> None:
        """Set every VM's write intensity and dirty rate, and until when they hold."""
        vms = self.state.vms
        intensity = self._intensity.levels(now_s) * vms.running
        changed = np.flatnonzero(intensity != vms.intensity)
        source_of_changed = self._source_of[changed]
        for number in np.unique(source_of_changed).tolist():
            some = changed[source_of_changed == number]
            dirty = self._sources[number].dirty_pages_per_s(vms.page_count[some], intensity[some])
            self.state.set_intensity(some, intensity[some], dirty)
        self._intensity_changes_s = min(self._demand_changes_s, self._intensity.constant_until())

    def manage(self, now_s: float) -> None:
        """Let the manager plan, if this is a control instant."""
        if self.clock.is_control_instant(now_s):
            self.manager.plan(now_s)
            self.loop.run_until(now_s)  # requests at this instant must be visible
            self._observe(now_s)

    def transfer(self, end_s: float) -> None:
        """Run migrations up to the end of the tick, with demand changing when it changes."""
        while (change_s := self._demand_changes_s) < end_s:
            self.loop.run_until(change_s)
            self.workload(change_s)
        self.loop.run_until(end_s)
        self.state.time_s = end_s

    def account(self, end_s: float) -> None:
        """Accrue the cost of the tick and stop the run when its time is over."""
        self.state.accrue(end_s)
        self.datacollector.collect(self)
        if end_s >= self.clock.duration_s or (self.spec.run.stop_when_idle and self._is_idle):
            self._end(end_s)

    # --- runs and results ------------------------------------------------------------------------

    def run(self, progress: ProgressCallback | None = None) -> RunResult:
        """Step until the run is over and return its result.

        Ticks in which nothing can happen are skipped, unless a subclass has a `step` of its own.
        The data collector has no rows of skipped ticks. Integrals over time (energy, service) are
        sums of fewer terms than with every tick stepped, and differ from these by rounding alone.

        Args:
            progress: called before each step with the simulated seconds gone and in all.
        """
        may_skip = type(self).step is ClusterModel.step
        while self.running:
            if may_skip:
                self._skip_quiet_ticks()
            if progress is not None:
                progress(self.time_s, self.clock.duration_s)
            self.step()
        return self.result()

    def _skip_quiet_ticks(self) -> None:
        """Go to the next tick with an event, a change of demand or a control instant."""
        start_s = self.clock.tick(self.steps)[0]
        quiet_until_s = min(
            self.loop.next_event_s(),
            self._demand.next_change(self.state.time_s),
            self.clock.next_control_s(start_s),
            self.clock.duration_s,
        )
        skipped = self.clock.ticks_before(self.steps, quiet_until_s)
        if skipped > 0:
            self.workload(start_s)  # demand may change at this very instant
            self.steps += skipped
            self.state.time_s = self.clock.tick(self.steps)[0]
            self.loop.run_until(self.state.time_s)

    def result(self) -> RunResult:
        """Return the tables of everything so far; without those written to `stream_to`."""
        records = self.manager.scheduler.records
        tables = {
            "migrations": rows_to_table(records, MigrationRecord),
            "rounds": rows_to_table(self._rounds, RoundRecord),
            "limits": rows_to_table(self._limits.rows(), LimitRecord),
            **self._recorder.tables(),
            "service": self._costs.service.table(),
            "background": rows_to_table(self._background.rows(self.loop.now_s), BackgroundFlowRow),
            "faults": rows_to_table(self._injection.rows, FaultRow),
        }
        tables["summary"] = summarise(RunFigures(tables, self._cluster_figures()))
        return RunResult(
            tables=tables,
            scenario=self.spec.model_dump(mode="json"),
            seed=self.seed,
            traces=self._traces,
            assumptions=self._assumptions,
            notes=tuple(self._notes) + self._policy_notes(),
        )

    def close(self) -> None:
        """Let go of files and agents: Mesa 3.3 keeps a reference to every model that had one."""
        self._recorder.close()
        self.remove_all_agents()
        getattr(Agent, "_ids", {}).pop(self, None)  # Mesa from 3.4 on keeps no such table

    def _end(self, now_s: float) -> None:
        self.running = False
        self.manager.scheduler.end_run(now_s)
        self._notes += [
            f"request at {request.at_s:g} s not carried out: the run ended at {now_s:g} s"
            for request in self.spec.migrations
            if request.at_s > now_s
        ]
        self._observe(now_s)
        self._recorder.finish()

    @property
    def _is_idle(self) -> bool:
        asked_for = all(request.at_s <= self.state.time_s for request in self.spec.migrations)
        return asked_for and self.manager.scheduler.idle

    def _schedule(self, request: Request) -> None:
        def ask(now_s: float) -> None:
            try:
                self.manager.migrate(request.vm, request.target, now_s)
            except ValueError as error:
                self._notes.append(f"request at {now_s:g} s not carried out: {error}")

        self.loop.call_at(request.at_s, ask)

    def _observe(self, now_s: float) -> None:
        self.state.refresh()
        kwh = self._costs.meter.host_energy_kwh
        self._recorder.observe(now_s, self._watts(), kwh, self.loop.bytes_carried)

    def _cluster_figures(self) -> dict[str, float]:
        vms = self.state.vms
        return {
            **self._costs.figures(),
            **self._background.figures(self.loop.now_s),
            "peak_link_share": float(self.loop.peak_share().max(initial=0.0)),
            "fault_count": len(self._injection.rows),
            "vms_lost": int(vms.lost.sum()),
            "vm_down_s": float(vms.down_s(self._costs.accrued_until_s).sum()),
            "vm_restarts": int(vms.restarts.sum()),
        }

    def _policy_notes(self) -> tuple[str, ...]:
        """Say what the policies did over the whole run, so that doing nothing is explained too."""
        last = {report.trigger: (now, report) for now, report in self.manager.reports}
        moves: dict[str, int] = {}
        for _, report in self.manager.reports:
            moves[report.trigger] = moves.get(report.trigger, 0) + report.moves
        return tuple(
            f"{name}: {moves[name]} moves in {self.clock.control_instants(now)} control instants; "
            f"at {now:g} s: {report.note}"
            for name, (now, report) in last.items()
        )

    # --- the columns of this instant -------------------------------------------------------------

    def _watts(self) -> FloatColumn:
        hosts = self.state.hosts
        return self._power.watts(hosts.utilisation, hosts.switched_on)

    def _another_target(self, vm: int) -> int | None:
        return another_target(Plan.of(self.state, self._power.watts_if_on), vm)

    # --- what Mesa's data collector and pictures ask for -----------------------------------------

    @property
    def time_s(self) -> float:
        """Simulated time in seconds."""
        return self.state.time_s

    @property
    def hosts_on(self) -> int:
        """Machines that are switched on."""
        return int(self.state.hosts.switched_on.sum())

    @property
    def migrations_running(self) -> int:
        """Migrations under way."""
        return len(self.manager.scheduler.active)

    @property
    def migrations_queued(self) -> int:
        """Migrations that wait for their turn."""
        return self.manager.scheduler.queue_length

    @property
    def migrations_ended(self) -> int:
        """Migrations that are over, however they ended."""
        return self.manager.scheduler.ended_count

    @property
    def mean_utilisation(self) -> float:
        """Mean CPU utilisation of the machines that are switched on."""
        hosts = self.state.hosts
        return float(hosts.utilisation[hosts.switched_on].mean()) if self.hosts_on else 0.0

    @property
    def power_w(self) -> float:
        """Power of the whole cluster."""
        return float(self._watts().sum())

    @property
    def energy_kwh(self) -> float:
        """Energy of the whole cluster so far."""
        return self._costs.meter.energy_kwh


def _checked_seed(rng: object) -> int:
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise ScenarioError("rng", rng, "a whole number >= 0, or None to draw a seed")
    return int(rng)


def _chosen(
    scenario: Scenario | str | Path, strategy: str | None, fields: dict[str, Any]
) -> Scenario:
    chosen = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    if strategy is not None:
        fields = {"transfer.strategy": strategy, **fields}
    return chosen.with_fields(fields) if fields else chosen


def _numbered(sources: Sequence[WriteSource]) -> tuple[list[WriteSource], IntColumn]:
    """Return the recipes of page writes that differ, and the number of each VM's own, [vms]."""
    number: dict[int, int] = {}
    of = [number.setdefault(id(source), len(number)) for source in sources]
    found = dict(zip(of, sources, strict=True))
    return list(found.values()), np.array(of)
