"""The tables of a run: what a row is, and for every column its unit and its meaning.

Times are simulated seconds since the start of the run, NaN for what did not happen. The columns of
the table `summary` are in the catalogue of metrics.
"""

from __future__ import annotations

from typing import NamedTuple


class Column(NamedTuple):
    """A column of a table.

    Args:
        name: its name.
        unit: its unit; empty for numbers of things, words, truth values and counts.
        meaning: what it holds, in words.
    """

    name: str
    unit: str
    meaning: str


class TableSchema(NamedTuple):
    """A table of a run.

    Args:
        row: what one row is.
        columns: the columns, in their order.
    """

    row: str
    columns: tuple[Column, ...]


MIGRATIONS = TableSchema(
    "one migration that was requested; each attempt has its own row",
    (
        Column("migration", "", "its number"),
        Column("vm", "", "number of the VM"),
        Column("source", "", "number of the host it leaves"),
        Column("target", "", "number of the host it moves to"),
        Column("reason", "", "overload, underload, balance, drain or request"),
        Column("priority", "", "class in the queue: 0 drain, 1 request, 2 rebalance"),
        Column("strategy", "", "registered name of the transfer strategy"),
        Column("memory_pages", "pages", "memory of the VM"),
        Column("queued_s", "s", "request"),
        Column("attempt", "", "1, or more for a retry after an abort or a fault"),
        Column("faults_before", "", "how many of the attempts before were ended by faults"),
        Column("fidelity", "", "memory model that kept the page state"),
        Column("route", "", "numbers of the links from source to target, in their order"),
        Column("prepare_s", "s", "time spent on preparing the target, before `start_s`"),
        Column("start_s", "s", "first byte"),
        Column("stay_s", "s", "time the VM had been on the source at `start_s`"),
        Column("waited_s", "s", "time after `start_s` spent on waiting for the turn to send"),
        Column("pause_s", "s", "the VM stops at the source"),
        Column("resume_s", "s", "the VM runs at the target"),
        Column("finish_s", "s", "time spent on releasing the source, before `end_s`"),
        Column("end_s", "s", "the source is released"),
        Column("total_time_s", "s", "`prepare_s + (end_s - start_s)`"),
        Column("downtime_s", "s", "`resume_s - pause_s`; to `end_s` if it never resumed"),
        Column("interrupted_s", "s", "service interrupted: `downtime_s + fault_stall_s`"),
        Column("rounds", "", "live rounds, one that was aborted included"),
        Column("pages_sent_precopy", "pages", "sent while the VM ran at the source"),
        Column("pages_sent_stop", "pages", "sent while the VM was stopped"),
        Column("pages_sent_postcopy", "pages", "sent after the VM resumed"),
        Column("pages_skipped", "pages", "left out of live rounds as dirtied again"),
        Column("pages_deferred", "pages", "left to later rounds by their history"),
        Column(
            "pages_lost_update", "pages", "sent in stop-and-copy, else their update would be lost"
        ),
        Column("bytes", "bytes", "on the wire, headers and device state included"),
        Column("encode_cpu_s", "s", "time of one core spent on encoding pages"),
        Column("demand_faults", "", "accesses after the resume to pages still at the source"),
        Column("fault_stall_s", "s", "time the VM waited for these pages, mean of its processors"),
        Column("throttle_max", "share", "largest share of its CPU time that throttling took"),
        Column("guest_lost_s", "s", "CPU time that throttling and tracking took"),
        Column("limited_by", "", "limit that held longest, `queued_s` to `end_s`; see `limits`"),
        Column("limited_share", "share", "the part of that time"),
        Column(
            "outcome",
            "",
            "completed, not converged, cancelled, failed, unfinished, or its phase so far",
        ),
        Column("why", "", "what ended the live rounds, or why it did not complete"),
    ),
)

ROUNDS = TableSchema(
    "one live round, stop-and-copy or post-copy phase",
    (
        Column("migration", "", "number of the migration"),
        Column("vm", "", "number of the VM"),
        Column("phase", "", "pre-copy, stop-and-copy or post-copy"),
        Column("round", "", "live rounds from 1; a later phase has the number after the last one"),
        Column("start_s", "s", "begin; of stop-and-copy the pause of the VM"),
        Column("end_s", "s", "end; of stop-and-copy the resume of the VM"),
        Column("due", "pages", "to send: `sent + skipped + deferred + unvisited`"),
        Column("sent", "pages", "sent"),
        Column("skipped", "pages", "left out as dirtied again"),
        Column("deferred", "pages", "left to a later round by their history"),
        Column("unvisited", "pages", "not reached when the round was ended early"),
        Column("dirtied", "pages", "in the dirty log at the end"),
        Column("bytes", "bytes", "on the wire"),
        Column("encode_cpu_s", "s", "time of one core spent on encoding pages"),
    ),
)

LIMITS = TableSchema(
    "one limit of one migration; their times add up to that from `queued_s` to `end_s`",
    (
        Column("migration", "", "number of the migration"),
        Column("vm", "", "number of the VM"),
        Column(
            "kind",
            "",
            "slot, turn, preparing, link, bandwidth cap, page time, channels, encoding, "
            "suspend and resume, finishing",
        ),
        Column("limit", "", "which, in words; of slots those that were scarcest at its start"),
        Column("link", "", "number of the link, -1 for none"),
        Column("limited_s", "s", "how long it held"),
        Column("share", "share", "the part of the time from `queued_s` to `end_s`"),
    ),
)

HOSTS = TableSchema(
    "one host at one instant of observation",
    (
        Column("time_s", "s", "the instant"),
        Column("host", "", "number of the host"),
        Column("utilisation", "share", "CPU in use over capacity"),
        Column("cpu_demand", "CPU unit", "wanted by its VMs; may exceed the capacity"),
        Column("vm_count", "", "VMs on it"),
        Column("memory_reserved_bytes", "bytes", "memory of its VMs and of those that move to it"),
        Column("outgoing", "", "migrations that copy from it"),
        Column("incoming", "", "migrations that copy to it"),
        Column("switched_on", "", "whether it is on"),
        Column("failed", "", "whether it has crashed and is not repaired yet"),
        Column("power_w", "W", "power at the instant"),
        Column("energy_kwh", "kWh", "energy so far"),
        Column("boot_energy_kwh", "kWh", "part of it for boots"),
        Column("shutdown_energy_kwh", "kWh", "part of it for shutdowns"),
        Column("migration_energy_kwh", "kWh", "part of it for the CPU that migrations take"),
    ),
)

VMS = TableSchema(
    "one VM at one instant of observation",
    (
        Column("time_s", "s", "the instant"),
        Column("vm", "", "number of the VM"),
        Column("host", "", "number of the host it is on"),
        Column("demand", "share", "CPU wanted over capacity"),
        Column("cpu_granted", "CPU unit", "CPU that its host gives it"),
        Column("intensity", "share", "factor of the rates of its write classes"),
        Column("dirty_pages_per_s", "pages/s", "distinct pages dirtied at that intensity"),
        Column("migrating", "", "whether a migration of it is queued or runs"),
        Column("running", "", "whether it is not down"),
        Column("lost", "", "whether it is lost for the rest of the run"),
        Column("down_s", "s", "time for which it was down or lost so far"),
        Column("restarts", "", "restarts after crashes so far"),
    ),
)

LINKS = TableSchema(
    "one link that has carried bytes since the last instant of observation",
    (
        Column("time_s", "s", "the instant"),
        Column("link", "", "number of the link, which has one direction"),
        Column("source_node", "", "node at which it begins"),
        Column("target_node", "", "node at which it ends"),
        Column("bytes", "bytes", "carried since the last instant"),
        Column("mean_utilisation", "share", "of what it could have carried since then"),
    ),
)

SERVICE = TableSchema(
    "one VM, sums over the run",
    (
        Column("vm", "", "number of the VM"),
        Column("cpu_wanted_s", "CPU unit x s", "CPU wanted"),
        Column("cpu_lost_to_overload_s", "CPU unit x s", "lost even if no migration took CPU"),
        Column("cpu_lost_to_migration_s", "CPU unit x s", "lost to pauses, throttling and threads"),
        Column("paused_s", "s", "time it was paused"),
        Column("cpu_wanted_in_migrations_s", "CPU unit x s", "wanted while migrations copied it"),
        Column("short_of_cpu_s", "s", "time for which it got less than it wanted"),
    ),
)

BACKGROUND = TableSchema(
    "one flow of background traffic, sums over the run",
    (
        Column("flow", "", "number of the flow"),
        Column("group", "", "its entry in `background` of the scenario"),
        Column("source", "", "number of the host that sends"),
        Column("target", "", "number of the host that receives"),
        Column("kind", "", "elastic or inelastic"),
        Column("active_s", "s", "how long it wanted to send"),
        Column("bytes", "bytes", "sent"),
        Column("bytes_without_migrations", "bytes", "it would have sent without any migration"),
        Column("wanted_bytes", "bytes", "rate or cap times `active_s`, infinite without one"),
    ),
)

FAULTS = TableSchema(
    "one fault that has begun",
    (
        Column("time_s", "s", "when it began"),
        Column("kind", "", "registered name of the kind of fault"),
        Column("what", "", "what failed, in words"),
        Column("until_s", "s", "when it is repaired, NaN for never"),
    ),
)

LIFECYCLE = TableSchema(
    "one VM that has arrived, or was there at the start; only with `arrivals` in the scenario",
    (
        Column("vm", "", "number of the VM"),
        Column("flavour", "", "its entry in `arrivals.flavours`, -1 for a VM of the start"),
        Column("arrived_s", "s", "arrival"),
        Column("placed_s", "s", "when it was first placed on a host"),
        Column("waited_s", "s", "time without a host since its arrival, until it was over"),
        Column("first_host", "", "number of the host on which it was placed first, -1 for none"),
        Column("started_s", "s", "when it first ran"),
        Column("lifetime_s", "s", "how long it was to stay, infinite for one that stays"),
        Column("ended_s", "s", "when it ended or was rejected"),
        Column("cpu_capacity", "CPU unit", "its CPU, after its last resize"),
        Column("memory_bytes", "bytes", "its memory, after its last resize"),
        Column("resizes", "", "how often it was resized"),
        Column("resizes_refused", "", "how often a resize was not possible"),
        Column(
            "outcome", "", "waiting, booting, running, down, lost, ended or rejected, at the end"
        ),
        Column("reason", "", "why it was rejected, or what its end has interrupted"),
    ),
)

MAINTENANCE = TableSchema(
    "one host of a maintenance campaign; only with `maintenance` in the scenario",
    (
        Column("host", "", "number of the host"),
        Column("wave", "", "which hosts are emptied together with it, counted from 0"),
        Column("phase", "", "waiting, draining, rebooting, done, not back or blocked, at the end"),
        Column("drain_s", "s", "begin of its last drain"),
        Column("reboot_s", "s", "begin of its reboot, when its last VM had left"),
        Column("back_s", "s", "when it was back"),
        Column("blocked_s", "s", "when a drain of it was given up last"),
        Column("tries", "", "how often it was drained"),
        Column("out_s", "s", "time in which it took no VMs, over the drains that are over"),
        Column("why", "", "why it is blocked or not back"),
    ),
)

SCHEMAS: dict[str, TableSchema] = {
    "migrations": MIGRATIONS,
    "rounds": ROUNDS,
    "limits": LIMITS,
    "hosts": HOSTS,
    "vms": VMS,
    "links": LINKS,
    "service": SERVICE,
    "background": BACKGROUND,
    "faults": FAULTS,
    "lifecycle": LIFECYCLE,
    "maintenance": MAINTENANCE,
}
"""The tables by name, without `summary`."""
