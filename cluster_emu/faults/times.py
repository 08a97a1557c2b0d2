"""When faults begin: once at a given time, or repeatedly at random."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.units import ParseSeconds, Seconds

Span = tuple[float, float]
"""When an outage begins and when it ends, in seconds; the end may be infinite."""
MeanSeconds = Annotated[float, ParseSeconds, Field(ge=1e-3, allow_inf_nan=False)]
"""A mean time; at least a millisecond, or a run would hardly get past its faults."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class FaultTimes:
    """What all kinds have in common: either `at_s`, or `mtbf_s` and perhaps `mttr_s`.

    Args:
        at_s: the exact time of one fault.
        mtbf_s: mean time for which a part works before it fails, exponentially distributed.
        mttr_s: mean time until it works again, exponentially distributed; None for never.
    """

    at_s: Seconds | None = None
    mtbf_s: MeanSeconds | None = None
    mttr_s: MeanSeconds | None = None

    @model_validator(mode="after")
    def _once_or_at_random(self) -> FaultTimes:
        if (self.at_s is None) == (self.mtbf_s is None):
            raise ScenarioError("at_s", self.at_s, "a time, or none where mtbf_s is given")
        if self.mttr_s is not None and self.mtbf_s is None:
            raise ScenarioError("mttr_s", self.mttr_s, "none without mtbf_s")
        return self

    @property
    def is_random(self) -> bool:
        """Whether faults begin repeatedly at random."""
        return self.mtbf_s is not None

    def once(self, duration_s: float | None) -> Span:
        """Return the span of the one fault at `at_s`; None lasts for the rest of the run."""
        assert self.at_s is not None
        return self.at_s, math.inf if duration_s is None else self.at_s + duration_s

    def at_random(self, rng: np.random.Generator) -> Iterator[Span]:
        """Yield the spans of one part that fails and is repaired alternately."""
        assert self.mtbf_s is not None
        time_s = 0.0
        while True:
            start_s = time_s + rng.exponential(self.mtbf_s)
            if self.mttr_s is None:
                yield start_s, math.inf
                return
            time_s = start_s + rng.exponential(self.mttr_s)
            yield start_s, time_s
