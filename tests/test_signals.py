"""SIGINT, SIGTERM and SIGHUP end a command alike, and only while it asks for it."""

from __future__ import annotations

import os
import signal
import threading

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


def test_a_signal_waits_until_a_held_block_is_over() -> None:
    done = []
    with signals.raised(), pytest.raises(signals.Interrupted) as raised:
        with signals.held():
            with signals.held():
                os.kill(os.getpid(), signal.SIGTERM)
                done.append("inner")
            done.append("outer")
        done.append("after")

    assert done == ["inner", "outer"]
    assert raised.value.number == signal.SIGTERM


def test_a_held_block_that_fails_still_hears_its_signal() -> None:
    def fail() -> None:
        with signals.held():
            os.kill(os.getpid(), signal.SIGHUP)
            raise OSError("no room")

    with signals.raised():
        with pytest.raises(signals.Interrupted) as raised:
            fail()
        assert isinstance(raised.value.__context__, OSError)
        with pytest.raises(signals.Interrupted):  # nothing is held any more
            os.kill(os.getpid(), signal.SIGHUP)


def test_a_held_block_of_another_thread_holds_nothing() -> None:
    inside, over = threading.Event(), threading.Event()

    def hold() -> None:
        with signals.held():
            inside.set()
            over.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait(30)
    try:
        with signals.raised(), pytest.raises(signals.Interrupted):
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        over.set()
        thread.join()


def test_work_that_insists_hears_a_signal_that_was_held() -> None:
    with signals.raised(), signals.insisting() as raise_if_swallowed:
        with pytest.raises(signals.Interrupted), signals.held():
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(signals.Interrupted):
            raise_if_swallowed()
