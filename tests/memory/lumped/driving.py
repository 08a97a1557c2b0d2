"""Drives either engine through a whole migration, as a job does, without a cluster around it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster_emu.memory.base import MemoryEngine, RoundCounts
from cluster_emu.transfer.stop_rules import MigrationAction, Progress, StopRule

NEAR = 1e-9
MOST_ROUNDS = 30


@dataclass(frozen=True)
class RateStep:
    """Rate and intensity from some time on."""

    since_s: float
    bytes_per_s: float
    intensity: float = 1.0


@dataclass
class Outcome:
    """One migration: what the acceptance test compares."""

    total_time_s: float = 0.0
    downtime_s: float = 0.0
    pages_live: int = 0
    pages_stop: int = 0
    rounds: int = 0
    pages_skipped: int = 0
    history: list[RoundCounts] = field(default_factory=list)


class Driver:
    """Gives an engine bytes and time by a schedule of rates.

    Args:
        engine: the page state.
        rule: when live rounds end.
        schedule: rate and intensity over time, the first one from time 0.
    """

    def __init__(self, engine: MemoryEngine, rule: StopRule, schedule: Sequence[RateStep]) -> None:
        self.engine = engine
        self.rule = rule
        self.schedule = list(schedule)
        self.now_s = 0.0
        self.outcome = Outcome()

    @property
    def _step(self) -> tuple[RateStep, float]:
        """The rate that holds now, and when the next one begins."""
        begun = [step for step in self.schedule if step.since_s <= self.now_s + NEAR]
        later = [step.since_s for step in self.schedule if step.since_s > self.now_s + NEAR]
        return begun[-1], min(later, default=math.inf)

    def run(self) -> Outcome:
        left: list[int] = []
        last = False
        while True:
            began_s = self.now_s
            counts = self._round()
            self.outcome.rounds += 1
            self.outcome.history.append(counts)
            self.outcome.pages_live += counts.sent
            self.outcome.pages_skipped += counts.skipped + counts.deferred
            if last or self.outcome.rounds == MOST_ROUNDS:
                break
            action = self.rule.decide(self._progress(counts, left, self.now_s - began_s))[0]
            left.append(self.engine.stale_pages)
            if action not in (MigrationAction.CONTINUE, MigrationAction.LAST_ROUND):
                break
            last = action is MigrationAction.LAST_ROUND
        self._stop()
        return self.outcome

    def _round(self) -> RoundCounts:
        engine = self.engine
        engine.begin_round()
        while True:
            step, until_s = self._step
            left = engine.plan(
                step.intensity / step.bytes_per_s, self.rule.sync_threshold_bytes(step.bytes_per_s)
            )
            duration_s = left / step.bytes_per_s
            if self.now_s + duration_s > until_s:
                self._advance(until_s - self.now_s, step)
            elif engine.end_is_known:
                self.now_s += duration_s
                return engine.end_round(step.intensity * duration_s)
            else:
                self._advance(duration_s, step)

    def _advance(self, duration_s: float, step: RateStep) -> None:
        self.engine.advance(step.bytes_per_s * duration_s, step.intensity * duration_s)
        self.now_s += duration_s

    def _progress(self, counts: RoundCounts, left: list[int], duration_s: float) -> Progress:
        rate = counts.bytes_sent / duration_s if duration_s > 0 else self._step[0].bytes_per_s
        return Progress(
            round_number=self.outcome.rounds,
            memory_pages=self.engine.page_count,
            pages_left=self.engine.stale_pages,
            bytes_left=self.engine.stale_bytes,
            memory_bytes_left=self.engine.stale_memory_bytes,
            pages_left_before=tuple(left),
            sent_pages=counts.sent,
            skipped_pages=counts.skipped + counts.deferred,
            total_sent_pages=self.outcome.pages_live,
            sent_bytes=counts.bytes_sent,
            bytes_per_s=rate,
            elapsed_s=self.now_s,
        )

    def _stop(self) -> None:
        self.outcome.pages_stop = self.engine.stop_sizes().count
        begun_s, left = self.now_s, self.engine.stale_bytes
        while left > 0:
            step, until_s = self._step
            duration_s = min(left / step.bytes_per_s, until_s - self.now_s)
            left -= step.bytes_per_s * duration_s
            left = left if left > NEAR * step.bytes_per_s else 0.0
            self.now_s += duration_s
        self.engine.hand_over()
        assert self.engine.stale_pages == 0
        self.outcome.downtime_s = self.now_s - begun_s
        self.outcome.total_time_s = self.now_s
