"""Background traffic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from cluster_emu.scenario.plain import Plain
from cluster_emu.units import BitRateLimit, BitsPerSecond, ParseSeconds, PositiveSeconds, Seconds

PeriodSeconds = Annotated[float, ParseSeconds, Field(ge=0.01, le=1e12, allow_inf_nan=False)]
"""A mean length of time; a shorter one would cost millions of draws per simulated day."""


class BackgroundGroup(Plain):
    """Equal flows between hosts.

    Give either `source` and `target`, or `pairs`: `count` pairs drawn at "random", each host to the
    next one in a "ring", or "all-to-all". Except with "random", `count` is the number of flows per
    pair.

    An "elastic" flow gets its max-min fair share by `weight`, up to `cap_bps`. An "inelastic" flow
    sends at `rate_bps`, with priority over migrations and elastic flows. Flows last from `start_s`
    to `stop_s`. With `on_s` and `off_s` a flow sends in periods of these mean lengths, which are
    drawn ("exponential") or "fixed" with a random phase.
    """

    kind: Literal["elastic", "inelastic"] = "elastic"
    pairs: Literal["random", "ring", "all-to-all"] | None = None
    source: Annotated[int, Field(ge=0)] | None = None
    target: Annotated[int, Field(ge=0)] | None = None
    count: Annotated[int, Field(gt=0)] = 1
    rate_bps: BitsPerSecond | None = None
    cap_bps: BitRateLimit | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    start_s: Seconds = 0.0
    stop_s: PositiveSeconds | None = None
    on_s: PeriodSeconds | None = None
    off_s: PeriodSeconds | None = None
    durations: Literal["exponential", "fixed"] = "exponential"

    @model_validator(mode="after")
    def _ends_are_clear(self) -> BackgroundGroup:
        given = (self.source is not None, self.target is not None)
        if given != (self.pairs is None,) * 2:
            raise ValueError("either source and target, or pairs")
        if self.pairs is None and self.source == self.target:
            raise ValueError("a target other than the source")
        return self

    @model_validator(mode="after")
    def _rate_is_clear(self) -> BackgroundGroup:
        if (self.kind == "inelastic") != (self.rate_bps is not None):
            raise ValueError("a rate_bps for inelastic flows, and for these only")
        if self.kind == "inelastic" and (self.cap_bps is not None or self.weight != 1.0):
            raise ValueError("cap_bps and weight for elastic flows only")
        return self

    @model_validator(mode="after")
    def _times_are_clear(self) -> BackgroundGroup:
        if self.stop_s is not None and self.stop_s <= self.start_s:
            raise ValueError(f"a stop_s after start_s = {self.start_s:g}")
        if (self.on_s is None) != (self.off_s is None):
            raise ValueError("both on_s and off_s, or neither")
        if self.durations == "fixed" and self.on_s is None:
            raise ValueError('durations of "fixed" only with on_s and off_s')
        return self
