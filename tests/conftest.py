"""What holds for every test: how hypothesis searches, and that no figure opens a window."""

from __future__ import annotations

import os

import matplotlib
from hypothesis import settings

matplotlib.use("Agg")

# Timing on a shared machine says nothing about correctness, so no profile has a deadline.
settings.register_profile("default", deadline=None, max_examples=50)
# A build must not fail by luck: the same examples every time.
settings.register_profile("ci", deadline=None, max_examples=50, derandomize=True, print_blob=True)
# For a night: HYPOTHESIS_PROFILE=thorough make test
settings.register_profile("thorough", deadline=None, max_examples=2_000)

settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default")
)
