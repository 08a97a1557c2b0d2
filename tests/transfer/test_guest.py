"""What slows a guest down while it migrates, and what is notified of it."""

from __future__ import annotations

import math

import pytest

from cluster_emu.network import FluidLoop
from cluster_emu.transfer.guest import Guest
from cluster_emu.transfer.records import MigrationRecord


class Steps:
    """A write intensity that is 0.8 until 2 s, and 0.4 from then on."""

    def level(self, now_s: float) -> float:
        return 0.8 if now_s < 2.0 else 0.4

    def demand(self, now_s: float) -> float:
        return 1.0

    def next_change(self, now_s: float) -> float:
        return 2.0 if now_s < 2.0 else math.inf


class Around:
    """A guest, and what it notified."""

    def __init__(self) -> None:
        self.speeds: list[tuple[float, float]] = []
        self.changes: list[tuple[str, float, float]] = []
        self.record = MigrationRecord(0, 0, 0, 1, "", 0, "", 0, 0.0)
        self.loop = FluidLoop([1.0])
        self.guest = Guest(
            self.record,
            Steps(),
            self.loop,
            self,
            before_change=lambda now_s: self._changed("before", now_s),
            after_change=lambda now_s: self._changed("after", now_s),
        )
        self.guest.follow(0.0)

    def _changed(self, when: str, now_s: float) -> None:
        self.changes.append((when, now_s, self.guest.intensity))

    def slowed(self, record: MigrationRecord, speed: float, now_s: float) -> None:
        self.speeds.append((now_s, speed))

    def stalled(self, *_: object) -> None: ...

    def offer_turn(self, *_: object) -> bool:
        return True

    def resumed(self, *_: object) -> None: ...

    def ended(self, *_: object) -> None: ...


def test_throttle_and_tracking_scale_what_is_left_by_each_other() -> None:
    around = Around()
    guest = around.guest
    guest.track(0.1, 0.0)
    guest.throttle(0.5, 1.0)
    assert guest.intensity == pytest.approx(0.8 * 0.5 * 0.9)
    assert guest.lost_share == pytest.approx(1 - 0.5 * 0.9)
    guest.count_lost(2.0)
    assert around.record.guest_lost_s == pytest.approx(2.0 * guest.lost_share)
    assert around.record.throttle_max == 0.5
    assert around.speeds == [(0.0, pytest.approx(0.9)), (1.0, pytest.approx(0.45))]


def test_only_changes_of_the_speed_are_notified() -> None:
    around = Around()
    guest = around.guest
    guest.track(0.0, 0.0)
    guest.throttle(0.2, 0.5)
    guest.throttle(0.2, 1.0)
    guest.pause(1.5)
    guest.pause(1.6)
    guest.resume(1.7)
    guest.leave(1.8)
    assert around.speeds == [(0.5, 0.8), (1.5, 0.0), (1.7, 1.0)]
    assert guest.lost_share == 0.0
    assert around.record.throttle_max == 0.2


def test_callers_act_on_both_sides_of_a_change() -> None:
    around = Around()
    around.guest.throttle(0.5, 0.0)
    around.loop.run_until(3.0)
    assert around.changes == [("before", 2.0, 0.4), ("after", 2.0, 0.2)]


def test_a_guest_that_is_left_follows_no_more_changes() -> None:
    around = Around()
    around.guest.leave(1.0)
    around.loop.run_until(3.0)
    assert around.changes == []
    assert around.guest.intensity == 0.8
