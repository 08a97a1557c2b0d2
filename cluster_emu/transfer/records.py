"""The phases and limits of a migration; records of it, its rounds and limits; sums over a run.

From the request to the end one limit holds at every time: a slot is not free, a fixed time passes,
or the migration sends and max-min sharing stops its rate at a link or at one of its own caps
(`FluidLoop.take_bound_s`). The times of all limits add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import fsum, isnan, nan
from typing import Protocol

import numpy as np

from cluster_emu.memory.base import MemoryEngine, RoundCounts
from cluster_emu.network.links import LinkTable
from cluster_emu.transfer.controller import Progress
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.units import BITS_PER_BYTE


class Phase(StrEnum):
    """The state of a migration; `transfer.migration.TRANSITIONS` says what may follow each one."""

    QUEUED = "queued"
    PREPARING = "preparing"
    READY = "ready"
    """The target is prepared; the migration waits for a slot to copy, or for its first turn."""
    PRE_COPY = "pre-copy"
    WAITING_FOR_TURN = "waiting for turn"
    """Between two live rounds, while another migration has the turn on the network."""
    STOP_AND_COPY = "stop-and-copy"
    POST_COPY = "post-copy"
    FINISHING = "finishing"
    """The VM runs at the target with all of its memory; the source is being released."""
    COMPLETED = "completed"
    NOT_CONVERGED = "not converged"
    CANCELLED = "cancelled"
    FAILED = "failed"
    UNFINISHED = "unfinished"

    @property
    def is_final(self) -> bool:
        """Whether nothing more happens to the migration."""
        return self in _FINAL

    @property
    def reported(self) -> Phase:
        """The phase that tables and reasons name: a wait for a turn is a part of pre-copy."""
        return Phase.PRE_COPY if self is Phase.WAITING_FOR_TURN else self


_FINAL = (
    Phase.COMPLETED,
    Phase.NOT_CONVERGED,
    Phase.CANCELLED,
    Phase.FAILED,
    Phase.UNFINISHED,
)

NOTHING_SENT = (Phase.QUEUED, Phase.PREPARING, Phase.READY)
"""The phases before the first byte."""

COPYING = (Phase.PRE_COPY, Phase.WAITING_FOR_TURN, Phase.STOP_AND_COPY, Phase.POST_COPY)
"""The phases from the first byte to the last one."""


class Limit(StrEnum):
    """The kinds of limit."""

    SLOT = "slot"
    TURN = "turn"
    PREPARING = "preparing"
    LINK = "link"
    BANDWIDTH = "bandwidth cap"
    PAGE_TIME = "page time"
    CHANNELS = "channels"
    ENCODING = "encoding"
    SYNC = "dirty log"
    PAUSING = "suspend and resume"
    FINISHING = "finishing"

    __hash__ = str.__hash__  # that of an enum is a Python function, and limits are keys


Which = int | str
"""A link by its number, a slot in words; empty for a limit of which there is only one."""


class LimitTimes:
    """How long each limit has held one migration."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[Limit, Which], float] = {}

    def add(self, limit: Limit, seconds: float, which: Which = "") -> None:
        """Count time of a limit."""
        if seconds > 0:
            key = limit, which
            self._seconds[key] = self._seconds.get(key, 0.0) + seconds

    def __iter__(self) -> Iterator[tuple[Limit, Which, float]]:
        """Yield each limit and its time, the longest first."""
        for (limit, which), seconds in sorted(self._seconds.items(), key=lambda pair: -pair[1]):
            yield limit, which, seconds

    def longest(self) -> tuple[Limit, Which, float] | None:
        """Return the limit that held longest, with its share of the time; None without any."""
        seconds = self._seconds
        if not seconds:
            return None
        key = max(seconds, key=seconds.__getitem__)
        return *key, seconds[key] / fsum(seconds.values())


@dataclass(slots=True)
class MigrationRecord:
    """One migration, one row of the table `migrations`.

    Times are simulated seconds since the start of the run, NaN for what did not happen. `prepare_s`
    is the time spent on setting up the target before the first byte, at `start_s`. `stay_s` is how
    long the VM had then been on the source, since it came there or the run began. `finish_s`, the
    last part of the time until `end_s`, is spent on releasing the source after the VM runs at the
    target with all of its memory. `waited_s` is the part of the time after the first byte in which
    it waited for its turn on the network. `total_time_s` is prepare_s + (end_s - start_s), that is
    without the waits for slots. `downtime_s` runs from pause to resume, or to the end if it never
    resumed; `interrupted_s` is the time without service, the downtime and the stalls after it.
    `pages_lost_update` counts updates that a literal reading of the strategy would lose, sent in
    stop-and-copy instead. `throttle_max` is the largest share of its CPU time that a policy took
    from the guest, `guest_lost_s` the total CPU time that the guest lost. `limited_by` is the limit
    that held it for the longest part of the time from its request to its end, and `limited_share`
    that part. `attempt` counts the attempts, whether the policy retried after an abort or high
    availability after a fault; `faults_before` of the attempts before were ended by faults. `route`
    lists the numbers of the links from source to target in order, with spaces between them.
    `fidelity` is the engine that kept the page state, "pages", "lumped", "mean-field" or "scalar".
    `outcome` is the final phase and `why` says in words what ended the live rounds, or why it did
    not complete.
    """

    migration: int
    vm: int
    source: int
    target: int
    reason: str
    priority: int
    strategy: str
    memory_pages: int
    queued_s: float
    attempt: int = 1
    faults_before: int = 0
    fidelity: str = "pages"
    route: str = ""
    prepare_s: float = 0.0
    start_s: float = float("nan")
    stay_s: float = float("nan")
    waited_s: float = 0.0
    pause_s: float = float("nan")
    resume_s: float = float("nan")
    finish_s: float = 0.0
    end_s: float = float("nan")
    total_time_s: float = float("nan")
    downtime_s: float = float("nan")
    interrupted_s: float = float("nan")
    rounds: int = 0
    pages_sent_precopy: int = 0
    pages_sent_stop: int = 0
    pages_sent_postcopy: int = 0
    pages_skipped: int = 0
    pages_deferred: int = 0
    pages_lost_update: int = 0
    bytes: float = 0.0
    encode_cpu_s: float = 0.0
    demand_faults: int = 0
    fault_stall_s: float = 0.0
    throttle_max: float = 0.0
    guest_lost_s: float = 0.0
    limited_by: str = ""
    limited_share: float = float("nan")
    outcome: str = Phase.QUEUED.value
    why: str = ""

    @property
    def retries_of_its_kind(self) -> int:
        """Number of earlier retries for the same kind of reason, a fault or an abort."""
        return self.faults_before if self.ended_by_fault else self.attempt - 1 - self.faults_before

    @property
    def ended_by_fault(self) -> bool:
        """Whether a fault has ended it."""
        return self.outcome == Phase.FAILED

    def close(self, now_s: float, outcome: Phase, why: str) -> None:
        """Write the end of the migration into the record."""
        self.end_s = now_s
        self.outcome = outcome.value
        self.why = why or self.why
        self.total_time_s = self.prepare_s + (now_s - self.start_s)
        self.downtime_s = (now_s if isnan(self.resume_s) else self.resume_s) - self.pause_s
        self.interrupted_s = self.downtime_s + self.fault_stall_s

    def add_round(self, counts: RoundCounts) -> None:
        """Add a finished live round to the totals."""
        self.rounds += 1
        self.pages_sent_precopy += counts.sent
        self.pages_skipped += counts.skipped
        self.pages_deferred += counts.deferred
        self.bytes += counts.bytes_sent
        self.encode_cpu_s += counts.encode_cpu_s


LIVE_ROUND = Phase.PRE_COPY.value
"""Value of the column `phase` for a live round; to read it from the enum member takes a call."""


@dataclass(slots=True)
class RoundRecord:
    """One live round, stop-and-copy, or post-copy phase; one row of the table `rounds`.

    It does not change after it is made. It is not frozen, because that would double the time to
    make it.
    """

    migration: int
    vm: int
    phase: str
    round: int
    start_s: float
    end_s: float
    due: int
    sent: int
    skipped: int
    deferred: int
    unvisited: int
    dirtied: int
    bytes: float
    encode_cpu_s: float

    @classmethod
    def live(
        cls, record: MigrationRecord, start_s: float, end_s: float, counts: RoundCounts
    ) -> RoundRecord:
        """Make the row of a live round that has just ended."""
        return cls(
            migration=record.migration,
            vm=record.vm,
            phase=LIVE_ROUND,
            round=record.rounds,
            start_s=start_s,
            end_s=end_s,
            due=counts.due,
            sent=counts.sent,
            skipped=counts.skipped,
            deferred=counts.deferred,
            unvisited=counts.unvisited,
            dirtied=counts.dirtied,
            bytes=counts.bytes_sent,
            encode_cpu_s=counts.encode_cpu_s,
        )

    @classmethod
    def single(
        cls,
        record: MigrationRecord,
        phase: Phase,
        start_s: float,
        end_s: float,
        pages: int,
        sent_bytes: float,
        encode_cpu_s: float,
    ) -> RoundRecord:
        """Make the row of a phase in which every page is sent once."""
        return cls(
            migration=record.migration,
            vm=record.vm,
            phase=phase.value,
            round=record.rounds + 1,
            start_s=start_s,
            end_s=end_s,
            due=pages,
            sent=pages,
            skipped=0,
            deferred=0,
            unvisited=0,
            dirtied=0,
            bytes=sent_bytes,
            encode_cpu_s=encode_cpu_s,
        )


class MigrationRecorder:
    """Enters what one migration did into its record and into the table `rounds`.

    Args:
        record: its row of the table `migrations`.
        rounds: where its rows of the table `rounds` go.

    Attributes:
        empty_rounds: live rounds in a row, up to the last one, that sent nothing.
    """

    def __init__(self, record: MigrationRecord, rounds: list[RoundRecord]) -> None:
        self.empty_rounds = 0
        self._record = record
        self._rounds = rounds
        self._pages_left_before: list[int] = []

    def round_ended(self, counts: RoundCounts, start_s: float, now_s: float) -> None:
        """Enter a live round that has ended or was aborted."""
        self._record.add_round(counts)
        self._rounds.append(RoundRecord.live(self._record, start_s, now_s, counts))
        self.empty_rounds = 0 if counts.sent else self.empty_rounds + 1

    @property
    def pages_left(self) -> tuple[int, ...]:
        """What each live round that has ended has left to stop-and-copy, oldest first."""
        return tuple(self._pages_left_before)

    def left_after_round(self, pages_left: int) -> None:
        """Enter what a round has left for which no progress is asked."""
        self._pages_left_before.append(pages_left)

    def progress(
        self, counts: RoundCounts, engine: MemoryEngine, bytes_per_s: float, now_s: float
    ) -> Progress:
        """Return the state of the migration after a live round that has ended and is entered."""
        record = self._record
        left = engine.stale_pages
        progress = Progress(
            round_number=record.rounds,
            memory_pages=record.memory_pages,
            pages_left=left,
            bytes_left=engine.stale_bytes,
            memory_bytes_left=engine.stale_memory_bytes,
            pages_left_before=tuple(self._pages_left_before),
            sent_pages=counts.sent,
            skipped_pages=counts.skipped + counts.deferred,
            total_sent_pages=record.pages_sent_precopy,
            sent_bytes=counts.bytes_sent,
            bytes_per_s=bytes_per_s,
            elapsed_s=self.elapsed_s(now_s),
            waited_s=record.waited_s,
            unvisited_pages=counts.unvisited,
        )
        self._pages_left_before.append(left)
        return progress

    def waited(self, start_s: float, now_s: float) -> None:
        """Enter a wait for a turn that has ended or was aborted."""
        self._record.waited_s += now_s - start_s

    def elapsed_s(self, now_s: float) -> float:
        """Return the time since the first byte, without the time spent on waiting for turns."""
        return now_s - self._record.start_s - self._record.waited_s

    def sent_once(
        self,
        phase: Phase,
        start_s: float,
        now_s: float,
        pages: int,
        sent_bytes: float,
        encode_cpu_s: float,
    ) -> None:
        """Enter a phase in which every page is sent once, when it has ended or was aborted."""
        self._record.bytes += sent_bytes
        self._record.encode_cpu_s += encode_cpu_s
        self._rounds.append(
            RoundRecord.single(self._record, phase, start_s, now_s, pages, sent_bytes, encode_cpu_s)
        )


@dataclass(slots=True)
class LimitRecord:
    """One limit of one migration, and how long it held; one row of the table `limits`.

    `link` is the number of the link, -1 for a limit that is none. `share` is the part of the time
    from the request to the end.
    """

    migration: int
    vm: int
    kind: str
    limit: str
    link: int
    limited_s: float
    share: float


@dataclass(slots=True)
class LimitRecorder:
    """Enters the limits of migrations into their records and into the table `limits`.

    Args:
        links: the network's links, for their names.
        settings: costs and limits of all migrations.
        policy: name of the manager's policy.
    """

    links: LinkTable
    settings: TransferSettings
    policy: str
    _ended: list[tuple[MigrationRecord, LimitTimes]] = field(default_factory=list)
    _names: dict[tuple[Limit, Which], str] = field(default_factory=dict)

    def enter(self, record: MigrationRecord, times: LimitTimes) -> None:
        """Enter the limits of a migration that has ended."""
        self._ended.append((record, times))
        longest = times.longest()
        if longest is not None:
            limit, which, record.limited_share = longest
            record.limited_by = self._name(limit, which)

    def rows(self) -> list[LimitRecord]:
        """Return the rows of the table so far; made here, since a run ends many migrations."""
        return [row for record, times in self._ended for row in self._rows_of(record, times)]

    def _rows_of(self, record: MigrationRecord, times: LimitTimes) -> Iterator[LimitRecord]:
        total_s = fsum(seconds for _, _, seconds in times)
        for limit, which, seconds in times:
            yield LimitRecord(
                migration=record.migration,
                vm=record.vm,
                kind=limit.value,
                limit=self._name(limit, which),
                link=which if isinstance(which, int) else -1,
                limited_s=seconds,
                share=seconds / total_s,
            )

    def _name(self, limit: Limit, which: Which) -> str:
        key = limit, which
        if key not in self._names:
            self._names[key] = self._in_words(limit, which)
        return self._names[key]

    def _in_words(self, limit: Limit, which: Which) -> str:
        settings = self.settings
        match limit:
            case Limit.LINK:
                return f"link {self.links.in_words(int(which))}"
            case Limit.SLOT:
                return f"slots: {which}"
            case Limit.TURN:
                return "turns on the network"
            case Limit.PREPARING:
                return "preparing the target"
            case Limit.BANDWIDTH:
                cap = settings.bandwidth_bytes_per_s
                whose = (
                    "transfer.bandwidth_bps" if settings.is_users_cap else f"policy {self.policy}"
                )
                return f"bandwidth cap of {_rate(cap)} ({whose})"
            case Limit.PAGE_TIME:
                return f"one page per {settings.page_time_s:g} s (transfer.page_time_s)"
            case Limit.CHANNELS:
                return f"{settings.channels} x {_rate(settings.channel_bytes_per_s)} of channels"
            case Limit.ENCODING:
                cores = "1 core" if settings.channels == 1 else f"{settings.channels} cores"
                return f"encoding on {cores}"
            case Limit.SYNC:
                return "reading the dirty log"
            case Limit.PAUSING:
                return "suspending and resuming the VM"
            case Limit.FINISHING:
                return "releasing the source"


def _rate(bytes_per_s: float) -> str:
    return f"{bytes_per_s * BITS_PER_BYTE * 1e-6:.4g} Mbit/s"


class Accounted(Protocol):
    """A migration that has not ended."""

    @property
    def accounted_bytes(self) -> float:
        """Bytes on the wire up to its last event."""
        ...


class Unaccounted(Protocol):
    """The flows of all migrations."""

    def unaccounted_bytes(self, now_s: float) -> float:
        """Return what they have sent since their last events."""
        ...


class MigrationTally:
    """Sums over the migrations of a run, each counted once when it has ended.

    Args:
        records: every migration ever requested, by number; the list grows.
        live: every migration that has not ended, by number.
        flows: what they send.
        vm_count: number of VMs.

    Attributes:
        completed: how many have completed.
    """

    def __init__(
        self,
        records: Sequence[MigrationRecord],
        live: Mapping[int, Accounted],
        flows: Unaccounted,
        vm_count: int,
    ) -> None:
        self.completed = 0
        self._records = records
        self._live = live
        self._flows = flows
        self._open: list[int] = []
        self._requested = 0
        self._sums = dict.fromkeys(("total_time_s", "downtime_s", "fault_stall_s"), 0.0)
        self._started = 0
        self._bytes_ended = 0.0
        self._completed_of = np.zeros(vm_count, dtype=np.int64)
        self._downtime_s_of = np.zeros(vm_count)
        self._bytes_of = np.zeros(vm_count)

    def update(self) -> None:
        """Count the migrations that have ended since the last call."""
        self._open += range(self._requested, len(self._records))
        self._requested = len(self._records)
        if len(self._open) == len(self._live):
            return
        for number in self._open:
            if number not in self._live:
                self._count(self._records[number])
        self._open = [number for number in self._open if number in self._live]

    def mean(self, column: str) -> float:
        """Return the mean of a time over completed migrations, NaN where there is none.

        Args:
            column: `total_time_s`, `downtime_s` or `fault_stall_s`.
        """
        return self._sums[column] / self.completed if self.completed else nan

    @property
    def mean_bytes(self) -> float:
        """Mean bytes of migrations that began to send and have ended, NaN without one."""
        return self._bytes_ended / self._started if self._started else nan

    def bytes_sent(self, now_s: float) -> float:
        """Return the bytes that all migrations have sent, those under way too.

        Reading it changes nothing: no phase advances because of it.
        """
        under_way: float = sum(one.accounted_bytes for one in self._live.values())
        # within a tick, some have ended that `update` has not counted yet
        numbers = (*self._open, *range(self._requested, len(self._records)))
        under_way += sum(self._records[each].bytes for each in numbers if each not in self._live)
        return self._bytes_ended + under_way + self._flows.unaccounted_bytes(now_s)

    def completed_of(self, vm: int) -> int:
        """Return how many migrations of a VM have completed."""
        return int(self._completed_of[vm])

    def downtime_s_of(self, vm: int) -> float:
        """Return the downtime of a VM over its migrations that have ended."""
        return float(self._downtime_s_of[vm])

    def bytes_of(self, vm: int) -> float:
        """Return the bytes sent for a VM by its migrations that have ended."""
        return float(self._bytes_of[vm])

    def _count(self, record: MigrationRecord) -> None:
        self._started += not isnan(record.start_s)
        self._bytes_ended += record.bytes
        self._bytes_of[record.vm] += record.bytes
        if not isnan(record.downtime_s):
            self._downtime_s_of[record.vm] += record.downtime_s
        if record.outcome == Phase.COMPLETED.value:
            self.completed += 1
            self._completed_of[record.vm] += 1
            for column in self._sums:
                self._sums[column] += getattr(record, column)
