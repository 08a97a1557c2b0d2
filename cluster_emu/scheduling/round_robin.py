"""Whose turn it is on the network, among the migrations that hold a slot to copy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from cluster_emu.transfer.migration import Migration

Start = Callable[[Migration, float], None]


class Turns(Protocol):
    """Says when a migration may send."""

    def join(self, migration: Migration, now_s: float) -> None:
        """Let a migration that has not started take part."""
        ...

    def may_go_on(self, migration: Migration, now_s: float) -> bool:
        """Tell whether a migration whose live round has ended may begin the next one at once.

        If not, it sends nothing until it is told to go on.
        """
        ...

    def leave(self, migration: Migration) -> None:
        """Count on a migration no longer, wherever it stands."""
        ...

    def give(self, now_s: float) -> None:
        """Give the turn to the next one if nobody has it."""
        ...


class Concurrent:
    """All send at the same time and share the links.

    Args:
        start: starts a migration.
    """

    def __init__(self, start: Start) -> None:
        self._start = start

    def join(self, migration: Migration, now_s: float) -> None:
        """Start it."""
        self._start(migration, now_s)

    def may_go_on(self, migration: Migration, now_s: float) -> bool:
        """Return True."""
        return True

    def leave(self, migration: Migration) -> None:
        """Do nothing: nobody waits for it."""

    def give(self, now_s: float) -> None:
        """Do nothing: everybody has the turn."""


class RoundRobin:
    """One sends at a time, one live round each in cyclic order; the interleaved serial migration.

    The turn is kept from stop-and-copy to the end of the copy, so a downtime is not divided.
    Compare the improved serial migration of Sun et al. (Future Generation Computer Systems 55,
    2016) and the interleaved pre-copy of later work.

    Args:
        start: starts a migration.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._sends: Migration | None = None
        self._waits: deque[Migration] = deque()

    def join(self, migration: Migration, now_s: float) -> None:
        """Let it have its first turn after all that wait now."""
        self._waits.append(migration)

    def may_go_on(self, migration: Migration, now_s: float) -> bool:
        """Pass the turn on, unless nobody else wants it."""
        if not self._waits:
            return True
        self._waits.append(migration)
        self._sends = None
        self.give(now_s)
        return False

    def leave(self, migration: Migration) -> None:
        """Take it out; its turn is free until `give`."""
        if self._sends is migration:
            self._sends = None
        elif migration in self._waits:
            self._waits.remove(migration)

    def give(self, now_s: float) -> None:
        """Let the one that has waited longest start or go on if nobody has the turn."""
        if self._sends is not None or not self._waits:
            return
        self._sends = self._waits.popleft()
        if self._sends.has_started:
            self._sends.take_turn(now_s)
        else:
            self._start(self._sends, now_s)
