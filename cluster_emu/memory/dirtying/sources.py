"""What dirties a VM's pages, by name: write profiles, given samples, replayed sets.

A source is a recipe; it makes the `PageWriter` of one migration, and tells the VM's dirty rate
outside migrations. Everything that belongs to the VM (which pages are in which class, where its
sweep stands) comes from a stream of the VM's own, the same in every migration and strategy.
"""

from __future__ import annotations

from functools import cache, partial
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.memory.dirtying.processes import (
    ClassWrites,
    MovingWrites,
    ReplayedWrites,
    SweepWrites,
    WriteProcess,
)
from cluster_emu.memory.dirtying.writer import PageWriter
from cluster_emu.memory.lumped.classes import HotSet, PageClasses
from cluster_emu.memory.pages.dirty_log import PageIds
from cluster_emu.memory.scalar.writes import PER_ROUND, ScalarWrites
from cluster_emu.plugins import Registry
from cluster_emu.rng import Purpose, RandomStreams
from cluster_emu.units import PositiveSeconds
from cluster_emu.workload.bursts import Burst
from cluster_emu.workload.profiles import WriteProfile
from cluster_emu.workload.writes import MovingSet

_CLASSES, _PHASES, _TIMES = 0, 1, 2


class WriteSource(Protocol):
    """Recipe of a VM's page writes."""

    @property
    def burst(self) -> Burst | None:
        """On/off bursts of the VM's write intensity, if it has any."""
        ...

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Make the writer for a VM's migration `number`, counted from 0."""
        ...

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the distinct pages dirtied in one second by VMs of this kind, [vms]."""
        ...


write_sources: Registry[WriteSource] = Registry(
    "write source",
    "cluster_emu.write_sources",
    package="cluster_emu.memory.dirtying",
    summary="which pages a VM writes, where no write profile describes it",
)


@dataclass(frozen=True, config=ConfigDict(arbitrary_types_allowed=True))
class ProfileSource:
    """Writes that follow a `WriteProfile`."""

    profile: WriteProfile

    @property
    def burst(self) -> Burst | None:
        """The profile's bursts."""
        return self.profile.burst

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Scatter the classes over the VM's pages and set every process going."""
        profile = self.profile
        own = streams.generator(Purpose.PROFILE, vm, _CLASSES)
        rng = streams.generator(Purpose.WRITES, vm, number)
        processes: list[WriteProcess] = []
        if groups := _scatter(profile, page_count, own):
            processes.append(ClassWrites(groups, page_count, rng))
        if profile.moving is not None:
            processes.append(
                MovingWrites(
                    page_count,
                    _hot_count(profile.moving, page_count),
                    profile.moving.writes_per_page_s,
                    profile.moving.period_s,
                    own.random() * profile.moving.period_s,
                    partial(streams.generator, Purpose.PROFILE, vm, _PHASES),
                    rng,
                )
            )
        if profile.sweep is not None:
            region = max(1, round(profile.sweep.share * page_count))
            first = int(own.integers(0, page_count - region + 1))
            speed = profile.sweep.sweeps_per_s * region
            processes.append(SweepWrites(first, region, speed, own.random() * region))
        return PageWriter(page_count, processes)

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the profile's distinct pages per second at these intensities."""
        return self.profile.dirty_pages_per_s(page_count, intensity)

    @property
    def why_not_lumped(self) -> str:
        """Name what makes pages of one class differ: where they lie."""
        return "the profile has a sequential sweep" if self.profile.sweep is not None else ""

    def page_classes(self, page_count: int) -> PageClasses:
        """Return the profile's write classes, and the working set that moves over them."""
        rates = [each.writes_per_page_s for each in self.profile.write_classes()]
        sizes, moving = _class_sizes(self.profile, page_count), self.profile.moving
        hot = None
        if moving is not None and moving.writes_per_page_s > 0:
            pages = _hot_count(moving, page_count)
            hot = HotSet(pages, moving.writes_per_page_s, moving.period_s)
        return PageClasses.of(sizes, np.array(rates), hot=hot)

    @property
    def why_not_scalar(self) -> str:
        """Return "": every profile has a rate and a working set."""
        return ""

    def scalar_writes(self, page_count: int) -> ScalarWrites:
        """Return the sum of all rates, and the pages written at all.

        A working set that moves comes to every page in time. A sweep writes its region only, which
        holds pages of all classes alike.
        """
        profile, classes = self.profile, self.profile.write_classes()
        rates = np.array([each.writes_per_page_s for each in classes])
        sizes = _class_sizes(profile, page_count)
        pages_per_s, written = float(sizes @ rates), int(sizes[rates > 0].sum())
        if profile.moving is not None:
            hot = _hot_count(profile.moving, page_count)
            pages_per_s += hot * profile.moving.writes_per_page_s
            written = page_count
        if profile.sweep is not None:
            region = max(1, round(profile.sweep.share * page_count))
            pages_per_s += region * profile.sweep.sweeps_per_s
            written += round((page_count - written) * region / page_count)
        return ScalarWrites(pages_per_s, written)


def _hot_count(moving: MovingSet, page_count: int) -> int:
    """Return how many pages a working set that moves has: at least one."""
    return max(1, round(moving.share * page_count))


def _class_sizes(profile: WriteProfile, page_count: int) -> NDArray[np.int64]:
    """Return how many pages each write class has; shares are rounded to whole pages."""
    shares = [each.share for each in profile.write_classes()]
    ends = np.rint(np.cumsum(shares) * page_count).astype(np.int64)
    sizes: NDArray[np.int64] = np.diff(ends, prepend=0)
    return sizes


def _scatter(
    profile: WriteProfile, page_count: int, rng: np.random.Generator
) -> list[tuple[PageIds, float]]:
    """Deal the pages to the write classes at random."""
    classes = profile.write_classes()
    sizes = _class_sizes(profile, page_count)
    # drawing the small classes and leaving the rest to the largest one beats a full permutation
    largest = int(np.argmax(sizes))
    drawn = rng.choice(page_count, page_count - int(sizes[largest]), replace=False)
    rest = np.ones(page_count, dtype=np.bool_)
    rest[drawn] = False
    others = np.delete(sizes, largest)
    groups = np.split(drawn, np.cumsum(others)[:-1]) if len(others) else []
    groups.insert(largest, np.flatnonzero(rest))
    return [
        (group, each.writes_per_page_s)
        for group, each in zip(groups, classes, strict=True)
        if len(group) and each.writes_per_page_s > 0
    ]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class _GivenPerRound:
    """What sources of dirty sets given per round have in common: no rate in time, no bursts."""

    burst: ClassVar[None] = None
    why_not_lumped: ClassVar[str] = ""
    why_not_scalar: ClassVar[str] = PER_ROUND

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return zeros: these sets belong to rounds and have no rate in time."""
        return np.zeros(len(page_count))


@write_sources.register("samples")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Samples(_GivenPerRound):
    """The reference paper's samples per iteration: each page's dirty bit of each round is given.

    Args:
        probability: chance that a page is dirty in a round, independent of all others. The paper
            does not give it.
    """

    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Draw every round's set from a stream of its own, so all strategies see the same."""

        def dirty_set(round_number: int) -> PageIds:
            # rounds of a warm history are numbered 0, -1, ...; keys must not be negative
            rng = streams.generator(Purpose.SAMPLES, vm, number, round_number + 1_000_000)
            return np.flatnonzero(rng.random(page_count) < self.probability)

        return PageWriter(page_count, round_sets=dirty_set)

    def page_classes(self, page_count: int) -> PageClasses:
        """Return one class of pages that only samples make dirty."""
        return PageClasses(np.array([page_count]), np.zeros(1), self.probability)


@write_sources.register("uniform")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Uniform:
    """Every page is written at one rate.

    Args:
        writes_per_page_s: writes per page and second at full intensity.
    """

    writes_per_page_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    burst: ClassVar[None] = None
    why_not_lumped: ClassVar[str] = ""
    why_not_scalar: ClassVar[str] = ""

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Let every page be written alike."""
        rng = streams.generator(Purpose.WRITES, vm, number)
        groups = [(np.arange(page_count), self.writes_per_page_s)]
        return PageWriter(page_count, [ClassWrites(groups, page_count, rng)])

    def page_classes(self, page_count: int) -> PageClasses:
        """Return one class of all pages."""
        return PageClasses(np.array([page_count]), np.array([self.writes_per_page_s]))

    def scalar_writes(self, page_count: int) -> ScalarWrites:
        """Return the rate of all pages together; all are written, or none."""
        rate = self.writes_per_page_s
        return ScalarWrites(page_count * rate, page_count if rate > 0 else 0)

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return S (1 - exp(-lambda u)): distinct pages of S dirtied in a second."""
        share: NDArray[np.float64] = -np.expm1(-self.writes_per_page_s * intensity)
        return page_count * share


@write_sources.register("replay")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Replay:
    """Recorded sets of dirty pages, replayed in a loop from the start of each migration.

    Args:
        file: JSON, ``{"interval_s": 0.1, "dirty_pages": [[0, 7], [3], ...]}``, one list of page
            numbers per interval.
        per: "time" replays one set per interval of operational time, "round" one per live round.
    """

    file: Path
    per: Annotated[str, Field(pattern="^(time|round)$")] = "time"

    burst: ClassVar[None] = None
    why_not_lumped: ClassVar[str] = "its sets of dirty pages are given page by page"

    def __post_init__(self) -> None:
        _recording(self.file)  # so that a bad recording is found before anything has run

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Replay the recording on this VM's pages."""
        interval_s, sets = _recording(self.file)
        highest = max((int(pages.max(initial=-1)) for pages in sets), default=-1)
        if highest >= page_count:
            allowed = f"page numbers below the VM's {page_count} pages"
            raise ScenarioError("dirty_pages", highest, allowed, file=self.file)
        if self.per == "round":
            return PageWriter(page_count, round_sets=lambda r: sets[(r - 1) % len(sets)])
        stream_of = partial(streams.generator, Purpose.WRITES, vm, _TIMES)
        return PageWriter(page_count, [ReplayedWrites(sets, interval_s, stream_of)])

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the recording's mean pages per second at these intensities."""
        return np.minimum(self._mean_pages_per_s * intensity, page_count.astype(np.float64))

    @property
    def why_not_scalar(self) -> str:
        """Return why sets per round have no rate; sets in time have."""
        return PER_ROUND if self.per == "round" else ""

    def scalar_writes(self, page_count: int) -> ScalarWrites:
        """Return the recording's mean rate, and how many pages are in it at all."""
        _, sets = _recording(self.file)
        return ScalarWrites(self._mean_pages_per_s, len(np.unique(np.concatenate(sets))))

    @property
    def _mean_pages_per_s(self) -> float:
        interval_s, sets = _recording(self.file)
        return float(np.mean([len(pages) for pages in sets])) / interval_s


class _Recording(BaseModel):
    model_config = ConfigDict(extra="forbid")

    interval_s: PositiveSeconds
    dirty_pages: Annotated[list[list[Annotated[int, Field(ge=0)]]], Field(min_length=1)]


@cache
def _recording(file: Path) -> tuple[float, tuple[PageIds, ...]]:
    try:
        recording = _Recording.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ScenarioError("file", str(file), f"a readable file ({error.strerror})") from error
    except ValidationError as error:
        raise from_validation(error, _Recording).at(file=file) from error
    sets = tuple(np.unique(np.array(pages, dtype=np.int64)) for pages in recording.dirty_pages)
    return recording.interval_s, sets
