"""The cluster as a Mesa model: one step is one tick, a tick is four phases."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from mesa import DataCollector, Model
from mesa.discrete_space import Network

from cluster_emu import mesa_releases, snapshot
from cluster_emu.agents import (
    AGENT_REPORTERS,
    MigrationManager,
    PhysicalMachine,
    VirtualMachine,
)
from cluster_emu.building import RunComponents, build, with_own_files
from cluster_emu.clock import TOLERANCE, Clock
from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.consolidation.placement.targets import another_target
from cluster_emu.consolidation.plan import Plan
from cluster_emu.errors import RequestRefusedError, ScenarioError
from cluster_emu.faults import FaultRow, HostFaults, Injection, LinkFaults, Outage, Restarts
from cluster_emu.lifecycle.choosing import HostChooser
from cluster_emu.lifecycle.lifecycle import VMLifecycle
from cluster_emu.lifecycle.resizing import Resizing
from cluster_emu.maintenance import Campaign, HostRecord, Targets
from cluster_emu.memory.base import MemoryModel, VMMemory
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.metrics.aggregations import RunFigures
from cluster_emu.metrics.carbon import CarbonMeter
from cluster_emu.metrics.cost_accounting import CostAccounting
from cluster_emu.metrics.summary import summarise
from cluster_emu.network import BackgroundFlowRow
from cluster_emu.network.links import LinkUse, load_figures
from cluster_emu.results.display import Displayed, view
from cluster_emu.results.naming import with_names
from cluster_emu.results.recorder import STREAMED_TABLES, Recorder
from cluster_emu.results.run_result import RunResult, rows_to_table
from cluster_emu.rng import RandomStreams, Stream, seed_from
from cluster_emu.scenario import Costs, Request, Scenario, load_scenario
from cluster_emu.scheduling.overhead import MigrationOverhead
from cluster_emu.scheduling.scheduler import MigrationScheduler
from cluster_emu.strategies.contract import Strategy
from cluster_emu.transfer.records import LimitRecord, MigrationRecord, MigrationTally, RoundRecord
from cluster_emu.wording import counted

BY_USER = "cancelled by the user"

COMPILED_FROM_VMS = 5_000
"""With so many VMs that come and go, loading machine code takes less time than it saves."""

MOST_NAMED = 10
"""VMs that a note names one by one."""

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ProgressCallback = Callable[[float, float], None]
"""Called with how much is done and how much there is: simulated seconds, or runs of a study."""


MODEL_REPORTERS = (
    "seed",
    "time_s",
    "hosts_on",
    "migrations_running",
    "migrations_queued",
    "migrations_ended",
    "migrations_completed",
    "mean_total_time_s",
    "mean_downtime_s",
    "mean_fault_stall_s",
    "mean_bytes",
    "bytes_sent",
    "mean_utilisation",
    "power_w",
    "energy_kwh",
)
"""What the data collector keeps per tick: attributes of the model."""


class ClusterModel(Displayed, Model):
    """A cluster whose VMs write memory and migrate, one tick per step.

    Every step runs four phases in this order: **workload** (CPU demand and write intensity),
    **manage** (at control instants the manager plans migrations), **transfer** (migrations run
    through the fluid network, exactly, independent of the tick), **account** (cost of the tick).

    Args:
        scenario: a `Scenario`, the name of a built-in one, or the path of a TOML file; or a
            `Scenario` of Mesa, whose parameters are arguments of this class, `rng` among them.
        strategy: replaces the scenario's transfer strategy, as ``"time-series:threshold=4"``.
        rng: the run's seed, as `seed_from` reads it: a whole number >= 0; None draws one. It is
            kept in `seed`.
        stream_to: folder to write the tables `hosts`, `vms` and `links` to as they grow, instead of
            keeping them. They stand under their names once the run is over; an interrupted one
            leaves ``NAME.partial.parquet``, which can be read after `close` (`RunResult.save` of
            a run that `simulate` was interrupted in gives them their names). The data collector
            and `manager.reports` then stay empty, so that memory does not grow with simulated
            time; it grows with the number of migrations alone.
        agent_reporters: whether the data collector keeps a row per agent and tick, too. That is
            dear with thousands of VMs, and `mesa.batch_run` then returns a row per agent.
        kwargs: values for other fields of the scenario by dotted path, for example
            ``**{"transfer.stop": "qemu"}``. SolaraViz of Mesa 3.3 wants this name.

    Raises:
        ClusterEmuError: if the scenario is not valid; the message names the field.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path = "single",
        strategy: str | None = None,
        rng: Any = None,
        stream_to: Path | None = None,
        agent_reporters: bool = False,
        **kwargs: Any,
    ) -> None:
        held = mesa_releases.parameters_of(scenario)
        if held is not None:
            given = {"strategy": strategy, "rng": rng, "stream_to": stream_to}
            given |= {"agent_reporters": agent_reporters or None}
            given = {name: value for name, value in given.items() if value is not None}
            ClusterModel.__init__(self, **{**held, **given, **kwargs})
            self.scenario = scenario
            return
        self.spec = _chosen(scenario, strategy, kwargs)
        self.seed = seed_from(rng)
        super().__init__(rng=self.seed)
        self._mesa_scenario = None  # Mesa makes an empty one
        self._is_over = False
        mesa_releases.count_ticks(self, self._take_tick)
        parts = build(self.spec, RandomStreams(self.seed))
        self._own_spec = with_own_files(self.spec)  # now, as a file may change during the run
        self.state = parts.state
        self._factory = parts.factory
        self.graph = parts.graph
        self.links = parts.links
        self.loop = parts.factory.loop
        self._router = parts.factory.router
        self.clock = Clock(self.spec.run)
        self._demand = parts.demand
        self._intensity = parts.intensity
        self._memory = parts.factory.memory
        self._used_pages = self._memory.used_pages(0.0)
        sources = [memory.source for memory in self._memory.memory]
        self._sources, self._source_of = _numbered(sources)
        self._background = parts.background
        self._power = parts.power
        self._rounds = parts.factory.rounds
        self._limits = parts.factory.limits
        self._traces = parts.traces
        self._assumptions = parts.assumptions
        self._costs = CostAccounting(self.state, parts.power)
        self._carbon = None
        if parts.carbon is not None:
            self._carbon = CarbonMeter(self._costs.meter, parts.carbon)
            self._await_carbon_change(self._carbon)
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
            keep_reports=stream_to is None,
        )
        self._injection = self._set_up_faults(parts)
        self.lifecycle = self._set_up_lifecycle(parts)
        self.campaign = self._set_up_maintenance(parts)
        for request in self.spec.migrations:
            self._schedule(request)
        self._demand_changes_s = self._intensity_changes_s = 0.0
        self.workload(0.0)
        scheduler = self.manager.scheduler
        self.tally = MigrationTally(
            scheduler.records, scheduler.live, parts.factory.flow_group, self.state.vm_count
        )
        self.datacollector = DataCollector(
            model_reporters={name: name for name in MODEL_REPORTERS},
            agent_reporters=AGENT_REPORTERS if agent_reporters else None,
        )

    def _make_agents(self, profiles: list[str]) -> None:
        self.grid = Network(self.graph, capacity=None, random=self.random)
        self.machines: list[PhysicalMachine] = []
        for index in range(self.state.host_count):
            machine = PhysicalMachine(self, index, self.state)
            machine.cell = self.grid[index]  # a FixedAgent is placed once
            self.machines.append(machine)
        self._profiles = profiles
        there = np.flatnonzero(self.state.vms.host >= 0).tolist()
        self._vm_agents = {vm: VirtualMachine(self, vm, self.state, profiles[vm]) for vm in there}

    @property
    def scenario(self) -> Any:
        """The `Scenario` of Mesa that the model was made from; None without one.

        SolaraViz of Mesa 3.5 makes a new one when it resets a model that has one, in place of the
        parameter `scenario`.
        """
        return getattr(self, "_mesa_scenario", None)

    @scenario.setter
    def scenario(self, scenario: Any) -> None:
        self._mesa_scenario = scenario
        scenario.model = self

    @property
    def vms(self) -> list[VirtualMachine]:
        """The VMs that are on a host, by number; without arrivals, VM i is the i-th of them."""
        return [self._vm_agents[vm] for vm in sorted(self._vm_agents)]

    def _overhead_of(self, costs: Costs) -> MigrationOverhead:
        return MigrationOverhead(
            self.state, self._costs.service, costs.source_cpu, costs.target_cpu
        )

    def _await_carbon_change(self, carbon: CarbonMeter) -> None:
        """Account at the exact times at which the carbon intensity changes."""

        def change(now_s: float) -> None:
            self.state.accrue(now_s)
            carbon.change()
            self._await_carbon_change(carbon)

        change_s = carbon.next_change_s()
        if change_s < self.clock.duration_s:
            self.loop.call_at(change_s, change)

    def _set_up_faults(self, parts: RunComponents) -> Injection:
        loop, scheduler = self.loop, self.manager.scheduler
        settings, watts = self.spec.high_availability, self._power.watts_if_on
        self._restarts = Restarts(
            settings,
            self.state,
            loop,
            scheduler.switching,
            watts,
            self._demand.at,
            self._vms_changed,
        )
        hosts = HostFaults(settings, self.state, scheduler, self._restarts, self._vms_changed)
        capacity = self.links.capacity_bytes_per_s
        links = LinkFaults(lambda link, factor: loop.set_capacity(link, factor * capacity[link]))
        self._host_faults = hosts
        return Injection(parts.outages, loop, hosts, links)

    def _set_up_lifecycle(self, parts: RunComponents) -> VMLifecycle | None:
        """Let VMs come and go, if the scenario has arrivals."""
        settings, placement = self.spec.arrivals, parts.arrival_placement
        if settings is None or placement is None:
            return None
        scheduler, streams = self.manager.scheduler, RandomStreams(self.seed)
        if len(parts.population) >= COMPILED_FROM_VMS:
            self.state.compile_hosts()
        chooser = HostChooser(
            placement,
            self.state,
            self._power.watts_if_on,
            parts.planner.network,
            self._demand.at,
            streams.generator(Stream.ARRIVAL_PLACEMENT),
        )
        lifecycle = VMLifecycle(
            settings,
            parts.population,
            self.state,
            self.loop,
            scheduler,
            self._restarts,
            self._host_faults,
            chooser,
            self._demand.share,
            self._vm_started,
            self._vm_ended,
        )
        self._resizing = Resizing(
            self.state, self.loop, scheduler, lifecycle, parts.resized_memory, self._vm_resized
        )
        self._restarts.notify(self._resizing.restarted)
        for resize in settings.resizes:
            self._resizing.schedule(resize)
        if settings.random_resizes is not None:
            self._resizing.resize_at_random(settings.random_resizes, streams)
            for vm in range(parts.population.initial_count):
                self._resizing.started(vm, 0.0)
        return lifecycle

    def _set_up_maintenance(self, parts: RunComponents) -> Campaign | None:
        """Let hosts be emptied and rebooted one after the other, if the scenario asks for it."""
        settings, placement = self.spec.maintenance, parts.maintenance_placement
        if settings is None or placement is None:
            return None
        streams = RandomStreams(self.seed)
        targets = Targets(
            placement,
            streams.generator(Stream.MAINTENANCE, 1),
            avoid_next=settings.avoid_next,
            overcommit=settings.overcommit,
            names=self.spec.names,
        )
        return Campaign(
            settings,
            self.state,
            self.loop,
            self.manager.scheduler,
            self._host_faults,
            self._restarts,
            self._power.watts_if_on,
            parts.planner.network,
            targets,
            self.spec.names,
            streams.generator(Stream.MAINTENANCE, 0),
        )

    def _vm_started(self, vm: int, now_s: float) -> None:
        """Let a VM write from the next tick on, and be an agent."""
        self._intensity_changes_s = now_s
        self._vm_agents[vm] = VirtualMachine(self, vm, self.state, self._profiles[vm])
        self._resizing.started(vm, now_s)
        if self.campaign is not None:
            self.campaign.changed(now_s)

    def _vm_ended(self, vm: int, now_s: float) -> None:
        agent = self._vm_agents.pop(vm, None)
        if agent is not None:
            agent.remove()
        self._resizing.ended(vm)
        if self.campaign is not None:
            self.campaign.changed(now_s)

    def _vm_resized(self, vm: int, memory: VMMemory, model: MemoryModel) -> None:
        """Let the next migration of a VM, and its writes from the next tick on, be of its size."""
        self._memory.resize(vm, memory)
        self._factory.models[vm] = model
        self._intensity_changes_s = self.loop.now_s

    @property
    def rounds(self) -> Sequence[RoundRecord]:
        """The rounds and phases of all migrations that are over, in the order of their ends."""
        return self._rounds

    @property
    def transfer_strategy(self) -> Strategy:
        """Which pages are sent when, as a part."""
        return self._factory.strategy

    @property
    def headline(self) -> str:
        """Scenario, seed, size, time, and how many migrations there are."""
        hosts, vms = self.state.host_count, self.state.vm_count
        return (
            f"{self.spec.name!r}, seed {self.seed}: {counted(hosts, 'host')}, {counted(vms, 'VM')},"
            f" {self.time_s:g} of {self.clock.duration_s:g} s; "
            f"{counted(self.migrations_running, 'migration')} running, "
            f"{self.migrations_ended} ended"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return what the data collector has kept of the model: one row per tick that was run.

        A model that streams its tables to a folder has none.
        """
        table: pd.DataFrame = self.datacollector.get_model_vars_dataframe()
        return table

    def plot(self) -> Figure:
        """Draw hosts, VMs, links and migrations as they are now."""
        pictures = view()
        figure: Figure = pictures.figure_of(pictures.draw_cluster(pictures.ClusterFrame.of(self)))
        return figure

    # --- one tick --------------------------------------------------------------------------------

    def _take_tick(self) -> None:
        """Count a tick and run it; Mesa users call it as `step`. A run that is over has no more."""
        if self._is_over:
            return
        self.steps += 1
        type(self).step(self)

    def step(self) -> None:
        """Advance the cluster by one tick; do nothing once the run is over."""
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
        used_pages = self._memory.used_pages(now_s)
        changed = np.flatnonzero((intensity != vms.intensity) | (used_pages != self._used_pages))
        self._used_pages = used_pages
        source_of_changed = self._source_of[changed]
        for number in np.unique(source_of_changed).tolist():
            some = changed[source_of_changed == number]
            pages = self._used_pages[some]
            dirty = self._sources[number].dirty_pages_per_s(pages, intensity[some])
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
        self.tally.update()
        self._set_time(end_s)  # before rows are collected, which have it as index
        if self._recorder.folder is None:
            self.datacollector.collect(self)
        if end_s >= self.clock.duration_s or (self.spec.run.stop_when_idle and self._is_idle):
            self._end(end_s)

    def _set_time(self, time_s: float) -> None:
        """Set Mesa's clock; from Mesa 3.5 on events run that users have given it to run by then."""
        advance = getattr(self, "_advance_time", None)
        if advance is None:
            self.time = time_s
        elif time_s > self.time:
            advance(time_s)

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
            if may_skip and not mesa_releases.has_events(self):
                self._skip_quiet_ticks()
            if progress is not None:
                progress(self.time_s, self.clock.duration_s)
            self.step()
        return self.result()

    def run_for(self, duration: float) -> None:
        """Step until that many more seconds are simulated, or the run is over.

        Args:
            duration: seconds; the last tick is run whole.
        """
        self.run_until(self.time_s + duration)

    def run_until(self, end_time: float) -> None:
        """Step until that instant, or until the run is over.

        Args:
            end_time: seconds since the start of the run; the last tick is run whole.
        """
        while self.running and self.time_s < end_time * (1 - TOLERANCE):
            self.step()

    def _skip_quiet_ticks(self, until_s: float = math.inf) -> None:
        """Go to the next tick with an event, a change of demand or a control instant.

        Args:
            until_s: go no further than to the last tick that begins before it.
        """
        start_s = self.clock.tick(self.steps)[0]
        # the end of a run that stops when it is idle is that of a tick in which VMs came or went
        stops = self.spec.run.stop_when_idle
        quiet_until_s = min(
            self.loop.next_event_s() if stops else self.loop.next_active_s(),
            self._demand.next_change(self.state.time_s),
            self.clock.next_control_s(start_s),
            self.clock.duration_s,
            until_s,
        )
        skipped = self.clock.ticks_before(self.steps, quiet_until_s)
        if skipped > 0:
            self.workload(start_s)  # demand may change at this very instant
            self.steps += skipped
            end_s = self.clock.tick(self.steps)[0]
            self.loop.run_until(end_s)
            self.state.time_s = end_s

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
        if self.lifecycle is not None:
            tables["lifecycle"] = self.lifecycle.records.table(self.state.vms)
        if self.campaign is not None:
            tables["maintenance"] = rows_to_table(list(self.campaign.records.values()), HostRecord)
        use = self._link_use()
        figures = self._cluster_figures(use)
        tables["summary"] = summarise(RunFigures(tables, figures))
        names = self.state.names
        return RunResult(
            tables={
                name: table if name in STREAMED_TABLES else with_names(table, names)
                for name, table in tables.items()
            },
            scenario=self._own_spec.model_dump(mode="json"),
            seed=self.seed,
            traces=self._traces,
            assumptions=self._assumptions,
            notes=(
                *self._notes,
                *self._policy_notes(),
                *self._restart_notes(),
                *self._lifecycle_notes(),
            ),
            link_use=use,
            streamed_to=self._recorder.folder,
        )

    def close(self) -> None:
        """Let go of files and agents: Mesa 3.3 keeps a reference to every model that had one."""
        self._recorder.close()
        self.remove_all_agents()
        mesa_releases.forget(self)

    def __reduce_ex__(self, _: object) -> tuple[Callable[[bytes], ClusterModel], tuple[bytes]]:
        """Return how pickle and `copy.deepcopy` make a copy, which goes on to the same results.

        Raises:
            TypeError: if the model streams its tables to a folder.
        """
        return _copied, (snapshot.dumps(self),)

    def _end(self, now_s: float) -> None:
        self.running = False
        self._is_over = True
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
        all_came = self.lifecycle is None or self.lifecycle.idle
        if self.campaign is not None:  # VMs may come for ever
            all_came = self.campaign.is_over
        return asked_for and all_came and self.manager.scheduler.idle

    def _schedule(self, request: Request) -> None:
        """Request a migration, and cancel it, when it is time; note what is refused."""

        def ask(now_s: float) -> None:
            try:
                record = self.manager.migrate(request.vm, request.target, now_s)
            except RequestRefusedError as error:
                self._notes.append(f"request at {now_s:g} s not carried out: {error}")
                return
            if request.cancel_at_s is not None:
                self.loop.call_at(request.cancel_at_s, partial(cancel, record.migration))

        def cancel(number: int, now_s: float) -> None:
            try:
                self.manager.scheduler.cancel_request(number, BY_USER, now_s)
            except RequestRefusedError as error:
                self._notes.append(f"cancellation at {now_s:g} s not carried out: {error}")

        self.loop.call_at(request.at_s, ask)

    def cancel_migration(self, vm: int) -> None:
        """Cancel the migration of a VM that is queued, prepares or copies; the VM stays there.

        Its outcome is "cancelled", and no policy tries it again. A trigger may plan another one.

        Raises:
            RequestRefusedError: if the VM has no migration, a switchover to post-copy has begun, or
                the target has all of its memory.
        """
        self.manager.scheduler.cancel_of_vm(vm, BY_USER, self.loop.now_s)

    def inject(self, outage: Outage) -> None:
        """Begin a fault now that the scenario does not have; `Outage.end_s` says when it ends."""
        self._injection.inject(outage, self.loop.now_s)

    def _observe(self, now_s: float) -> None:
        self.state.refresh()
        kwh = self._costs.host_energy_kwh()
        self._recorder.observe(now_s, self._watts(), kwh, self.loop.bytes_carried)

    def _link_use(self) -> LinkUse:
        return LinkUse.of(self.links, self.loop.bytes_carried(), self._router.choices)

    def _cluster_figures(self, use: LinkUse) -> dict[str, float]:
        vms, loop = self.state.vms, self.loop
        return {
            **self._costs.figures(),
            "carbon_g": float("nan") if self._carbon is None else self._carbon.carbon_g,
            **self._background.figures(self.loop.now_s),
            "peak_link_share": float(loop.peak_share().max(initial=0.0)),
            **load_figures(use, loop.now_s),
            "fault_count": len(self._injection.rows),
            "vms_lost": int(vms.lost.sum()),
            "vm_down_s": float(vms.down_s(self._costs.accrued_until_s).sum()),
            "vm_restarts": int(vms.restarts.sum()),
            **({} if self.lifecycle is None else self.lifecycle.figures(self.loop.now_s)),
        }

    def _policy_notes(self) -> tuple[str, ...]:
        """Say what the policies did over the whole run, so that doing nothing is explained too."""
        if self.manager.planned_s is None:
            return ()
        instants = self.clock.control_instants(self.manager.planned_s)
        ends = self.manager.ends()
        return tuple(
            f"{name}: {totals.in_words(instants, ends[trigger])}"
            for trigger, (name, totals) in self.manager.totals.items()
        )

    def _restart_notes(self) -> tuple[str, ...]:
        """Say which VMs ought to run again and cannot."""
        waiting = self._restarts.waiting
        if not waiting:
            return ()
        named = ", ".join(map(str, waiting[:MOST_NAMED]))
        wait = "waits" if len(waiting) == 1 else "wait"
        return (
            f"{counted(len(waiting), 'VM')} {wait} for a restart at {self.time_s:g} s, "
            f"the first of them {named}: no host that is up and not drained has the memory and no "
            "VM of their anti-affinity group",
        )

    def _lifecycle_notes(self) -> tuple[str, ...]:
        """Say how many VMs came, and what became of them."""
        if self.lifecycle is None:
            return ()
        figures = self.lifecycle.figures(self.loop.now_s)
        reasons = self.lifecycle.rejected_by_reason().most_common()
        why = "; ".join(f"{reason}: {count}" for reason, count in reasons)
        return (
            f"{counted(int(figures['vms_arrived']), 'VM')} arrived: {figures['vms_placed']:.0f} "
            f"placed, {figures['vms_waiting']:.0f} waiting at the end, "
            f"{figures['vms_rejected']:.0f} rejected" + (f" ({why})" if why else ""),
        )

    # --- the columns of this instant -------------------------------------------------------------

    def _watts(self) -> FloatColumn:
        return self._power.drawn_w(self.state.hosts)

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
    def migrations_completed(self) -> int:
        """Migrations that have completed."""
        return self.tally.completed

    @property
    def mean_total_time_s(self) -> float:
        """Mean total migration time of those that have completed, NaN where none has."""
        return self.tally.mean("total_time_s")

    @property
    def mean_downtime_s(self) -> float:
        """Mean downtime of those that have completed, NaN where none has."""
        return self.tally.mean("downtime_s")

    @property
    def mean_fault_stall_s(self) -> float:
        """Mean wait for pages after the resume of those that have completed, NaN where none has."""
        return self.tally.mean("fault_stall_s")

    @property
    def mean_bytes(self) -> float:
        """Mean bytes sent by those that have completed, NaN where none has."""
        return self.tally.mean_bytes

    @property
    def bytes_sent(self) -> float:
        """Bytes that all migrations have sent so far, those under way too."""
        return self.tally.bytes_sent(self.time_s)

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


def _copied(state: bytes) -> ClusterModel:
    model: ClusterModel = pickle.loads(state)
    mesa_releases.go_on_numbering(model)
    return model


def _chosen(
    scenario: Scenario | str | Path, strategy: str | None, fields: dict[str, Any]
) -> Scenario:
    if "seed" in fields:
        seed = fields["seed"]
        raise ScenarioError("seed", seed, f"to give the seed of a model as rng: rng={seed!r}")
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
