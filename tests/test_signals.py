"""SIGINT, SIGTERM and SIGHUP end a command alike, and only while it asks for it."""

from __future__ import annotations

import os
import signal

import pytest

from cluster_emu import signals


@pytest.mark.parametrize("number", signals.ENDING)
def test_each_signal_interrupts_with_its_own_exit_status(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(signals.Interrupted) as raised, signals.raised():
        os.kill(os.getpid(), number)

    assert signals.exit_status(raised.value) == 128 + number
    assert number.name in str(raised.value)
    assert signal.getsignal(number) is before


def test_an_interrupt_that_was_raised_on_from_another_keeps_its_status() -> None:
    with pytest.raises(KeyboardInterrupt) as raised:
        try:
            raise signals.Interrupted(signal.SIGHUP)
        except KeyboardInterrupt:
            raise KeyboardInterrupt from None

    assert signals.exit_status(raised.value) == 129
    assert signals.exit_status(KeyboardInterrupt()) == 130


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.raised():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
