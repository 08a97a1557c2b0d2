"""Hand-made checks and rounds for policies, and a small mean-field migration that they control."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from cluster_emu.transfer.controller import (
    ControllerDecision,
    MigrationAction,
    MigrationController,
    MigrationStatus,
)
from cluster_emu.transfer.stop_rules import Progress

GIB = 2**30
PAGE = 4096
PAGES = GIB // PAGE
RATE = 125e6
SECOND = int(RATE / PAGE)
"""Pages sent in one second."""

A_STATUS = MigrationStatus(
    elapsed_s=0.0,
    round_number=1,
    memory_bytes=GIB,
    bytes_left=0.5 * GIB,
    bytes_sent=0.5 * GIB,
    bytes_per_s=RATE,
)
A_ROUND = Progress(
    round_number=2,
    memory_pages=PAGES,
    pages_left=100_000,
    bytes_left=100_000.0 * PAGE,
    memory_bytes_left=100_000.0 * PAGE,
    pages_left_before=(100_000,),
    sent_pages=100_000,
    skipped_pages=0,
    total_sent_pages=PAGES + 100_000,
    sent_bytes=100_000.0 * PAGE,
    bytes_per_s=RATE,
    elapsed_s=10.0,
)


def check_when_due(controller: MigrationController, **seen: object) -> ControllerDecision:
    """Let the controller check a migration at the time that it returned."""
    return controller.check(replace(A_STATUS, elapsed_s=controller.next_check_s(), **seen))


def end_round(
    controller: MigrationController,
    at_s: float,
    left: int,
    *,
    before: int | None = None,
    sent: int = 100_000,
    pages_per_s: float = SECOND,
    waited_s: float = 0.0,
) -> ControllerDecision:
    """Let a round end with so many pages left; as many as before it by default.

    The migration has waited for turns for `waited_s` so far, on top of the time `at_s`.
    """
    ended = replace(
        A_ROUND,
        pages_left=left,
        bytes_left=float(left) * PAGE,
        memory_bytes_left=float(left) * PAGE,
        pages_left_before=(left if before is None else before,),
        sent_pages=sent,
        sent_bytes=float(sent) * PAGE,
        bytes_per_s=pages_per_s * PAGE,
        elapsed_s=at_s,
        waited_s=waited_s,
    )
    return controller.round_ended(ended)


def limit_ms(controller: MigrationController) -> float:
    """Return the downtime limit that bytes are compared with, in milliseconds."""
    return round(controller.sync_threshold_bytes(1000.0), 6)


def throttles(
    controller: MigrationController, rounds: int, left: int = 100_000, before: int = 100_000
) -> list[int]:
    """Return the throttle in percent after each of some rounds of 2 s that send 100,000 pages."""
    seen = []
    for number in range(1, rounds + 1):
        end_round(controller, 2.0 * number, left, before=before, pages_per_s=50_000)
        seen.append(round(100 * controller.throttle()))
    return seen


@dataclass
class MeanFieldMigration:
    """A VM with uniform writes whose rounds are as long as QEMU's, on average.

    Args:
        controller: what decides about it.
        writes_per_s: writes a second to any of the hot pages together.
        hot_pages: pages that are written.
    """

    controller: MigrationController
    writes_per_s: float
    hot_pages: int = 200_000
    now_s: float = 0.0
    checks: int = 0
    rounds: int = 0

    def run(self, until_s: float = 1e6) -> ControllerDecision:
        """Run to the decision that ends the live rounds."""
        left, before, total = float(PAGES), (), 0
        while self.now_s < until_s:
            start_s, operational_s, sent = self.now_s, 0.0, 0.0
            while True:
                threshold_bytes = self.controller.sync_threshold_bytes(RATE)
                end_s = self.now_s + max((left - sent) * PAGE - threshold_bytes, PAGE) / RATE
                check_s = self.controller.next_check_s()
                step_s = min(end_s, check_s) - self.now_s
                operational_s += step_s * (1 - self.controller.throttle())
                sent += step_s * RATE / PAGE
                self.now_s += step_s
                if end_s <= check_s:
                    break
                self.checks += 1
                decision = self.controller.check(self._status(left - sent, total + sent))
                if decision[0] is not MigrationAction.CONTINUE:
                    return decision
            self.rounds += 1
            total += sent
            waiting = max(left - sent, 0.0)
            dirty = self.hot_pages * -math.expm1(
                -self.writes_per_s * operational_s / self.hot_pages
            )
            left = waiting + dirty * (1 - waiting / PAGES)
            progress = self._progress(left, before, sent, total, self.now_s - start_s)
            before = (*before, int(left))
            decision = self.controller.round_ended(progress)
            if decision[0] is not MigrationAction.CONTINUE:
                return decision
        return MigrationAction.CONTINUE, "still at it"

    def _status(self, left: float, total: float) -> MigrationStatus:
        return MigrationStatus(self.now_s, self.rounds + 1, GIB, left * PAGE, total * PAGE, RATE)

    def _progress(
        self, left: float, before: tuple[int, ...], sent: float, total: float, took_s: float
    ) -> Progress:
        return Progress(
            round_number=self.rounds,
            memory_pages=PAGES,
            pages_left=int(left),
            bytes_left=int(left) * float(PAGE),
            memory_bytes_left=int(left) * float(PAGE),
            pages_left_before=before,
            sent_pages=max(int(sent), 1),
            skipped_pages=0,
            total_sent_pages=int(total),
            sent_bytes=sent * PAGE,
            bytes_per_s=sent * PAGE / took_s,
            elapsed_s=self.now_s,
        )
