"""Migrations that hold a slot to copy take turns: one sends at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cluster_emu.transfer.migration import Migration

Start = Callable[[Migration, float], None]


class RoundRobin:
    """One sends at a time, one live round each in cyclic order: interleaved serial migration.

    A migration keeps the turn from stop-and-copy to the end of the copy, so a downtime is not
    divided. Compare the improved serial migration of Sun et al. (Future Generation Computer Systems
    55, 2016) and the interleaved pre-copy of later work.

    Args:
        start: starts a migration.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._sending: Migration | None = None
        self._waiting: deque[Migration] = deque()

    def join(self, migration: Migration, now_s: float) -> None:
        """Add a migration that has not started to the end of the queue for turns."""
        self._waiting.append(migration)

    def offer_turn(self, migration: Migration, now_s: float) -> bool:
        """Offer the turn to those that wait; return whether the migration keeps it.

        It keeps the turn if no other migration waits. Else it sends nothing until `take_turn`.
        """
        if not self._waiting:
            return True
        self._waiting.append(migration)
        self._sending = None
        self.give_turn(now_s)
        return False

    def leave(self, migration: Migration) -> None:
        """Exclude it; if it had the turn, the turn is free until `give_turn`."""
        if self._sending is migration:
            self._sending = None
        elif migration in self._waiting:
            self._waiting.remove(migration)

    def give_turn(self, now_s: float) -> None:
        """Give the turn to the migration that has waited longest if no migration has it."""
        if self._sending is not None or not self._waiting:
            return
        self._sending = self._waiting.popleft()
        if self._sending.has_started:
            self._sending.take_turn(now_s)
        else:
            self._start(self._sending, now_s)
