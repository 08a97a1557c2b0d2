"""Hosts that crash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.faults.contract import Outage, Stream, fault_kinds
from cluster_emu.faults.site import Site
from cluster_emu.faults.times import FaultTimes, Span
from cluster_emu.units import PositiveSeconds

HostNumber = Annotated[int, Field(ge=0)]


@fault_kinds.register("host-crash")
@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class HostCrash(FaultTimes):
    """A host stops at once, with everything on it, and its links with it.

    At `at_s` several hosts crash together; at random each crashes independently.

    Args:
        host: the host that crashes.
        hosts: or several, or "all", the default of random crashes.
        repair_s: time until a host that crashed at `at_s` is back, None for never.
    """

    name: ClassVar[str] = "host-crash"
    summary: ClassVar[str] = "a host stops at once; its VMs are down, its links dead"
    source: ClassVar[str] = "fail-stop hosts; times between faults and of repair are exponential"

    host: HostNumber | None = None
    hosts: tuple[HostNumber, ...] | Literal["all"] | None = None
    repair_s: PositiveSeconds | None = None

    @model_validator(mode="after")
    def _some_hosts(self) -> HostCrash:
        if self.host is not None and self.hosts is not None:
            raise ScenarioError("hosts", self.hosts, "none where host is given")
        if not self.is_random and self.host is None and not self.hosts:
            raise ScenarioError("host", self.host, "the number of a host, or several as hosts")
        if self.is_random and self.repair_s is not None:
            raise ScenarioError("repair_s", self.repair_s, "none with mtbf_s; mttr_s is its mean")
        return self

    def outages(self, site: Site, stream: Stream) -> Sequence[Iterator[Outage]]:
        """Return one series for hosts that crash together, or one for each host."""
        if self.host is not None:
            hosts = site.hosts("host", (self.host,))
        else:
            hosts = site.hosts("hosts", self.hosts or "all")
        if not self.is_random:
            return [iter([self._outage(site, hosts, self.once(self.repair_s))])]
        return [self._series(site, host, stream) for host in hosts]

    def _series(self, site: Site, host: int, stream: Stream) -> Iterator[Outage]:
        for span in self.at_random(stream(host)):
            yield self._outage(site, (host,), span)

    def _outage(self, site: Site, hosts: tuple[int, ...], span: Span) -> Outage:
        what = "host" if len(hosts) == 1 else "hosts"
        return Outage(
            kind=self.name,
            what=f"{what} {', '.join(map(str, hosts))}",
            start_s=span[0],
            end_s=span[1],
            hosts=hosts,
            links=site.links_of(hosts),
        )
