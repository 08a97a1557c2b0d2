"""What the migration manager does, as data."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain


class Manager(Plain):
    """What the migration manager does at its control instants, and how much at once."""

    triggers: tuple[Choice, ...] = ()
    max_per_cluster: Annotated[int, Field(gt=0)] | None = None
    max_outbound_per_host: Annotated[int, Field(gt=0)] | None = None
    max_inbound_per_host: Annotated[int, Field(gt=0)] | None = None
    switch_off_empty_hosts: bool = True
