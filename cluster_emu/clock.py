"""When ticks and control instants are: counted in whole numbers, so that time does not drift."""

from __future__ import annotations

import math

from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Run

TOLERANCE = 1e-9
MOST_TICKS = 10**12
"""The most ticks of a run; quiet ones cost nothing, and a number of them stays exact."""
MOST_CONTROL_INSTANTS = 10**7
"""The most control instants of a run; at each of them a row per host and VM is recorded."""


class Clock:
    """Turns numbers of ticks into seconds.

    Args:
        run: tick, control interval and duration.

    Raises:
        ScenarioError: if the tick is longer than the control interval or does not divide it, or
            there are more ticks or control instants than could ever be run.
    """

    def __init__(self, run: Run) -> None:
        _check_work(run)
        self.duration_s = run.duration_s
        self._tick_s = run.tick_s
        self._control_s = run.control_interval_s
        self._per_control = round(run.control_interval_s / run.tick_s)
        exact = self._per_control * run.tick_s
        if self._per_control < 1 or not math.isclose(
            exact, run.control_interval_s, rel_tol=TOLERANCE
        ):
            allowed = f"a time that divides run.control_interval_s = {run.control_interval_s:g} s"
            raise ScenarioError("run.tick_s", run.tick_s, allowed)

    def tick(self, number: int) -> tuple[float, float]:
        """Return the start and the end of tick `number`, from 0; the last one may be shorter."""
        return self._instant(number), min(self._instant(number + 1), self.duration_s)

    def is_control_instant(self, time_s: float) -> bool:
        """Return whether the start of a tick is a control instant."""
        nearest = round(time_s / self._control_s) * self._control_s
        return math.isclose(time_s, nearest, rel_tol=TOLERANCE, abs_tol=TOLERANCE * self._tick_s)

    def next_control_s(self, time_s: float) -> float:
        """Return the first control instant at or after a time."""
        return math.ceil(time_s / self._control_s * (1 - TOLERANCE)) * self._control_s

    def ticks_before(self, number: int, time_s: float) -> int:
        """Return how many ticks, from tick `number` on, are over before a time; never too many."""
        count = max(math.floor((time_s - self._instant(number)) / self._tick_s), 0)
        while count and self.tick(number + count - 1)[1] >= time_s:
            count -= 1
        return count

    def control_instants(self, until_s: float) -> int:
        """Return how many control instants there are up to and including `until_s`."""
        return math.floor(until_s / self._control_s * (1 + TOLERANCE)) + 1

    def _instant(self, tick: int) -> float:
        """Count whole control intervals and ticks within one: the same instants for every tick."""
        intervals, rest = divmod(tick, self._per_control)
        return intervals * self._control_s + rest * self._tick_s


def _check_work(run: Run) -> None:
    for field, value, most in (
        ("run.tick_s", run.tick_s, MOST_TICKS),
        ("run.control_interval_s", run.control_interval_s, MOST_CONTROL_INSTANTS),
    ):
        if run.duration_s > value * most:
            allowed = f"at least {run.duration_s / most:g} s (run.duration_s over {most:.0e})"
            raise ScenarioError(field, value, allowed)
