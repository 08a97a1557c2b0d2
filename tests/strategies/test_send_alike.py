"""Which strategies send the same pages, whatever they are called."""

from __future__ import annotations

import pytest

from cluster_emu.scenario import Choice
from cluster_emu.strategies import Strategy, send_alike, strategies

PAGES = 262_144


def made(text: str) -> Strategy:
    choice = Choice.model_validate(text)
    return strategies.create(choice.name, **choice.parameters)


@pytest.mark.parametrize(
    ("a", "b", "alike"),
    [
        ("pre-copy", "xen-v2", True),
        ("pre-copy", "qemu", True),  # one chunk holds the whole VM
        ("pre-copy", "qemu:chunk_pages=1000", False),
        ("pre-copy", "qemu:clear_granularity=page", False),
        ("pre-copy", "xen-legacy", False),
        ("time-series:threshold=4,history=7", "history-majority:history=7", True),
        ("time-series:threshold=4,history=7", "history-majority:history=5", False),
        ("time-series:threshold=5,history=5", "xen-legacy:peek_batch_pages=1", True),
        ("time-series:threshold=5,history=5", "xen-legacy", False),
        ("matrix-bitmap:peeks=1", "xen-legacy:peek_batch_pages=1", True),
        ("history-majority:to_send=literal", "history-majority", False),
        ("history-majority:first_round=full", "history-majority", False),
        ("hybrid", "hybrid:live_rounds=2", False),
        ("post-copy", "post-copy:pivots=2", False),
        ("post-copy", "stop-and-copy", False),
    ],
)
def test_alike(a: str, b: str, alike: bool) -> None:
    assert send_alike(made(a), made(b), PAGES) is alike
    assert send_alike(made(b), made(a), PAGES) is alike


def test_a_vm_of_two_chunks_is_cleared_in_two_parts() -> None:
    assert not send_alike(made("pre-copy"), made("qemu"), PAGES + 1)
