"""What may be foretold of a migration when its rate changes."""

from __future__ import annotations

from enum import IntEnum


class RateEffect(IntEnum):
    """What another rate does to the bytes that are planned until the next event.

    It says what may be foretold without asking the page state at each change of the rate.
    """

    NONE = 0
    """They stay what they are."""
    BOUNDED = 1
    """If they were L at a rate, they are at least min(1, s) L at s times that rate, and at least 0
    after a stall; to know more, `plan` must be asked.

    So it is where pages are sent if seen clean: sent more slowly, by the time s L bytes are sent no
    more of the round has passed than would have at the old rate, and sent faster, more are clean.
    It does not hold where pages are sent because they are seen dirty.
    """
    ANY = 2
    """Nothing is known; they must be planned anew."""
