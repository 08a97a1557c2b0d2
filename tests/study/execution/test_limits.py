"""Limits on time and memory: what goes beyond them is ended where it is, and nothing else."""

from __future__ import annotations

import resource
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from cluster_emu.study.execution.costs import measured, resident_bytes
from cluster_emu.study.execution.limits import MEMORY, TIME, CellLimits, LimitReached, within_limits

MIB = 2**20


def spin(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def own_error() -> None:
    raise ValueError("own")


def test_a_block_over_its_time_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(LimitReached) as reached:
        within_limits(lambda: spin(20.0), CellLimits(time_s=0.1))

    assert reached.value.limit == TIME
    assert 0.1 <= time.monotonic() - started < 10.0


def test_a_block_within_its_limits_is_left_alone() -> None:
    limits = CellLimits(time_s=60, memory_bytes=2**40)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    assert within_limits(lambda: sum(range(1000)), limits) == 499_500
    with pytest.raises(ValueError, match="own"):
        within_limits(own_error, limits)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    assert "cell-limits" not in {thread.name for thread in threading.enumerate()}


def test_nothing_is_raised_after_a_block_that_ends_with_its_time() -> None:
    for number in range(200):
        duration_s = 0.0019 + 1e-6 * number
        with suppress(LimitReached):
            within_limits(partial(spin, duration_s), CellLimits(time_s=0.002))
        spin(0.0005)
        assert "cell-limits" not in {thread.name for thread in threading.enumerate()}


def test_an_exception_that_goes_nowhere_comes_again() -> None:
    def swallow() -> None:
        with suppress(BaseException):
            spin(20.0)
        spin(20.0)

    with pytest.raises(LimitReached):
        within_limits(swallow, CellLimits(time_s=0.05))


def test_a_block_in_a_thread_is_ended_there() -> None:
    ended: list[str] = []

    def work() -> None:
        try:
            within_limits(lambda: spin(20.0), CellLimits(time_s=0.1))
        except LimitReached as reached:
            ended.append(reached.limit)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(15.0)
    assert ended == [TIME]


def test_a_block_that_takes_memory_step_by_step_is_ended() -> None:
    taken = []

    def take() -> None:
        for _ in range(400):
            taken.append(b"x" * MIB)
            spin(0.002)

    limits = CellLimits(memory_bytes=resident_bytes() + 64 * MIB)
    with pytest.raises(LimitReached) as reached:
        within_limits(take, limits)

    assert reached.value.limit == MEMORY
    assert len(taken) < 300


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA")
def test_a_large_piece_of_memory_is_refused_before_it_is_touched() -> None:
    limits = CellLimits(memory_bytes=resident_bytes() + 64 * MIB)
    with pytest.raises(LimitReached) as reached:
        within_limits(lambda: bytearray(2**36), limits)

    assert reached.value.limit == MEMORY
    assert bytearray(128 * MIB)  # the limit is gone


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "word"), [("time.sleep(60)", TIME), ("pow(3, 10**9, 10**400_000 + 1)", "Timeout")]
)
def test_a_process_that_hears_nothing_is_ended_and_says_why(
    tmp_path: Path, work: str, word: str
) -> None:
    note = tmp_path / "note"
    code = f"""
import time
from pathlib import Path
from cluster_emu.study.execution import limits
limits.GRACE_S, limits.AGAIN_AFTER_S = 2.0, 0.1
limits.within_limits(lambda: {work}, limits.CellLimits(time_s=0.2), Path({str(note)!r}))
"""
    started = time.monotonic()
    ended = subprocess.run([sys.executable, "-c", code], check=False, timeout=60)

    assert ended.returncode == 1
    assert time.monotonic() - started < 30.0
    assert note.read_text("utf-8").startswith(word)


def test_what_a_block_takes_is_measured() -> None:
    with measured() as costs:
        held = bytearray(b"x" * (64 * MIB))
        spin(0.05)
        found = costs()
    del held

    assert 0.05 <= found.wall_s < 10.0
    assert 0.02 <= found.cpu_s < 10.0
    assert found.peak_memory_bytes >= 64 * MIB
