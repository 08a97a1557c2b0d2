"""What a power model is: the electric power of a host as a function of its CPU utilisation."""

from __future__ import annotations

from typing import ClassVar, Protocol

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.plugins import Registry


class PowerModel(Protocol):
    """Power of one kind of host. Implementations are frozen pydantic dataclasses, so hashable.

    One whose power runs in straight lines may have a property `even_lines` (see `EvenLines`), by
    which consolidation plans faster.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    source: ClassVar[str]

    @property
    def sleep_w(self) -> float:
        """Power of a host that is switched off."""
        ...

    def watts(self, utilisation: FloatColumn) -> FloatColumn:
        """Return the power of hosts that are on, at utilisations 0..1, the same shape."""
        ...


power_models: Registry[PowerModel] = Registry(
    "power model",
    "cluster_emu.power_models",
    package="cluster_emu.metrics.power",
    summary="the power of a host at a utilisation",
)
