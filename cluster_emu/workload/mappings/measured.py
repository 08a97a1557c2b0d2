"""Write intensity from pairs of load and write rate that were measured."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.cluster.columns import FloatColumn
from cluster_emu.workload.demand import Share
from cluster_emu.workload.intensity import DRIVERS, Driver, intensity_mappings

Rate = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pairs = Annotated[tuple[tuple[Share, Rate], ...], Field(min_length=1, max_length=10_000)]


@intensity_mappings.register("measured")
@dataclass(frozen=True)
class MeasuredMapping:
    """Straight lines between measured pairs; before the first and after the last they hold.

    Args:
        pairs: pairs of a driver share and the write rate measured there, the shares increasing:
            ``[[0, 20], [0.5, 300], [1, 400]]``.
        full_rate: the write rate that is full intensity, in the unit of the pairs; "none" takes
            the largest rate measured.
        driver: "cpu" is the CPU demand, "memory-bandwidth" that of a trace that holds it.
    """

    name: ClassVar[str] = "measured"
    summary: ClassVar[str] = "straight lines between measured pairs of load and write rate"
    source: ClassVar[str] = "the user's measurements"

    pairs: Pairs
    full_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    driver: Driver = "cpu"

    @field_validator("pairs")
    @classmethod
    def _increasing(cls, pairs: Pairs) -> Pairs:
        shares = [share for share, _ in pairs]
        if any(later <= share for share, later in pairwise(shares)):
            raise ValueError("pairs whose first numbers increase")
        if not any(rate > 0 for _, rate in pairs):
            raise ValueError("pairs with a rate above 0")
        return pairs

    @field_validator("full_rate")
    @classmethod
    def _not_exceeded(cls, full_rate: float | None, info: ValidationInfo) -> float | None:
        largest = max((rate for _, rate in info.data.get("pairs", ())), default=0.0)
        if full_rate is not None and full_rate < largest:
            raise ValueError(f"a rate of at least {largest:g}, the largest measured")
        return full_rate

    def intensity(self, driven: FloatColumn) -> FloatColumn:
        """Return the intensity at driver shares, the shape of `driven`."""
        shares, rates = np.array(self.pairs).T
        return np.asarray(np.interp(driven, shares, rates / self._full_rate))

    @property
    def formula(self) -> str:
        """The mapping in words."""
        count = len(self.pairs)
        through = f"{count} measured pairs" if count > 1 else "1 measured pair"
        return f"lines through {through} over {DRIVERS[self.driver]}, 1 = {self._full_rate:g}"

    @property
    def _full_rate(self) -> float:
        return self.full_rate or max(rate for _, rate in self.pairs)
