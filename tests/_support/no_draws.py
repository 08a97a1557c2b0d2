"""A generator for policies that draw no random numbers."""

from __future__ import annotations


class NoDraws:
    """Fails as soon as something is drawn from it."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"the policy drew a random number ({name})")


NO_DRAWS = NoDraws()
