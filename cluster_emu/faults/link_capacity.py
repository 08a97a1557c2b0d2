"""The capacity that faults leave to links."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable


class LinkFaults:
    """Keeps the faults of every link; the factors of faults that overlap multiply.

    A link that is down twice is up when both faults are over, and two faults that halve its
    capacity leave a quarter.

    Args:
        set_factor: called with a link and the factor of its capacity from now on.
    """

    def __init__(self, set_factor: Callable[[int, float], None]) -> None:
        self._set_factor = set_factor
        self._factors: dict[int, list[float]] = {}

    def begin(self, links: Iterable[int], factor: float) -> None:
        """Multiply the capacity of `links` by `factor`."""
        for link in links:
            self._factors.setdefault(link, []).append(factor)
            self._apply(link)

    def end(self, links: Iterable[int], factor: float) -> None:
        """End one fault with that factor."""
        for link in links:
            self._factors[link].remove(factor)
            self._apply(link)

    def _apply(self, link: int) -> None:
        self._set_factor(link, math.prod(self._factors[link], start=1.0))
