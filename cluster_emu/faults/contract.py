"""What a kind of fault is: a frozen set of parameters that says which parts fail, and when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from cluster_emu.faults.site import Site
from cluster_emu.plugins import Registry

Stream = Callable[..., np.random.Generator]
"""Returns the random stream of this fault for any whole numbers, the same for the same ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """Hosts that are down and links that are slower, from one exact time to another.

    Args:
        kind: registered name of the kind of fault.
        what: what fails, in words.
        start_s: when it begins.
        end_s: when all of it is repaired, infinite for never.
        hosts: the hosts that crash.
        links: the one-direction links whose capacity changes.
        factor: what their capacity is multiplied by, 0 for a link that is down.
    """

    kind: str
    what: str
    start_s: float
    end_s: float
    hosts: tuple[int, ...] = ()
    links: tuple[int, ...] = ()
    factor: float = 0.0


class FaultKind(Protocol):
    """A kind of fault. Implementations are frozen pydantic dataclasses.

    Faults are exogenous: nothing that happens in the run changes them, so all strategies and
    policies meet the same faults.

    Attributes:
        name: the registered kebab-case name.
        summary: one line saying what it does.
        source: where the model comes from.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    def outages(self, site: Site, stream: Stream) -> Sequence[Iterator[Outage]]:
        """Return independent series of outages, each in order of their start; they may be endless.

        Args:
            site: the hosts and links there are.
            stream: random streams; give each series its own.

        Raises:
            ScenarioError: naming the parameter that does not fit the site.
        """
        ...


fault_kinds: Registry[FaultKind] = Registry(
    "kind of fault",
    "cluster_emu.fault_kinds",
    package="cluster_emu.faults",
    summary="which hosts and links fail, and when",
)
