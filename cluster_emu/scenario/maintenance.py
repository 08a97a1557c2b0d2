"""A rolling campaign over hosts: empty each, reboot it, go on."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, field_validator

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain
from cluster_emu.units import ParseShare, PositiveSeconds, Seconds

RACKS = "racks"
AT_A_TIME = re.compile(r"([1-9][0-9]{0,6})-at-a-time", re.ASCII)

HostNumber = Annotated[int, Field(ge=0)]


class Maintenance(Plain):
    """A campaign that empties every host, reboots it, and goes on with the next ones.

    `order` "racks" empties all hosts of a rack together, and begins with the next rack when all
    are back. With "3-at-a-time" up to three hosts are out of service at once, in the order of
    their numbers. The campaign is about `hosts` and `racks`, or about all hosts where both are
    empty. A host reboots for `reboot_s` once its last VM has left it. With the probability
    `reboot_failure_share` it does not come back.

    `avoid_next` sends VMs to hosts that have been rebooted already and, where those are full, to
    hosts whose turn comes late, so that fewer VMs move twice. A VM whose migrations have failed
    `attempts` times, or that fits nowhere while nothing can change that, blocks its host: the
    campaign goes on, and tries the host once more at the end.
    """

    order: str = "1-at-a-time"
    reboot_s: PositiveSeconds = 600.0
    start_s: Seconds = 0.0
    hosts: tuple[HostNumber, ...] = ()
    racks: tuple[HostNumber, ...] = ()
    avoid_next: bool = True
    overcommit: bool = True
    attempts: Annotated[int, Field(ge=1)] = 3
    reboot_failure_share: Annotated[float, ParseShare, Field(ge=0, le=1)] = 0.0
    placement: Choice = Choice(name="most-free")

    @field_validator("order")
    @classmethod
    def _known_order(cls, order: str) -> str:
        if order != RACKS and not AT_A_TIME.fullmatch(order):
            raise ValueError('"racks", or a number of hosts such as "3-at-a-time"')
        return order

    @property
    def at_once(self) -> int | None:
        """How many hosts may be out of service at once; None where racks are."""
        match = AT_A_TIME.fullmatch(self.order)
        return int(match[1]) if match else None
