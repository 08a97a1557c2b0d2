"""Times as APIs write them."""

from __future__ import annotations

from datetime import UTC, datetime

LONGEST_TIME = 40


def seconds_of(value: object) -> float | None:
    """Return the seconds since 1970 of a time in RFC 3339, UTC where it says no zone.

    None stands for what is no time.
    """
    if not isinstance(value, str) or len(value) > LONGEST_TIME:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
