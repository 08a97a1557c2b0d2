"""Write profiles: named descriptions of how a VM dirties its memory.

The numbers of the shipped profiles are data, in profiles.toml, with their source and how far they
can be trusted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import (
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo

from cluster_emu.cluster.columns import FloatColumn, IntColumn
from cluster_emu.errors import NOTHING, ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.numeric_fields import checked_numbers
from cluster_emu.optional_fields import without_none
from cluster_emu.scenario.loading import read_toml
from cluster_emu.workload.bursts import Burst
from cluster_emu.workload.writes import MovingSet, Sweep, WriteClass, ZipfWrites

SHARE_TOLERANCE = 1e-6
"""How far from 1 a sum of shares may be; such shares are divided by their sum."""
ROUNDING = 1e-9
"""How far from 1 a sum of shares is by the rounding of floats alone; they stay as they are."""


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class WriteProfile:
    """How a VM of any size dirties its memory.

    Every page belongs to one write class; the moving set and the sweep write on top of that.
    Writes run in operational time: the VM's intensity scales all of them. Bursts, which belong to
    the VM and not to its pages, change that intensity in wall time.

    Args:
        summary: what kind of VM this is.
        source: where the numbers come from.
        tag: how far they can be trusted, for example "order of magnitude".
        zipf: pages with Zipf write rates.
        classes: the other pages; all shares, with that of `zipf`, must sum to 1 within
            1e-6; they are divided by their sum.
        moving: a working set that moves.
        sweep: a sequential writer.
        burst: on/off bursts.
    """

    summary: str = ""
    source: str = "the user"
    tag: str = "given"
    zipf: ZipfWrites | None = None
    classes: Annotated[tuple[WriteClass, ...], Field(validate_default=True)] = ()
    moving: MovingSet | None = None
    sweep: Sweep | None = None
    burst: Burst | None = None

    @field_validator("classes")
    @classmethod
    def _shares_sum_to_one(
        cls, classes: tuple[WriteClass, ...], info: ValidationInfo
    ) -> tuple[WriteClass, ...]:
        zipf = info.data.get("zipf")
        total = _sum_of_shares(classes, zipf)
        if abs(total - 1.0) > SHARE_TOLERANCE:
            raise ValueError(
                f"shares, with that of zipf, that sum to 1 within {SHARE_TOLERANCE:g} "
                f"(these sum to {total:.10g})"
            )
        return classes

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, object]) -> WriteProfile:
        """Return the profile that plain values describe, as in a scenario file.

        Raises:
            ScenarioError: if one of them is unknown, missing or not allowed; its field is the
                dotted path to it.
        """
        fields: Mapping[str, FieldInfo] = getattr(cls, "__pydantic_fields__", {})
        try:
            return TypeAdapter(cls).validate_python(
                checked_numbers(without_none(parameters, fields), fields)
            )
        except ValidationError as error:
            raise from_validation(error, cls) from error

    def write_classes(self) -> tuple[WriteClass, ...]:
        """Return all write classes, the Zipf bins first; their shares sum to 1."""
        return self._all_classes

    @cached_property
    def _all_classes(self) -> tuple[WriteClass, ...]:
        binned = self.zipf.classes() if self.zipf else ()
        total = _sum_of_shares(self.classes, self.zipf)
        if abs(total - 1.0) <= ROUNDING:
            return (*binned, *self.classes)
        return tuple(replace(one, share=one.share / total) for one in (*binned, *self.classes))

    def distinct_share(self, operational_s: FloatColumn) -> FloatColumn:
        """Return the expected share of pages dirtied in intervals of operational time.

        Classes: ``sum f_c (1 - exp(-rate_c T))``. The moving set and the sweep hit pages of all
        classes alike, so the shares left clean multiply. The interval is assumed to begin with a
        new moving set; the result is exact then.

        Args:
            operational_s: lengths, any shape.
        """
        dirtied = np.zeros(np.shape(operational_s))
        for one in self.write_classes():
            dirtied -= one.share * np.expm1(-one.writes_per_page_s * operational_s)
        for extra in (self.moving, self.sweep):
            if extra is not None:
                dirtied += (1.0 - dirtied) * extra.dirtied_share(operational_s)
        return dirtied

    def distinct_pages(self, page_count: int, duration_s: float) -> float:
        """Return the expected number of distinct pages dirtied in `duration_s` at intensity 1."""
        return page_count * float(self.distinct_share(np.array([duration_s]))[0])

    def dirty_pages_per_s(self, page_count: IntColumn, intensity: FloatColumn) -> FloatColumn:
        """Return the expected number of distinct pages dirtied within one second, shape [vms].

        Args:
            page_count: pages of each VM, shape [vms].
            intensity: write intensity of each VM, shape [vms].
        """
        return page_count * self.distinct_share(intensity)


def _sum_of_shares(classes: tuple[WriteClass, ...], zipf: ZipfWrites | None) -> float:
    return sum(one.share for one in classes) + (zipf.share if zipf else 0.0)


def load_profiles(file: Path | None = None) -> dict[str, WriteProfile]:
    """Return the profiles shipped with the package by name, and those of a file.

    Raises:
        ScenarioError: naming the file and the field, if it cannot be read, something in it is not
            allowed, or a profile has the name of a shipped one.
    """
    shipped = _shipped_profiles()
    if file is None:
        return shipped
    own = {}
    for name, table in read_toml(file).items():
        if name in shipped:
            raise ScenarioError(name, NOTHING, "a name that no shipped profile has", file=file)
        if not isinstance(table, dict):
            raise ScenarioError(name, table, "a table with a write profile", file=file)
        try:
            own[name] = WriteProfile.from_parameters(table)
        except ScenarioError as error:
            raise error.at(name, file=file) from error
    return shipped | own


def _shipped_profiles() -> dict[str, WriteProfile]:
    text = (files("cluster_emu.workload") / "profiles.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, WriteProfile]).validate_python(tomllib.loads(text))
