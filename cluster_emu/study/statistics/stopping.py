"""Sequential stopping: how many replications an interval needs to be narrow enough.

A rule looks at replications in the order of their index. Its number is the first one, from a
minimum on, at which every interval is narrow enough, whatever had ended by when: it is the same for
any number of processes and after any interruption.

Stopping when an interval happens to be narrow biases it: estimates of the spread that are too small
stop too early. The bias vanishes as goals get narrower (Chow and Robbins, Ann. Math. Stat. 36(2),
1965) and is largest after few replications, so procedures begin with at least ten (Law, Simulation
Modeling and Analysis, 5th ed., 2015, section 9.4.1).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster_emu.errors import ScenarioError
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.numerals import MOST_REPLICATIONS, decimal, whole_number
from cluster_emu.study.statistics.estimates import Estimate, estimate
from cluster_emu.units import read_quantity

LEAST_MINIMUM = 10
"""The least number of replications before a rule may stop; fewer bias it too much."""
MINIMUM = 20
"""Replications before a rule stops, unless it says otherwise."""
MAXIMUM = 1000
"""Replications after which it gives up, likewise."""
FIELD = "until"
FORM = 'a text such as "downtime_s:rel=0.02", "downtime_s:abs=5ms,min=30,max=500"'

Values = Mapping[str, Mapping[str, NDArray[np.float64]]]
"""By strategy and metric one value per replication in the order of their index, NaN for none."""


@dataclass(frozen=True, slots=True)
class Goal:
    """How narrow the 95 % interval of a metric's mean shall be.

    Args:
        metric: name of the metric.
        relative: the largest half-width as a share of the mean; None where it is absolute.
        absolute: the largest half-width in the metric's unit; None where it is relative.
    """

    metric: str
    relative: float | None
    absolute: float | None

    def half_width(self, mean: float) -> float:
        """Return the largest half-width of an interval around this mean."""
        return abs(mean) * self.relative if self.relative is not None else self.absolute or 0.0

    def is_reached(self, found: Estimate) -> bool:
        """Return whether an interval is narrow enough."""
        if found.mean is None or found.high is None:
            return False
        return found.high - found.mean <= self.half_width(found.mean)

    def __str__(self) -> str:
        """Return it as it is typed, without the numbers of replications."""
        size = f"abs={self.absolute:g}" if self.relative is None else f"rel={self.relative:g}"
        return f"{self.metric}:{size}"


@dataclass(frozen=True, slots=True)
class Achieved:
    """How narrow an interval is in the end.

    Args:
        strategy: the strategy.
        metric: the metric.
        goal: what was asked for, "downtime_s:rel=0.02".
        replications: number of replications.
        half_width: half of the width of the interval, in the metric's unit; None where there is
            none.
        relative_half_width: the same over the mean; None where that is 0.
        reached: whether that is narrow enough.
    """

    strategy: str
    metric: str
    goal: str
    replications: int
    half_width: float | None
    relative_half_width: float | None
    reached: bool


@dataclass(frozen=True, slots=True)
class StoppingRule:
    """When there are enough replications: every strategy's interval reaches every goal.

    A strategy of which no replication up to the minimum has a value of the metric has nothing to
    measure, and does not keep the rule going.

    Args:
        goals: how narrow which intervals shall be.
        minimum: the least number of replications.
        maximum: the number after which there are no further ones.
    """

    goals: tuple[Goal, ...]
    minimum: int = MINIMUM
    maximum: int = MAXIMUM

    def needed(self, values: Values) -> int | None:
        """Return the number of replications at which to stop; None if more are needed.

        Args:
            values: of all replications from the first to any one, at most `maximum`.
        """
        count = min((len(one) for found in values.values() for one in found.values()), default=0)
        for replications in range(self.minimum, count + 1):
            if replications >= self.maximum or self._is_reached(values, replications):
                return replications
        return None

    def next_count(self, values: Values) -> int:
        """Return up to which number to run next where more are needed than `values` has.

        Half-widths shrink with the root of the number of replications. A guess changes nothing but
        how many runs there are in vain: `needed` looks at every number.
        """
        count = min((len(one) for found in values.values() for one in found.values()), default=0)
        if count < self.minimum:
            return self.minimum
        ratios = [
            (found.high - found.mean) / wanted
            for goal, found in self._estimates(values, count)
            if found.mean is not None and found.high is not None
            for wanted in [goal.half_width(found.mean)]
            if wanted
        ]
        guess = count * max(ratios, default=2.0) ** 2
        return min(math.ceil(min(max(guess, count + 1), 2 * count)), self.maximum)

    def achieved(self, values: Values, replications: int) -> tuple[Achieved, ...]:
        """Return how narrow every interval is after so many replications."""
        return tuple(
            _achieved(strategy, goal, estimate(found[goal.metric][:replications]), replications)
            for strategy, found in values.items()
            for goal in self.goals
        )

    def _is_reached(self, values: Values, replications: int) -> bool:
        return all(goal.is_reached(found) for goal, found in self._estimates(values, replications))

    def _estimates(self, values: Values, replications: int) -> list[tuple[Goal, Estimate]]:
        """Return the goals with the estimates of all strategies that have something to measure."""
        return [
            (goal, estimate(found[goal.metric][:replications]))
            for found in values.values()
            for goal in self.goals
            if not np.isnan(found[goal.metric][: self.minimum]).all()
        ]

    def __str__(self) -> str:
        """Return the rule in words."""
        goals = " and ".join(map(str, self.goals))
        return f"{goals}, from {self.minimum} to {self.maximum} replications"


def _achieved(strategy: str, goal: Goal, found: Estimate, replications: int) -> Achieved:
    half = None if found.high is None or found.mean is None else found.high - found.mean
    relative = None if half is None or not found.mean else half / abs(found.mean)
    reached = goal.is_reached(found)
    return Achieved(strategy, goal.metric, str(goal), replications, half, relative, reached)


def rule_in_words(rule: StoppingRule) -> str:
    """Return what a study assumes that a rule has stopped."""
    return (
        "Replications are added in the order of their index until the 95 % interval of every "
        f"strategy's mean is narrow enough ({rule}). Intervals after such a rule cover slightly "
        "less often than 95 %."
    )


def read_stopping_rule(texts: Sequence[str], replications: int = 0) -> StoppingRule | None:
    """Return the rule that texts such as ``"downtime_s:rel=0.02,min=20,max=500"`` give.

    Of several minimum numbers, and of several maximum ones, the largest counts.

    Args:
        texts: one per goal; none of them for no rule.
        replications: a number of replications that there shall be in any case.

    Raises:
        ScenarioError: if a text has another form, or names no metric that is compared.
    """
    if not texts:
        return None
    read = [_read(text) for text in texts]
    goals = tuple(goal for goal, _ in read)
    minimum = max([replications, *(limits.get("min", MINIMUM) for _, limits in read)])
    maximum = max(limits.get("max", MAXIMUM) for _, limits in read)
    if maximum < minimum:
        raise ScenarioError(FIELD, texts[0], f"max >= {minimum}, the least number of replications")
    metrics = [goal.metric for goal in goals]
    if len(set(metrics)) < len(metrics):
        raise ScenarioError(FIELD, texts[-1], "every metric once")
    return StoppingRule(goals, minimum, maximum)


def _read(text: str) -> tuple[Goal, dict[str, int]]:
    name, colon, rest = text.partition(":")
    metric = name.strip()
    known = {one.name for one in metric_catalogue.compared()}
    if not colon:
        raise ScenarioError(FIELD, text, FORM)
    if metric not in known:
        raise ScenarioError(FIELD, text, f"a metric that is compared: {', '.join(sorted(known))}")
    sizes: dict[str, float] = {}
    limits: dict[str, int] = {}
    for part in rest.split(","):
        key, equals, value = (each.strip() for each in part.partition("="))
        if not equals or key not in ("rel", "abs", "min", "max") or key in {**sizes, **limits}:
            raise ScenarioError(FIELD, text, f"{FORM}: rel or abs, min and max, each once")
        if key in ("min", "max"):
            limits[key] = _limit(text, key, value)
        else:
            sizes[key] = _size(text, key, value, metric)
    if len(sizes) != 1:
        raise ScenarioError(FIELD, text, f"{FORM}: one of rel and abs")
    return Goal(metric, sizes.get("rel"), sizes.get("abs")), limits


def _limit(text: str, key: str, value: str) -> int:
    number = whole_number(value)
    if number is None or not LEAST_MINIMUM <= number <= MOST_REPLICATIONS:
        allowed = f"{key}, a whole number from {LEAST_MINIMUM} to {MOST_REPLICATIONS}"
        raise ScenarioError(FIELD, text, allowed)
    return number


def _size(text: str, key: str, value: str, metric: str) -> float:
    """Return a half-width: a share, also in per cent, or a quantity in the metric's unit."""
    if key == "rel":
        found = decimal(value.removesuffix("%").strip())
        size = math.nan if found is None else float(found) / (100 if value.endswith("%") else 1)
        if not 0 < size < 1:
            raise ScenarioError(FIELD, text, "rel, a number > 0 and < 1, or in per cent")
        return size
    try:
        read = read_quantity(metric, value)
    except ValueError as error:
        raise ScenarioError(FIELD, text, f"abs: {error}") from error
    if isinstance(read, bool) or not isinstance(read, int | float) or not 0 < read < math.inf:
        raise ScenarioError(FIELD, text, "abs, a number > 0, alone or with the metric's unit")
    return float(read)
