"""The catalogue of metrics: one entry says all there is to know about a figure of a run.

The summary of a run, comparisons, the labels of axes, the tables of the command line and
docs/metrics.md are made from these entries. Another metric is one more entry: in a module of this
package or in a script, with `metric_catalogue.register`, or as an entry point of another
distribution::

    [project.entry-points."cluster_emu.metrics"]
    longest_round_s = "my_package.my_module:LONGEST_ROUND"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cluster_emu.errors import UnknownNameError
from cluster_emu.metrics.aggregations import (
    Aggregation,
    ClusterFigure,
    CountOf,
    MaximumOverAll,
    MeanOverCompleted,
    MeanOverStarted,
    QuantileOverCompleted,
    SumOverAll,
    makespan_s,
    mean_queue_wait_s,
    migration_count,
)
from cluster_emu.metrics.sla import (
    esv_by_ten_percent_rule_kwh,
    esv_kwh,
    slav,
    slav_by_ten_percent_rule,
)
from cluster_emu.metrics.smallest_difference import SmallestDifference
from cluster_emu.plugin_loading import (
    LoadedOnce,
    UnloadedPart,
    distribution_of,
    load_entry_points,
)
from cluster_emu.plugins import import_modules
from cluster_emu.transfer.records import Phase

ONE_PERCENT = SmallestDifference(share=0.01)

BELOGLAZOV = "Beloglazov, Buyya, CCPE 2012, section 5.3"
CLOUDSIM = "CloudSim's consolidation examples (Beloglazov, Buyya, CCPE 2012)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One figure of a run.

    Args:
        name: its column in the summary, with the unit of its values at the end.
        label: what a reader sees.
        description: what it means, one sentence.
        value: finds it from the run's tables; None for a figure that only drains have.
        unit: the unit a reader sees, empty for counts.
        scale: what a value is multiplied with to be in that unit.
        signed: whether it can be below 0, and so the interval of its mean.
        comparison_rank: its position in comparisons and in what `run` prints, the lowest first;
            None for a figure of the summary alone.
        is_main: whether a picture of a comparison shows it unless others are asked for.
        smallest_difference: from which size on a difference matters; 1 % unless given.
        definition: its formula and where that comes from; empty if the other texts say it all.
        only_with: the table without which a run does not have it; empty if every run has it.
    """

    name: str
    label: str
    description: str
    value: Aggregation | None
    unit: str = ""
    scale: float = 1.0
    signed: bool = False
    comparison_rank: int | None = None
    is_main: bool = False
    smallest_difference: SmallestDifference = ONE_PERCENT
    definition: str = ""
    only_with: str = ""


class MetricCatalogue:
    """All metrics by name, in the order in which they were registered.

    Args:
        group: the entry point group under which other distributions register metrics; each entry
            point is a `Metric`.
        built_in: the metrics that are registered first.
        package: the package whose modules register further metrics; None for none. The catalogue
            imports all of them at its first lookup.
    """

    def __init__(
        self, group: str, built_in: Iterable[Metric] = (), *, package: str | None = None
    ) -> None:
        self.group = group
        self.package = package
        self._metrics: dict[str, Metric] = {}
        self._unloaded: dict[str, UnloadedPart] = {}
        self._entry_points: dict[str, str] = {}
        self._found = LoadedOnce(self._find_metrics)
        for metric in built_in:
            self.register(metric)

    def register(self, metric: Metric) -> Metric:
        """Enter a metric and return it.

        Raises:
            ValueError: if there is one of this name already.
        """
        if metric.name in self._metrics:
            raise ValueError(f"metric {metric.name!r} is registered twice")
        self._metrics[metric.name] = metric
        return metric

    def __iter__(self) -> Iterator[Metric]:
        self._found.ensure()
        return iter(tuple(self._metrics.values()))

    def __contains__(self, name: object) -> bool:
        self._found.ensure()
        return name in self._metrics

    def __getitem__(self, name: str) -> Metric:
        """Return the metric of this name.

        Raises:
            UnknownNameError: if there is none; the message lists the known names.
        """
        self._found.ensure()
        if name not in self._metrics:
            raise UnknownNameError("metric", name, self._metrics, self._unloaded.get(name))
        return self._metrics[name]

    def unloaded(self) -> tuple[UnloadedPart, ...]:
        """Return the metrics of other distributions that could not be loaded, by name."""
        self._found.ensure()
        return tuple(self._unloaded[name] for name in sorted(self._unloaded))

    def declared_by(self, name: str) -> str:
        """Return name and version of the distribution that declares a metric, empty if none does.

        Args:
            name: the metric's name.
        """
        self._found.ensure()
        point = self._entry_points.get(name)
        return "" if point is None else distribution_of(self.group, point)

    def compared(self) -> tuple[Metric, ...]:
        """Return the metrics that are compared, by rank."""
        ranked = [(each.comparison_rank, each) for each in self if each.comparison_rank is not None]
        return tuple(metric for _, metric in sorted(ranked, key=lambda pair: pair[0]))

    def _find_metrics(self) -> None:
        """Import the metrics of the package and load those of other distributions."""
        if self.package is not None:
            import_modules(self.package)
        self._load_entry_points()

    def _load_entry_points(self) -> None:
        known = set(self._metrics)

        def enter(name: str, metric: object) -> None:
            """Enter a metric; its module may have registered it already."""
            if not isinstance(metric, Metric):
                raise TypeError(f"a Metric, not {type(metric).__name__}")
            if self._metrics.get(metric.name) is not metric:
                self.register(metric)
            known.add(metric.name)
            self._entry_points[metric.name] = name

        self._unloaded = load_entry_points(self.group, "metric", enter)
        for name in self._unloaded:  # its module may have registered it before it failed
            if name not in known:
                self._metrics.pop(name, None)


def _of_lives(
    name: str, label: str, description: str, *, unit: str = "", scale: float = 1.0
) -> Metric:
    """Return a metric of runs in which VMs come and go."""
    return Metric(
        name=name,
        label=label,
        description=description,
        value=ClusterFigure(name),
        unit=unit,
        scale=scale,
        only_with="lifecycle",
    )


# In the order of the columns of the summary.
BUILT_IN = (
    # how migrations ended
    Metric(
        name="migrations",
        label="migrations",
        description="Migrations requested; each attempt counts.",
        value=migration_count,
        comparison_rank=10,
        is_main=True,
    ),
    Metric(
        name="completed",
        label="migrations completed",
        description="Migrations whose VM runs at the target with all of its memory.",
        value=CountOf(Phase.COMPLETED),
    ),
    Metric(
        name="not_converged",
        label="migrations not converged",
        description="Migrations that their policy aborted.",
        value=CountOf(Phase.NOT_CONVERGED),
        comparison_rank=160,
    ),
    Metric(
        name="cancelled",
        label="migrations cancelled",
        description=(
            "Migrations that a user cancelled, whose VM has ended, or whose target was drained or "
            "became too full meanwhile."
        ),
        value=CountOf(Phase.CANCELLED),
    ),
    Metric(
        name="failed",
        label="migrations failed",
        description="Migrations that a fault ended.",
        value=CountOf(Phase.FAILED),
    ),
    Metric(
        name="unfinished",
        label="migrations unfinished",
        description="Migrations that waited or ran when the run ended.",
        value=CountOf(Phase.UNFINISHED),
        comparison_rank=170,
    ),
    Metric(
        name="total_bytes",
        label="data sent by all migrations",
        description="Bytes that all migrations sent, headers and device state included.",
        value=SumOverAll("bytes"),
        unit="GB",
        scale=1e-9,
    ),
    # times of migrations
    Metric(
        name="queue_wait_s",
        label="wait in the queue",
        description="Time from the request to the first byte, without that spent on preparing.",
        value=mean_queue_wait_s,
        unit="s",
        comparison_rank=150,
    ),
    Metric(
        name="makespan_s",
        label="first request to last end",
        description="Time from the first request to the end of the last migration that completed.",
        value=makespan_s,
        unit="s",
        comparison_rank=50,
    ),
    Metric(
        name="downtime_p95_s",
        label="downtime, 95th percentile",
        description="Downtime that 95 % of the completed migrations do not exceed.",
        value=QuantileOverCompleted("downtime_s", 0.95),
        unit="ms",
        scale=1e3,
        comparison_rank=40,
    ),
    Metric(
        name="downtime_max_s",
        label="downtime, longest",
        description=(
            "Longest downtime of all, of failed migrations and of those paused at the end of the "
            "run too."
        ),
        value=MaximumOverAll("downtime_s"),
        unit="ms",
        scale=1e3,
    ),
    Metric(
        name="total_time_s",
        label="total time",
        description="Time spent on preparing, and from the first byte to the end of the migration.",
        value=MeanOverCompleted("total_time_s"),
        unit="s",
        comparison_rank=20,
        is_main=True,
    ),
    Metric(
        name="downtime_s",
        label="downtime",
        description="Time from the pause of the VM at the source to its resume at the target.",
        value=MeanOverCompleted("downtime_s"),
        unit="ms",
        scale=1e3,
        comparison_rank=30,
        is_main=True,
    ),
    Metric(
        name="interrupted_s",
        label="service interrupted",
        description="Downtime, and the time for which the VM waited for pages after its resume.",
        value=MeanOverCompleted("interrupted_s"),
        unit="ms",
        scale=1e3,
        comparison_rank=35,
        is_main=True,
    ),
    Metric(
        name="interrupted_p95_s",
        label="service interrupted, 95th percentile",
        description="Interruption that 95 % of the completed migrations do not exceed.",
        value=QuantileOverCompleted("interrupted_s", 0.95),
        unit="ms",
        scale=1e3,
        comparison_rank=45,
    ),
    Metric(
        name="interrupted_max_s",
        label="service interrupted, longest",
        description="Longest interruption of all, of failed and unfinished migrations too.",
        value=MaximumOverAll("interrupted_s"),
        unit="ms",
        scale=1e3,
    ),
    # pages and bytes of migrations
    Metric(
        name="rounds",
        label="live rounds",
        description="Live rounds, including one that was aborted.",
        value=MeanOverStarted("rounds"),
        comparison_rank=90,
    ),
    Metric(
        name="pages_sent_precopy",
        label="pages sent before the stop",
        description="Pages sent while the VM ran at the source; a page counts each time.",
        value=MeanOverStarted("pages_sent_precopy"),
        comparison_rank=60,
        is_main=True,
    ),
    Metric(
        name="pages_sent_stop",
        label="pages sent while stopped",
        description="Pages sent in stop-and-copy.",
        value=MeanOverStarted("pages_sent_stop"),
        comparison_rank=70,
        is_main=True,
    ),
    Metric(
        name="pages_sent_postcopy",
        label="pages sent after the resume",
        description="Pages sent after the VM resumed at the target.",
        value=MeanOverStarted("pages_sent_postcopy"),
        comparison_rank=80,
    ),
    Metric(
        name="pages_skipped",
        label="pages skipped",
        description="Pages to send that a live round left out as they had been dirtied again.",
        value=MeanOverStarted("pages_skipped"),
    ),
    Metric(
        name="pages_deferred",
        label="pages deferred",
        description="Pages to send that a live round left to a later one by their history.",
        value=MeanOverStarted("pages_deferred"),
    ),
    Metric(
        name="pages_lost_update",
        label="lost-update pages",
        description="Pages sent in stop-and-copy whose update a literal strategy would lose.",
        value=MeanOverStarted("pages_lost_update"),
    ),
    Metric(
        name="bytes",
        label="data sent",
        description="Bytes on the wire, headers and device state included.",
        value=MeanOverStarted("bytes"),
        unit="MB",
        scale=1e-6,
        comparison_rank=140,
        is_main=True,
    ),
    # what migrations take from guests
    Metric(
        name="demand_faults",
        label="demand faults",
        description="Accesses after the resume to pages that were still at the source.",
        value=MeanOverCompleted("demand_faults"),
        comparison_rank=100,
    ),
    Metric(
        name="fault_stall_s",
        label="stalls by demand faults",
        description="Time the VM waited for pages after its resume, the mean of its processors.",
        value=MeanOverCompleted("fault_stall_s"),
        unit="s",
        comparison_rank=110,
    ),
    Metric(
        name="guest_lost_s",
        label="guest time taken by throttling and tracking",
        description="CPU time that throttling by the policy and the tracking of writes took.",
        value=MeanOverCompleted("guest_lost_s"),
        unit="s",
        comparison_rank=120,
    ),
    # the cluster
    Metric(
        name="energy_kwh",
        label="energy of the cluster",
        description="Energy of all hosts.",
        value=ClusterFigure("energy_kwh"),
        unit="kWh",
        comparison_rank=180,
        is_main=True,
        definition=(
            "Sum over hosts of the integral of P(utilisation). Utilisation is constant between two "
            "events, so the integral is a sum of power x duration, without any step."
        ),
    ),
    Metric(
        name="boot_energy_kwh",
        label="energy of boots",
        description="Part of the energy that hosts draw while they boot.",
        value=ClusterFigure("boot_energy_kwh"),
        unit="kWh",
    ),
    Metric(
        name="shutdown_energy_kwh",
        label="energy of shutdowns",
        description="Part of the energy that hosts draw while they shut down.",
        value=ClusterFigure("shutdown_energy_kwh"),
        unit="kWh",
    ),
    Metric(
        name="migration_energy_kwh",
        label="energy of migrations",
        description="Part of the energy that the CPU of migrations takes at sources and targets.",
        value=ClusterFigure("migration_energy_kwh"),
        unit="kWh",
        comparison_rank=185,
        definition=(
            "Integral, on each host, of P(utilisation) - P(utilisation without `costs.source_cpu` "
            "and `costs.target_cpu` of its migrations). A full host draws no more because of them. "
            "Hosts that boot for a migration are counted in `boot_energy_kwh`. Ours."
        ),
    ),
    Metric(
        name="carbon_g",
        label="carbon dioxide",
        description="Carbon dioxide of the energy, NaN where no carbon intensity is given.",
        value=ClusterFigure("carbon_g"),
        unit="kg",
        scale=1e-3,
        definition=(
            "Integral of power x carbon intensity. The intensity is constant between two changes "
            "of its trace, whose form is that of OpenDC's carbon traces."
        ),
    ),
    Metric(
        name="mean_hosts_on",
        label="hosts switched on",
        description="Hosts that are switched on, mean over time.",
        value=ClusterFigure("mean_hosts_on"),
    ),
    Metric(
        name="host_shutdowns",
        label="host shutdowns",
        description="How often hosts were switched off, those at the start included; no crashes.",
        value=ClusterFigure("host_shutdowns"),
        definition=f"Reported by {CLOUDSIM}.",
    ),
    Metric(
        name="time_before_shutdown_s",
        label="time before a host shutdown",
        description="Time for which a host was on before it was switched off, mean over shutdowns.",
        value=ClusterFigure("time_before_shutdown_s"),
        unit="s",
        definition=f"Reported by {CLOUDSIM}.",
    ),
    Metric(
        name="time_before_migration_s",
        label="time before a VM migration",
        description="Time for which a VM was on its source when its migration began to copy.",
        value=MeanOverStarted("stay_s"),
        unit="s",
        definition=(
            f"Named as in {CLOUDSIM}. Their timer begins with the migration, so they report its "
            "duration (`total_time_s` here)."
        ),
    ),
    Metric(
        name="slatah",
        label="SLA violation time per active host",
        description="Share of its active time in which a host is short of CPU, mean over hosts.",
        value=ClusterFigure("slatah"),
        unit="%",
        scale=100.0,
        comparison_rank=210,
        definition=(
            "SLATAH = 1/N x sum(T_s / T_a) over the N hosts that ran VMs: more CPU was wanted of a "
            "host than it has for T_s of the T_a for which it was up and had VMs. "
            f"{BELOGLAZOV}. CloudSim sums over hosts before it divides, which is closer to "
            "`overload_time_share`."
        ),
    ),
    Metric(
        name="overload_time_share",
        label="overloaded host time",
        description="Share of switched-on host time in which more CPU was wanted than there was.",
        value=ClusterFigure("overload_time_share"),
        unit="%",
        scale=100.0,
        comparison_rank=200,
    ),
    Metric(
        name="degradation_by_migration",
        label="CPU lost to migrations",
        description="Share of the CPU a VM wanted that migrations took, mean over VMs (PDM).",
        value=ClusterFigure("degradation_by_migration"),
        unit="%",
        scale=100.0,
        comparison_rank=130,
        definition=(
            "PDM = 1/M x sum(C_d / C_r) over the M VMs that wanted CPU. C_d is what the emulated "
            "migrations took of the C_r that a VM wanted: pauses, throttling, tracking of writes, "
            f"waits for pages, and threads on a full host. Form of {BELOGLAZOV}; the C_d is ours."
        ),
    ),
    Metric(
        name="degradation_by_ten_percent_rule",
        label="CPU lost to migrations by the 10 % rule",
        description="Share of the CPU a VM wanted that is a tenth of what it wanted in migrations.",
        value=ClusterFigure("degradation_by_ten_percent_rule"),
        unit="%",
        scale=100.0,
        definition=(
            "PDM with C_d = 0.1 x the CPU that the VM wanted from the first byte of its migrations "
            f"to the last. {BELOGLAZOV}, after Voorsluys et al., CloudCom 2009."
        ),
    ),
    Metric(
        name="slav",
        label="SLA violation (SLAV)",
        description="`slatah` times `degradation_by_migration`.",
        value=slav,
        unit="%",
        scale=100.0,
        comparison_rank=220,
        definition=f"SLAV = SLATAH x PDM. {BELOGLAZOV}; with our PDM.",
    ),
    Metric(
        name="slav_by_ten_percent_rule",
        label="SLA violation (SLAV) by the 10 % rule",
        description="`slatah` times `degradation_by_ten_percent_rule`.",
        value=slav_by_ten_percent_rule,
        unit="%",
        scale=100.0,
        definition=f"SLAV = SLATAH x PDM. {BELOGLAZOV}.",
    ),
    Metric(
        name="esv_kwh",
        label="energy x SLA violation (ESV)",
        description="`energy_kwh` times `slav`: lower is better in both.",
        value=esv_kwh,
        unit="kWh",
        comparison_rank=230,
        definition=f"ESV = E x SLAV. {BELOGLAZOV}; with our PDM.",
    ),
    Metric(
        name="esv_by_ten_percent_rule_kwh",
        label="energy x SLA violation (ESV) by the 10 % rule",
        description="`energy_kwh` times `slav_by_ten_percent_rule`.",
        value=esv_by_ten_percent_rule_kwh,
        unit="kWh",
        definition=f"ESV = E x SLAV. {BELOGLAZOV}.",
    ),
    Metric(
        name="overall_sla_violation",
        label="overall SLA violation",
        description="Share of the CPU that all VMs together wanted and did not get.",
        value=ClusterFigure("overall_sla_violation"),
        unit="%",
        scale=100.0,
        definition=f"(sum of wanted - sum of granted) / sum of wanted. Reported by {CLOUDSIM}.",
    ),
    Metric(
        name="average_sla_violation",
        label="average SLA violation",
        description="Share of the CPU wanted that VMs lack while they lack any.",
        value=ClusterFigure("average_sla_violation"),
        unit="%",
        scale=100.0,
        definition=(
            "Mean of (wanted - granted) / wanted over the time of all VMs in which that is above "
            f"0. Reported by {CLOUDSIM}, which count samples instead of time."
        ),
    ),
    Metric(
        name="degradation_by_overload",
        label="CPU lost to overload",
        description="Share of the CPU a VM wanted that full hosts did not give, mean over VMs.",
        value=ClusterFigure("degradation_by_overload"),
        unit="%",
        scale=100.0,
    ),
    Metric(
        name="peak_link_share",
        label="peak link load",
        description="Largest load over capacity of any link at any time.",
        value=ClusterFigure("peak_link_share"),
        unit="%",
        scale=100.0,
    ),
    Metric(
        name="busiest_link",
        label="number of the busiest link",
        description="Number of the link with the highest mean utilisation.",
        value=ClusterFigure("busiest_link"),
    ),
    Metric(
        name="busiest_link_share",
        label="mean load of the busiest link",
        description="Mean load over capacity of the busiest link, over the whole run.",
        value=ClusterFigure("busiest_link_share"),
        unit="%",
        scale=100.0,
    ),
    Metric(
        name="link_imbalance",
        label="imbalance of parallel links",
        description=(
            "Load of the busiest of the parallel links among which routes chose, over the mean of "
            "these links: 1 is even, n is all on one of n."
        ),
        value=ClusterFigure("link_imbalance"),
    ),
    Metric(
        name="background_bytes",
        label="data sent by background traffic",
        description="Bytes that background flows sent.",
        value=ClusterFigure("background_bytes"),
        unit="GB",
        scale=1e-9,
    ),
    Metric(
        name="background_mean_bps",
        label="mean rate of background traffic",
        description="What background flows sent, over the length of the run.",
        value=ClusterFigure("background_mean_bps"),
        unit="Mbit/s",
        scale=1e-6,
    ),
    Metric(
        name="background_lost_share",
        label="lost by elastic background traffic",
        description=(
            "Share of what elastic background flows would have sent without migrations, "
            "and did not send."
        ),
        value=ClusterFigure("background_lost_share"),
        unit="%",
        scale=100.0,
        signed=True,  # a flow gains where migrations slow down another one
        comparison_rank=190,
    ),
    Metric(
        name="background_dropped_share",
        label="dropped by inelastic background traffic",
        description="Share of their rate that inelastic background flows could not send.",
        value=ClusterFigure("background_dropped_share"),
        unit="%",
        scale=100.0,
    ),
    Metric(
        name="fault_count",
        label="faults",
        description="Faults that have begun.",
        value=ClusterFigure("fault_count"),
    ),
    Metric(
        name="vms_lost",
        label="VMs lost to faults",
        description="VMs whose host crashed in post-copy, so that no host had all of their memory.",
        value=ClusterFigure("vms_lost"),
    ),
    Metric(
        name="vm_down_s",
        label="VMs down by faults, in all",
        description="Time for which VMs were down or lost, sum over all VMs.",
        value=ClusterFigure("vm_down_s"),
        unit="s",
    ),
    Metric(
        name="vm_restarts",
        label="VM restarts",
        description="VMs started again after a crash, each time counted.",
        value=ClusterFigure("vm_restarts"),
    ),
    Metric(
        name="simulated_s",
        label="simulated time",
        description="Length of the run.",
        value=ClusterFigure("simulated_s"),
        unit="s",
    ),
    # VMs that come and go
    _of_lives("vms_arrived", "VMs arrived", "VMs that have arrived; those of the start not."),
    _of_lives("vms_placed", "VMs placed", "VMs that have arrived and were placed on a host."),
    _of_lives(
        "vms_rejected", "VMs rejected", "VMs that were refused, or gave up waiting for a host."
    ),
    _of_lives(
        "rejected_share",
        "share of VMs rejected",
        "Share of the VMs that have arrived which were rejected.",
        unit="%",
        scale=100.0,
    ),
    _of_lives("vms_waiting", "VMs waiting", "VMs that wait for a host at the end of the run."),
    _of_lives("vms_ended", "VMs ended", "VMs that have ended, those of the start too."),
    _of_lives(
        "mean_placement_wait_s",
        "wait for a host",
        "Time without a host of VMs that were placed, from their arrival on, mean over the VMs.",
        unit="s",
    ),
    _of_lives(
        "mean_vms_in_system",
        "VMs in the system",
        "VMs that wait for a host or are on one, mean over time; those of the start too.",
    ),
    _of_lives(
        "mean_vms_on_hosts",
        "VMs on hosts",
        "VMs that are on a host, those that boot or are down too, mean over time.",
    ),
    _of_lives("vm_resizes", "VM resizes", "Resizes of VMs that were carried out."),
    _of_lives(
        "vm_resizes_refused",
        "VM resizes refused",
        "Resizes that were not possible: the host lacked memory, or the VM had ended.",
    ),
    # drains
    Metric(
        name="cpu_lost_to_migration_s",
        label="CPU time lost to migrations",
        description="CPU that migrations took from VMs, in the CPU unit times seconds.",
        value=None,
        unit="CPU s",
    ),
    Metric(
        name="cpu_lost_by_others_s",
        label="CPU time lost by VMs that stayed",
        description="The part of `cpu_lost_to_migration_s` that VMs lost which were not drained.",
        value=None,
        unit="CPU s",
    ),
    Metric(
        name="cpu_lost_to_overload_s",
        label="CPU time lost to overload",
        description="CPU that full hosts did not give to VMs, in the CPU unit times seconds.",
        value=None,
        unit="CPU s",
    ),
)

metric_catalogue = MetricCatalogue("cluster_emu.metrics", BUILT_IN, package="cluster_emu.metrics")
"""The metrics that there are."""
