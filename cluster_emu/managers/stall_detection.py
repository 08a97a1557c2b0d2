"""KubeVirt's stall detector: does a migration make progress, and if not, when to act?

Re-implemented from the behaviour of KubeVirt's (d923fdb, virt-launcher/virtwrap/stall-detector.go).
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class StallDetector:
    """Compares the bytes left at the start of each round, which QEMU's log sync reports.

    A migration stalls if no round within a window of time begins with fewer bytes left than the
    least before that window, less a margin. From then on the moment to act is a round that begins
    with at most the best so far, plus the margin. If no such round comes within the patience, the
    next best of the rounds since the stall becomes the best, and the patience shrinks.

    Args:
        window_s: length of the window, and the first patience.
        margin: as a share of the bytes compared with.
        patience_factor: the next patience as a share of the one before.
    """

    window_s: float
    margin: float
    patience_factor: float
    stalled: bool = False
    best_bytes: float = math.inf
    _least_before_window: float = math.inf
    _candidates: list[tuple[float, float]] = field(default_factory=list)
    _since_stall: list[float] = field(default_factory=list)
    _patience_s: float = 0.0
    _patience_ends_s: float = math.inf

    def good_moment(self, elapsed_s: float, bytes_left: float) -> bool:
        """Add a round that begins; return whether this is the moment to act.

        Args:
            elapsed_s: when it begins, later than the one before.
            bytes_left: what is left to send at that moment.
        """
        self._remember(elapsed_s, bytes_left)
        if self.stalled:
            self._relax(elapsed_s, bytes_left)
        elif bytes_left >= self._least_before_window * (1 - self.margin):
            self._stall(elapsed_s)
        return self.stalled and bytes_left <= self.best_bytes * (1 + self.margin)

    def _remember(self, elapsed_s: float, bytes_left: float) -> None:
        """Keep the falling minima of the window; one that leaves it may be the least before it."""
        while self._candidates and elapsed_s - self._candidates[0][0] >= self.window_s:
            _, aged_bytes = self._candidates.pop(0)
            self._least_before_window = min(self._least_before_window, aged_bytes)
        least = self._candidates[-1][1] if self._candidates else math.inf
        if bytes_left < least:
            self._candidates.append((elapsed_s, bytes_left))

    def _stall(self, elapsed_s: float) -> None:
        self.stalled = True
        left = [bytes_left for _, bytes_left in self._candidates]
        self.best_bytes = min([self._least_before_window, *left])
        self._patience_s = self.window_s
        self._patience_ends_s = elapsed_s + self._patience_s

    def _relax(self, elapsed_s: float, bytes_left: float) -> None:
        heapq.heappush(self._since_stall, bytes_left)
        if elapsed_s < self._patience_ends_s:
            return
        self.best_bytes = heapq.heappop(self._since_stall)
        self._patience_s *= self.patience_factor
        self._patience_ends_s = elapsed_s + self._patience_s


@dataclass(slots=True)
class SmoothedRate:
    """An exponentially weighted moving average of bandwidth samples.

    Args:
        alpha: weight of the newest sample.
        bytes_per_s: the average, 0 before the first sample above 0.
    """

    alpha: float
    bytes_per_s: float = 0.0

    def add(self, sample_bytes_per_s: float) -> None:
        """Add a sample; the first one is the average."""
        if self.bytes_per_s == 0:
            self.bytes_per_s = sample_bytes_per_s
        else:
            self.bytes_per_s += self.alpha * (sample_bytes_per_s - self.bytes_per_s)
