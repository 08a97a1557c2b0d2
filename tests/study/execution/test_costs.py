"""What a piece of work took, also beside others in threads of its process."""

from __future__ import annotations

import os

import pytest

from cluster_emu.study.execution import costs
from cluster_emu.study.execution.costs import measured


class OneProcess:
    """The memory of a process, and the largest since its peak was reset."""

    def __init__(self) -> None:
        self.taken = self.most = 100

    def take(self, size: int) -> None:
        self.taken = size
        self.most = max(self.most, size)

    def write_text(self, text: str) -> None:
        assert text == costs.RESET_PEAK
        self.most = self.taken


def test_the_peak_of_work_is_not_forgotten_when_other_work_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = OneProcess()
    monkeypatch.setattr(costs, "CLEAR_REFS", process)
    monkeypatch.setattr(costs, "peak_memory_bytes", lambda: process.most)
    process.take(900)
    process.take(100)
    with measured() as first:
        process.take(500)
        process.take(200)
        with measured() as second:
            process.take(300)
            process.take(100)
            assert (first().peak_memory_bytes, second().peak_memory_bytes) == (500, 300)
    with measured() as third:
        assert third().peak_memory_bytes == 100


@pytest.mark.skipif(
    not os.access(costs.CLEAR_REFS, os.W_OK), reason="no peak of memory can be reset here"
)
def test_a_real_allocation_is_seen_and_then_forgotten() -> None:
    with measured() as costs_of_much:
        bytearray(b"x") * 200_000_000
        much = costs_of_much()
    with measured() as costs_of_little:
        little = costs_of_little()
    assert much.peak_memory_bytes - little.peak_memory_bytes > 100_000_000
    assert much.cpu_s > 0
