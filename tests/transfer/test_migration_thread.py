"""QEMU's migration thread: iterations, windows, time to read the log, what the socket holds."""

from __future__ import annotations

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.transfer.migration_thread import MigrationThread, ThreadSettings
from tests._support.small_scenarios import WIRE, scenario

PAGES_PER_S = 4096.0
LINK_BPS = 8 * WIRE * PAGES_PER_S


def migrated(pages=8192, rate=0.0, limit_s=0.3, link_bps=LINK_BPS, thread=None, **policy):
    found = scenario(
        pages=pages,
        profile={"name": "uniform", "writes_per_page_s": rate},
        strategy="qemu",
        stop=None,
        link_bps=link_bps,
        transfer={
            "policy": {
                "name": "qemu",
                "downtime_limit_s": limit_s,
                "bandwidth_bytes_per_s": "unlimited",
                **policy,
            },
            "thread": {"iterations": True, **(thread or {})},
        },
    )
    return ClusterModel(found, rng=1).run()


def test_an_iteration_ends_after_a_group_of_64_pages_later_than_50_ms():
    thread = MigrationThread(ThreadSettings(in_iterations=True), 1.0)
    thread.begin(0.0)
    assert thread.bytes_left(0.0, 4096.0) == pytest.approx(256, abs=0.01)  # 204.8 pages in 50 ms
    thread.sent(100.0)
    assert thread.bytes_left(100 / 4096, 4096.0) == pytest.approx(156, abs=0.01)
    # exactly 50 ms are not more than 50 ms
    assert thread.bytes_left(0.02, 28 / 0.03) == pytest.approx(92, abs=0.01)


def test_the_bandwidth_is_that_of_the_last_window():
    thread = MigrationThread(ThreadSettings(in_iterations=True), 1.0)
    thread.begin(0.0)
    for number in range(1, 4):
        thread.sent(256.0)
        thread.end_iteration(number * 0.0625)
        known = 0.0 if number < 2 else 512 / 0.125
        assert thread.bandwidth_bytes_per_s == pytest.approx(known)


@pytest.mark.parametrize(("flush_pages", "expected"), [(1, 409), (32, 416)])
def test_a_window_sends_the_page_that_exceeds_its_budget(flush_pages, expected):
    settings = ThreadSettings(True, 0.1, 2**24, flush_pages)
    thread = MigrationThread(settings, 4104.0)
    thread.begin(0.0)
    assert thread.bytes_left(0.0, 1e12) == pytest.approx(2 * expected * 4104)
    thread.sent(2 * expected * 4104.0)
    assert thread.is_used_up
    thread.end_iteration(0.1)
    assert thread.bytes_left(0.1, 1e12) == pytest.approx(expected * 4104)


def test_rounds_end_at_the_end_of_an_iteration():
    rounds = migrated(rate=0.5).rounds
    live = rounds[rounds.phase == "pre-copy"]
    assert (live.sent % 64 == 0).all()
    assert (live.unvisited > 0).all()
    # 0.3 s at the link's rate, of memory without headers
    assert (live.unvisited < 0.3 * PAGES_PER_S * WIRE / 4096).all()


def test_without_iterations_the_round_ends_at_any_page():
    rounds = migrated(rate=0.5, thread={"iterations": False}).rounds
    assert (rounds[rounds.phase == "pre-copy"].sent % 64 != 0).any()


def test_windows_send_their_budget_and_wait():
    result = migrated(
        pages=4089,
        limit_s=0.001,
        link_bps=1e12,
        thread={"rate_limit": "windows"},
        bandwidth_bytes_per_s=2**24,
    )
    # 10 budgets of 409 pages, of which the first window has two, and the last is not used up
    assert result.migrations.total_time_s[0] == pytest.approx(0.8, abs=0.002)


def test_reading_the_log_takes_time_in_which_nothing_is_sent():
    def total_s(**thread):
        return migrated(pages=4096, rate=0.001, limit_s=0.001, thread=thread).migrations

    plain, slow = total_s(), total_s(sync_page_s=0.1)
    dirtied = slow.rounds[0]
    assert dirtied > 0
    assert slow.total_time_s[0] >= plain.total_time_s[0] + 0.0999
    assert slow.limited_by[0] is not None


def test_the_buffers_of_the_socket_are_paid_for_once():
    buffered = 390_000.0
    plain = migrated(pages=8192)
    ahead = migrated(pages=8192, thread={"socket_buffer_bytes": buffered})
    for result in (plain, ahead):
        assert result.migrations.bytes[0] == pytest.approx(8192 * WIRE)
        assert result.tables["links"].bytes.max() == pytest.approx(8192 * WIRE)
    longer = ahead.migrations.downtime_s[0] - plain.migrations.downtime_s[0]
    # the iteration at which it stops is another one as well
    grain_s = 256 / PAGES_PER_S
    assert buffered / (WIRE * PAGES_PER_S) == pytest.approx(longer, abs=grain_s)


def test_a_vm_that_stands_still_while_the_log_is_read_writes_less():
    def dirtied(**thread):
        rounds = migrated(pages=4096, rate=2.0, thread={"sync_page_s": 2e-4, **thread}).rounds
        return rounds.dirtied.sum() / rounds[rounds.phase == "pre-copy"].shape[0]

    assert dirtied(sync_stops_vm=True) < dirtied()


def test_windows_need_iterations():
    with pytest.raises(ScenarioError, match="fluid"):
        migrated(thread={"iterations": False, "rate_limit": "windows"})


def test_post_copy_is_entered_when_it_is_asked_for():
    result = migrated(pages=8192, rate=0.5, post_copy_after_s=1.0, thread={"sync_page_s": 1e-5})
    record = result.migrations.iloc[0]
    assert record.pause_s - record.start_s == pytest.approx(1.0, abs=1e-3)
    assert "post-copy" in record.why
    # the log is read with the VM stopped
    assert record.downtime_s == pytest.approx(1e-5 * result.rounds.dirtied[0], rel=1e-6)
    assert record.pages_sent_postcopy > 0


def test_the_same_seed_gives_the_same_bytes():
    thread = {"rate_limit": "windows", "sync_page_s": 1e-5, "socket_buffer_bytes": 1e5}
    first, second = (migrated(rate=0.5, thread=thread).rounds for _ in range(2))
    assert first.equals(second)


@pytest.mark.slow
def test_lumped_memory_sends_in_iterations_too():
    def total_s(fidelity):
        found = scenario(
            pages=8192,
            profile={"name": "uniform", "writes_per_page_s": 0.3},
            strategy="qemu",
            stop=None,
            link_bps=LINK_BPS,
            run={"track_versions": False, "fidelity": fidelity},
            transfer={
                "policy": {"name": "qemu", "bandwidth_bytes_per_s": "unlimited"},
                "thread": {"iterations": True},
            },
        )
        runs = [ClusterModel(found, rng=seed).run().migrations.total_time_s[0] for seed in range(5)]
        return sum(runs) / len(runs)

    assert total_s("lumped") == pytest.approx(total_s("pages"), rel=0.03)


def test_auto_converge_takes_the_idle_time_of_a_paced_guest_first():
    """A guest that wants a tenth of its CPU writes as before until less than that is left."""

    def migration_of(demand):
        found = scenario(
            pages=4096,
            profile={"name": "uniform", "writes_per_page_s": 2.0},
            strategy="qemu",
            stop=None,
            link_bps=LINK_BPS,
            workload={
                "demand": {"name": "constant", "share": demand},
                "write_intensity": "constant",
            },
            transfer={
                "policy": {
                    "name": "qemu",
                    "bandwidth_bytes_per_s": "unlimited",
                    "auto_converge": True,
                    "throttle_initial_percent": 50,
                    "throttle_increment_percent": 30,
                    "max_throttle_percent": 80,
                    "timeout_s": 20.0,
                },
                "thread": {"iterations": True},
            },
        )
        result = ClusterModel(found, rng=1).run()
        assert result.migrations.throttle_max[0] > 0.0
        return result.migrations

    paced = migration_of(0.1)
    assert paced.throttle_max[0] == pytest.approx(0.8)
    assert paced.outcome[0] != "completed"
    assert paced.guest_lost_s[0] == 0.0
    busy = migration_of(1.0)
    assert busy.outcome[0] == "completed"
    assert busy.guest_lost_s[0] > 0.0
