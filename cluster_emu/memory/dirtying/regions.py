"""A VM's memory as regions: which are zero, which are written, and how."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, ValidationInfo, field_validator
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.memory.dirtying.description import (
    MovingWorkingSet,
    PlacedPages,
    SequentialSweep,
    WriteDescription,
)
from cluster_emu.memory.dirtying.processes import (
    BurstWrites,
    ClassWrites,
    PageWriter,
    SteppingWrites,
    SweepWrites,
    WriteProcess,
)
from cluster_emu.memory.dirtying.sources import write_sources, write_times_generator
from cluster_emu.memory.pages.dirty_log import PageIds
from cluster_emu.rng import RandomStreams
from cluster_emu.units import ParseSeconds
from cluster_emu.workload.bursts import Burst
from cluster_emu.workload.writes import Rate

PageCount = Annotated[int, Field(ge=1, le=2**48)]
PageNumber = Annotated[int, Field(ge=0, le=2**48)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RegionSweep:
    """A writer that passes through pages again and again, in the order of the list of regions.

    Args:
        first_page: the first of these pages, by their numbers in that order.
        pages: how many.
        pages_per_s: pages it passes in a second.
        at_page: after how many of them it stands when a migration begins.
    """

    first_page: PageNumber = 0
    pages: PageCount
    pages_per_s: Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]
    at_page: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RegionWindow:
    """A working set that moves in steps, in the order of the list of regions.

    After each period the window begins `step_pages` further on, modulo `places`.

    Args:
        first_page: where it begins at first, by page numbers in that order.
        pages: pages of the window.
        places: pages on which it can begin.
        writes_per_page_s: writes to each of its pages, a Poisson process.
        period_s: operational time between two steps.
        step_pages: length of a step.
        age_s: operational time since it stood at its first place, when a migration begins.
    """

    first_page: PageNumber = 0
    pages: PageCount
    places: PageCount
    writes_per_page_s: Rate
    period_s: Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]
    step_pages: PageNumber
    age_s: Annotated[float, ParseSeconds, Field(ge=0, le=1e12, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class RegionBursts:
    """Bursts of fixed length, between which nothing is written.

    Args:
        on_s: operational time of a burst.
        off_s: operational time between two bursts.
        age_s: operational time since a burst began, when a migration begins.
    """

    on_s: Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]
    off_s: Annotated[float, ParseSeconds, Field(ge=1e-3, le=1e12, allow_inf_nan=False)]
    age_s: Annotated[float, ParseSeconds, Field(ge=0, le=1e12, allow_inf_nan=False)] = 0.0


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class Region:
    """Pages that follow each other in address.

    Args:
        pages: how many.
        writes_per_page_s: writes to each of them, a Poisson process.
        zero: whether they hold zeros when a migration begins; nothing writes them then.
        in_bursts: whether they are written in the source's `bursts` only.
        place: the regions lie in ascending order of it in address, those without one by their
            numbers in the list, from 0.
    """

    pages: PageCount
    writes_per_page_s: Rate = 0.0
    zero: bool = False
    in_bursts: bool = False
    place: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] | None = None

    @field_validator("zero")
    @classmethod
    def _not_written(cls, zero: bool, info: ValidationInfo) -> bool:
        if zero and info.data.get("writes_per_page_s"):
            raise ValueError("False where writes_per_page_s is not 0")
        return zero


@write_sources.register("regions")
@dataclass(frozen=True, config=_STRICT)
class Regions:
    """Regions of pages, which together are the VM's memory.

    Page numbers of `sweep` and `window` count the pages in the order of the list, as the guest sees
    them; `place` says where the regions lie in address. The lumped model joins small regions to a
    few ranges, and takes no window, and no sweep beside zero pages.

    Args:
        regions: the regions.
        sweep: a sequential writer.
        window: a working set that moves.
        bursts: when the regions with `in_bursts` are written.
        burst: on/off bursts of all writes, in wall time.
    """

    regions: Annotated[tuple[Region, ...], Field(min_length=1, max_length=10_000)]
    sweep: RegionSweep | None = None
    window: RegionWindow | None = None
    bursts: RegionBursts | None = None
    burst: Burst | None = None

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Make the processes, by the order of the list, and place their pages."""
        rng = write_times_generator(streams, vm, number)
        firsts = self._firsts()
        groups: dict[bool, list[tuple[PageIds, float]]] = {False: [], True: []}
        for first, region in zip(firsts, self.regions, strict=True):
            if region.writes_per_page_s > 0:
                in_bursts = region.in_bursts and self.bursts is not None
                pages = np.arange(first, first + region.pages)
                groups[in_bursts].append((pages, region.writes_per_page_s))
        processes: list[WriteProcess] = []
        if groups[False]:
            processes.append(ClassWrites(groups[False], page_count, rng))
        if groups[True] and (bursts := self.bursts) is not None:
            processes.append(
                BurstWrites(groups[True], page_count, bursts.on_s, bursts.off_s, bursts.age_s, rng)
            )
        if (sweep := self.sweep) is not None:
            at_page = sweep.at_page % sweep.pages
            processes.append(SweepWrites(sweep.first_page, sweep.pages, sweep.pages_per_s, at_page))
        if (window := self.window) is not None:
            processes.append(
                SteppingWrites(
                    page_count,
                    window.pages,
                    window.writes_per_page_s,
                    window.period_s,
                    window.age_s,
                    window.first_page,
                    window.places,
                    window.step_pages,
                    rng,
                )
            )
        writer = PageWriter(page_count, processes)
        order = self._order()
        if order == sorted(order):
            return writer
        placed = [
            np.arange(first, first + region.pages)
            for first, region in zip(self._addresses(), self.regions, strict=True)
        ]
        return writer.scattered(page_count, np.concatenate(placed))

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the expected distinct pages dirtied within a second."""
        found = np.zeros(len(page_count))
        on_share = 1.0
        if self.bursts is not None:
            on_share = self.bursts.on_s / (self.bursts.on_s + self.bursts.off_s)
        for region in self.regions:
            rate = region.writes_per_page_s * (on_share if region.in_bursts else 1.0)
            found -= region.pages * np.expm1(-rate * intensity)
        if (sweep := self.sweep) is not None:
            found += np.minimum(sweep.pages_per_s * intensity, sweep.pages)
        if (window := self.window) is not None:
            found -= window.pages * np.expm1(-window.writes_per_page_s * intensity)
        return np.minimum(found, page_count.astype(np.float64))

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe the regions by how often their pages are written.

        Raises:
            ScenarioError: if they are not the VM's memory, or a writer leaves them.
        """
        total = sum(region.pages for region in self.regions)
        if total != page_count:
            allowed = f"regions of {page_count} pages together, the used pages of the VM"
            raise ScenarioError("regions", f"{total} pages", allowed)
        self._check_ends(total)
        description = WriteDescription(
            page_count,
            np.array([region.pages for region in self.regions]),
            np.array([region.writes_per_page_s for region in self.regions]),
            layout=tuple(
                PlacedPages(region.pages, region.writes_per_page_s, region.zero)
                for region in (self.regions[number] for number in self._order())
            ),
        )
        if self.bursts is not None and any(region.in_bursts for region in self.regions):
            why = "some of its regions are written in bursts, and others all the time"
            description = replace(description, page_by_page=why)
        if (window := self.window) is not None:
            moving = MovingWorkingSet(window.pages, window.writes_per_page_s, window.period_s)
            why = "the pages of its window follow each other, and are not drawn at random"
            description = replace(description, moving=moving, page_by_page=why)
        if (sweep := self.sweep) is not None:
            first_page = self._address_of_sweep(sweep)
            if first_page is None:
                why = "the pages of its sweep do not follow each other in address"
                return replace(description, page_by_page=why)
            passes_per_s = sweep.pages_per_s / sweep.pages
            at_page = sweep.at_page % sweep.pages
            placed = SequentialSweep(sweep.pages, passes_per_s, first_page, at_page)
            description = replace(description, sweep=placed)
        return description

    def _check_ends(self, total: int) -> None:
        ends = {}
        if self.sweep is not None:
            ends["sweep"] = self.sweep.first_page + self.sweep.pages
        if self.window is not None:
            ends["window"] = self.window.first_page + self.window.places - 1 + self.window.pages
        for name, end in ends.items():
            if end > total:
                raise ScenarioError(name, f"pages up to {end}", f"the regions' {total} pages")

    def _firsts(self) -> list[int]:
        """Return the number of each region's first page, in the order of the list."""
        return [0, *np.cumsum([region.pages for region in self.regions]).tolist()][:-1]

    def _order(self) -> list[int]:
        """Return the numbers of the regions by ascending address."""
        places = [
            number if region.place is None else region.place
            for number, region in enumerate(self.regions)
        ]
        return sorted(range(len(places)), key=lambda number: places[number])

    def _addresses(self) -> list[int]:
        """Return the address of each region, in pages."""
        addresses = [0] * len(self.regions)
        first = 0
        for number in self._order():
            addresses[number] = first
            first += self.regions[number].pages
        return addresses

    def _address_of_sweep(self, sweep: RegionSweep) -> int | None:
        """Return the address of the sweep's first page; None if its pages do not lie together."""
        shifts = {
            address - first
            for first, address, region in zip(
                self._firsts(), self._addresses(), self.regions, strict=True
            )
            if first < sweep.first_page + sweep.pages and first + region.pages > sweep.first_page
        }
        return sweep.first_page + shifts.pop() if len(shifts) == 1 else None
