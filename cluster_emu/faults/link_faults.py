"""Links that go down or become slow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.faults.contract import Outage, Stream, fault_kinds
from cluster_emu.faults.site import Connection, Site
from cluster_emu.faults.times import FaultTimes, Span
from cluster_emu.units import PositiveSeconds


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LinkFault(FaultTimes):
    """What faults of links have in common: which links fail, and for how long.

    All links between two nodes fail together, in both directions. At `at_s` several connections
    fail together; at random each fails independently.

    Args:
        between: the two nodes, by number or label.
        links: or several such pairs, or "all", the default of random faults.
        duration_s: how long a fault at `at_s` lasts, None for the rest of the run.
    """

    name: ClassVar[str]

    between: Connection | None = None
    links: tuple[Connection, ...] | Literal["all"] | None = None
    duration_s: PositiveSeconds | None = None

    @model_validator(mode="after")
    def _some_links(self) -> LinkFault:
        if self.between is not None and self.links is not None:
            raise ScenarioError("links", self.links, "none where between is given")
        if not self.is_random and self.between is None and not self.links:
            raise ScenarioError(
                "between", self.between, "two nodes, or several such pairs as links"
            )
        if self.is_random and self.duration_s is not None:
            allowed = "none with mtbf_s; mttr_s is its mean"
            raise ScenarioError("duration_s", self.duration_s, allowed)
        return self

    @property
    def _factor(self) -> float:
        """What the capacity is multiplied with."""
        return 0.0

    def outages(self, site: Site, stream: Stream) -> Sequence[Iterator[Outage]]:
        """Return one series for connections that fail together, or one for each connection."""
        if self.between is not None:
            pairs = site.connections("between", (self.between,))
        else:
            pairs = site.connections("links", self.links or "all")
        if not self.is_random:
            return [iter([self._outage(site, pairs, self.once(self.duration_s))])]
        return [self._series(site, pair, stream) for pair in pairs]

    def _series(self, site: Site, pair: tuple[int, int], stream: Stream) -> Iterator[Outage]:
        for span in self.at_random(stream(*pair)):
            yield self._outage(site, (pair,), span)

    def _outage(self, site: Site, pairs: tuple[tuple[int, int], ...], span: Span) -> Outage:
        named = ", ".join(f"{site.labels[a]} - {site.labels[b]}" for a, b in pairs)
        links = {link for pair in pairs for link in site.links_between(*pair)}
        return Outage(
            kind=self.name,
            what=f"{'link' if len(pairs) == 1 else 'links'} {named}",
            start_s=span[0],
            end_s=span[1],
            links=tuple(sorted(links)),
            factor=self._factor,
        )


@fault_kinds.register("link-down")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LinkDown(LinkFault):
    """Nothing crosses the links between two nodes. See `LinkFault`."""

    name: ClassVar[str] = "link-down"
    summary: ClassVar[str] = "nothing crosses the links between two nodes; flows wait"
    source: ClassVar[str] = "times between faults and of repair are exponential"


@fault_kinds.register("link-slow")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class LinkSlow(LinkFault):
    """The links between two nodes have less capacity. See `LinkFault`.

    Args:
        factor: what is left of their capacity.
    """

    name: ClassVar[str] = "link-slow"
    summary: ClassVar[str] = "the links between two nodes have only a share of their capacity"
    source: ClassVar[str] = "times between faults and of repair are exponential"

    factor: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.1

    @property
    def _factor(self) -> float:
        return self.factor
