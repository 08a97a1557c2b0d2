"""Keeps the books of one migration: its record and the rows of its rounds."""

from __future__ import annotations

from cluster_emu.memory.base import MemoryEngine, RoundCounts
from cluster_emu.transfer.controller import Progress
from cluster_emu.transfer.phases import PostCopyPush, StoppedCopy, WaitingRound
from cluster_emu.transfer.records import MigrationRecord, Phase, RoundRecord


class MigrationRecorder:
    """Enters what a migration did into its record and into the table `rounds`.

    Args:
        record: its row of results.
        rounds: where its rows of the table `rounds` go.
    """

    def __init__(self, record: MigrationRecord, rounds: list[RoundRecord]) -> None:
        self.record = record
        self._pages_left_before: list[int] = []
        self.empty_rounds = 0
        self._rounds = rounds

    def round_ended(self, counts: RoundCounts, start_s: float, now_s: float) -> None:
        """Enter a live round, however it ended."""
        self.record.add_round(counts)
        self._rounds.append(RoundRecord.live(self.record, start_s, now_s, counts))
        self.empty_rounds = 0 if counts.sent else self.empty_rounds + 1

    def progress(
        self, counts: RoundCounts, engine: MemoryEngine, bytes_per_s: float, now_s: float
    ) -> Progress:
        """Return what is known after a live round that ended by itself, and has been entered."""
        left = engine.stale_pages
        progress = Progress(
            round_number=self.record.rounds,
            memory_pages=self.record.memory_pages,
            pages_left=left,
            bytes_left=engine.stale_bytes,
            pages_left_before=tuple(self._pages_left_before),
            sent_pages=counts.sent,
            skipped_pages=counts.skipped + counts.deferred,
            total_sent_pages=self.record.pages_sent_precopy,
            sent_bytes=counts.bytes_sent,
            bytes_per_s=bytes_per_s,
            elapsed_s=self.elapsed_s(now_s),
            waited_s=self.record.waited_s,
        )
        self._pages_left_before.append(left)
        return progress

    def waited(self, waiting: WaitingRound, now_s: float) -> None:
        """Enter a wait for a turn that is over, or was broken off."""
        self.record.waited_s += now_s - waiting.start_s

    def elapsed_s(self, now_s: float) -> float:
        """Return the time since the first byte, less that spent on waiting for turns."""
        return now_s - self.record.start_s - self.record.waited_s

    def stop_ended(self, stopped: StoppedCopy, now_s: float) -> None:
        """Enter a stop-and-copy that has ended with the resume, or was broken off."""
        self.record.pages_sent_stop = stopped.pages_sent
        self._enter(Phase.STOP_AND_COPY, stopped, now_s)

    def push_ended(self, push: PostCopyPush, now_s: float) -> None:
        """Enter a post-copy push that has come to its end, or was broken off."""
        self.record.demand_faults = push.engine.faults
        self.record.fault_stall_s = push.engine.stall_s
        self.record.pages_sent_postcopy = push.pages_sent
        self._enter(Phase.POST_COPY, push, now_s)

    def _enter(self, phase: Phase, sent: StoppedCopy | PostCopyPush, now_s: float) -> None:
        self.record.bytes += sent.bytes_sent
        self.record.encode_cpu_s += sent.encode_cpu_s
        self._rounds.append(
            RoundRecord.single(
                self.record,
                phase,
                sent.start_s,
                now_s,
                sent.pages_sent,
                sent.bytes_sent,
                sent.encode_cpu_s,
            )
        )

    def check_memory(self, engine: MemoryEngine) -> None:
        """Prove, where versions are kept, that the target's memory is the source's.

        Raises:
            RuntimeError: if it is not.
        """
        if engine.versions is not None and len(engine.versions.stale()):
            raise RuntimeError(
                f"migration {self.record.migration}: {len(engine.versions.stale())} pages of VM "
                f"{self.record.vm} are stale at the target"
            )

    def guest_lost(self, share: float, duration_s: float) -> None:
        """Enter CPU time that was taken from the guest."""
        self.record.guest_lost_s += share * duration_s
