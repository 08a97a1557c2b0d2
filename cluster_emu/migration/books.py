"""Keeps the books of one migration: its record and the rows of its rounds."""

from __future__ import annotations

from cluster_emu.memory.pages import RoundCounts
from cluster_emu.migration.records import MigrationRecord, Phase, RoundRecord


class Books:
    """Enters what a migration did into its record and into the table `rounds`.

    Args:
        record: its row of results.
        rounds: where its rows of the table `rounds` go.
    """

    def __init__(self, record: MigrationRecord, rounds: list[RoundRecord]) -> None:
        self.record = record
        self.pages_left_before: list[int] = []
        self.empty_rounds = 0
        self._rounds = rounds

    def round_ended(self, counts: RoundCounts, start_s: float, now_s: float) -> None:
        """Enter a live round, however it ended."""
        self.record.add_round(counts)
        self._rounds.append(RoundRecord.live(self.record, start_s, now_s, counts))
        self.empty_rounds = 0 if counts.sent else self.empty_rounds + 1

    def phase_ended(
        self,
        phase: Phase,
        start_s: float,
        end_s: float,
        pages: int,
        sent_bytes: float,
        encode_cpu_s: float,
    ) -> None:
        """Enter what was sent while the VM was stopped, or after it had resumed."""
        self.record.bytes += sent_bytes
        self.record.encode_cpu_s += encode_cpu_s
        if phase is Phase.STOP_AND_COPY:
            self.record.pages_sent_stop = pages
        else:
            self.record.pages_sent_postcopy = pages
        self._rounds.append(
            RoundRecord.single(self.record, phase, start_s, end_s, pages, sent_bytes, encode_cpu_s)
        )

    def guest_lost(self, share: float, duration_s: float) -> None:
        """Enter CPU time that was taken from the guest."""
        self.record.guest_lost_s += share * duration_s
