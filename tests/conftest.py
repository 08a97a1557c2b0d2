"""What holds for every test: which parts there are, how hypothesis searches, no windows."""

from __future__ import annotations

import os
import signal

import matplotlib
from hypothesis import settings

from cluster_emu import plugins
from cluster_emu.metrics import catalogue

matplotlib.use("Agg")

# `nohup` and background jobs ignore these, and then so do the commands, as they should. The tests
# are of commands that hear them, whatever started the tests.
for number, handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, signal.SIG_DFL),
):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)

# The suite tests the parts of this distribution. Whatever others are installed beside it must
# change no list of names; tests of plug-ins install their own, in a process of their own.
for module in (plugins, catalogue):
    module.entry_points = lambda *, group: ()  # type: ignore[attr-defined]

# Timing on a shared machine says nothing about correctness, so no profile has a deadline.
settings.register_profile("default", deadline=None, max_examples=30)
# A build must not fail by luck: the same examples every time.
settings.register_profile("ci", deadline=None, max_examples=30, derandomize=True, print_blob=True)
# The same tests on another interpreter: what differs there shows in few examples.
settings.register_profile("few", deadline=None, max_examples=10, derandomize=True, print_blob=True)
# For a night: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("thorough", deadline=None, max_examples=2_000)

settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)
