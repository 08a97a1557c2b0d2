"""What dirties a VM's pages, by name: write profiles, given samples, replayed sets.

A source is a recipe. It makes the `PageWriter` of one migration, describes the writes for the
memory models that keep no pages, and gives the VM's dirty rate outside migrations. What belongs to
the VM (which pages are in which class, where its sweep begins) comes from a stream of the VM's own,
the same in every migration and strategy.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.json_input import check_keys
from cluster_emu.memory.dirtying.description import (
    MovingWorkingSet,
    RecordedWrites,
    SequentialSweep,
    WriteDescription,
)
from cluster_emu.memory.dirtying.processes import (
    ClassWrites,
    MovingWrites,
    PageWriter,
    ReplayedWrites,
    SweepWrites,
    WriteProcess,
)
from cluster_emu.memory.pages.dirty_log import PageIds
from cluster_emu.plugins import Registry
from cluster_emu.rng import RandomStreams, Stream, non_negative_key
from cluster_emu.units import ParseSeconds
from cluster_emu.workload.bursts import Burst
from cluster_emu.workload.profiles import WriteProfile
from cluster_emu.workload.writes import MovingSet, Sweep


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

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe the writes of a VM with so many pages, for memory models without pages."""
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
        """Scatter the classes over the VM's pages and make every process."""
        profile = self.profile
        own = layout_generator(streams, vm)
        rng = write_times_generator(streams, vm, number)
        processes: list[WriteProcess] = []
        if groups := _scatter(profile, page_count, own):
            processes.append(ClassWrites(groups, page_count, rng))
        if profile.moving is not None:
            processes.append(
                MovingWrites(
                    page_count,
                    _working_set_pages(profile.moving, page_count),
                    profile.moving.writes_per_page_s,
                    profile.moving.period_s,
                    own.random() * profile.moving.period_s,
                    partial(streams.generator, Stream.WORKING_SETS, vm),
                    rng,
                )
            )
        if profile.sweep is not None:
            region = _region_pages(profile.sweep, page_count)
            first = int(own.integers(0, page_count - region + 1))
            speed = profile.sweep.sweeps_per_s * region
            processes.append(SweepWrites(first, region, speed, own.random() * region))
        return PageWriter(page_count, processes)

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the profile's distinct pages per second at these intensities."""
        return self.profile.dirty_pages_per_s(page_count, intensity)

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe the profile's write classes, moving working set and sweep."""
        profile = self.profile
        moving = sweep = None
        if profile.moving is not None:
            pages = _working_set_pages(profile.moving, page_count)
            moving = MovingWorkingSet(
                pages, profile.moving.writes_per_page_s, profile.moving.period_s
            )
        if profile.sweep is not None:
            region = _region_pages(profile.sweep, page_count)
            sweep = SequentialSweep(region, profile.sweep.sweeps_per_s)
        return WriteDescription(
            page_count,
            _class_sizes(profile, page_count),
            np.array([each.writes_per_page_s for each in profile.write_classes()]),
            moving=moving,
            sweep=sweep,
        )


def _region_pages(sweep: Sweep, page_count: int) -> int:
    """Return how many pages a sweep passes through: at least one."""
    return max(1, round(sweep.share * page_count))


def _working_set_pages(moving: MovingSet, page_count: int) -> int:
    """Return how many pages a working set that moves has: at least one."""
    return max(1, round(moving.share * page_count))


def _class_sizes(profile: WriteProfile, page_count: int) -> NDArray[np.int64]:
    """Return how many pages each write class has; shares are rounded to whole pages."""
    shares = [each.share for each in profile.write_classes()]
    ends = np.rint(np.cumsum(shares) * page_count).astype(np.int64)
    sizes: NDArray[np.int64] = np.diff(ends, prepend=0)
    return sizes


def write_times_generator(streams: RandomStreams, vm: int, number: int) -> np.random.Generator:
    """Return the random numbers of when the pages of a VM are written in a migration."""
    return streams.generator(Stream.WRITES, vm, number)


def layout_generator(streams: RandomStreams, vm: int) -> np.random.Generator:
    """Return what places a VM's writes: the same in every migration, strategy and memory model."""
    return streams.generator(Stream.WRITE_LAYOUT, vm)


def _scatter(
    profile: WriteProfile, page_count: int, rng: np.random.Generator
) -> list[tuple[PageIds, float]]:
    """Assign the pages to the write classes at random; return those that are written."""
    classes = profile.write_classes()
    sizes = _class_sizes(profile, page_count)
    # Drawing the small classes and leaving the rest to the largest is faster than a permutation.
    largest = int(np.argmax(sizes))
    drawn = rng.choice(page_count, page_count - int(sizes[largest]), replace=False)
    others = np.delete(sizes, largest)
    groups = np.split(drawn, np.cumsum(others)[:-1]) if len(others) else []
    undrawn = np.empty(0, dtype=np.int64)
    if classes[largest].writes_per_page_s > 0:
        rest = np.ones(page_count, dtype=np.bool_)
        rest[drawn] = False
        undrawn = np.flatnonzero(rest)
    groups.insert(largest, undrawn)
    return [
        (group, each.writes_per_page_s)
        for group, each in zip(groups, classes, strict=True)
        if len(group) and each.writes_per_page_s > 0
    ]


@write_sources.register("samples")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Samples:
    """The reference paper's samples per iteration: each page's dirty bit of each round is given.

    The sets belong to rounds, so they have no rate in time and no bursts.

    Args:
        probability: chance that a page is dirty in a round, independent of all others. The paper
            does not give it.
    """

    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.5

    burst: ClassVar[None] = None

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Draw every round's set from a stream of its own, so all strategies see the same."""

        def dirty_set(round_number: int) -> PageIds:
            key = non_negative_key(round_number)
            rng = streams.generator(Stream.ROUND_SAMPLES, vm, number, key)
            return np.flatnonzero(rng.random(page_count) < self.probability)

        return PageWriter(page_count, round_sets=dirty_set)

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe one class of pages that only samples make dirty."""
        return WriteDescription(
            page_count,
            np.array([page_count]),
            np.zeros(1),
            round_dirty_probability=self.probability,
        )

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return zeros: these sets have no rate in time."""
        return np.zeros(len(page_count))


@write_sources.register("uniform")
@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Uniform:
    """Every page is written at one rate.

    Args:
        writes_per_page_s: writes per page and second at full intensity.
    """

    writes_per_page_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    burst: ClassVar[None] = None

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Let every page be written alike."""
        rng = write_times_generator(streams, vm, number)
        groups = [(np.arange(page_count), self.writes_per_page_s)]
        return PageWriter(page_count, [ClassWrites(groups, page_count, rng)])

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe one class of all pages."""
        rates = np.array([self.writes_per_page_s])
        return WriteDescription(page_count, np.array([page_count]), rates)

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

    def __post_init__(self) -> None:
        _recording(self.file)  # a bad recording is found before anything has run

    def writer(self, page_count: int, streams: RandomStreams, vm: int, number: int) -> PageWriter:
        """Replay the recording on this VM's pages."""
        interval_s, sets = _recording(self.file)
        if self.per == "round":
            return PageWriter(page_count, round_sets=lambda r: sets[(r - 1) % len(sets)])
        stream_of = partial(streams.generator, Stream.REPLAYED_TIMES, vm)
        return PageWriter(page_count, [ReplayedWrites(sets, interval_s, stream_of)])

    def dirty_pages_per_s(
        self, page_count: NDArray[np.int64], intensity: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the recording's mean pages per second at these intensities."""
        return np.minimum(self._mean_pages_per_s * intensity, page_count.astype(np.float64))

    def describe_writes(self, page_count: int) -> WriteDescription:
        """Describe the recording: its mean rate, and how many pages it lists at all.

        Raises:
            ScenarioError: if it lists a page that the VM does not have.
        """
        _, sets = _recording(self.file)
        listed = np.unique(np.concatenate(sets))
        highest = int(listed.max(initial=-1))
        if highest >= page_count:
            allowed = f"page numbers below the VM's {page_count} pages"
            raise ScenarioError("dirty_pages", highest, allowed, file=self.file)
        distinct = len(listed)
        recorded = RecordedWrites(self._mean_pages_per_s, distinct, self.per == "round")
        return WriteDescription(page_count, recorded=recorded)

    @property
    def _mean_pages_per_s(self) -> float:
        interval_s, sets = _recording(self.file)
        return float(np.mean([len(pages) for pages in sets])) / interval_s


class _Recording(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    interval_s: Annotated[float, ParseSeconds, Field(gt=0, ge=1e-3, le=1e12, allow_inf_nan=False)]
    dirty_pages: Annotated[list[list[Annotated[int, Field(ge=0, lt=2**48)]]], Field(min_length=1)]


def _recording(file: Path) -> tuple[float, tuple[PageIds, ...]]:
    try:
        about = file.stat()
    except OSError as error:
        raise ScenarioError("file", str(file), f"a readable file ({error.strerror})") from error
    return _read_recording(file, about.st_mtime_ns, about.st_size)


# A worker of dask lives longer than a recording that its user edits between two studies.
@lru_cache(maxsize=64)
def _read_recording(
    file: Path, modified_ns: int, size_bytes: int
) -> tuple[float, tuple[PageIds, ...]]:
    try:
        content = read_input(file, MOST_JSON_BYTES).removeprefix(BOM_UTF8)
        check_keys(content, file)
        recording = _Recording.model_validate_json(content)
    except OSError as error:
        raise ScenarioError("file", str(file), f"a readable file ({error.strerror})") from error
    except ValidationError as error:
        raise from_validation(error, _Recording).at(file=file) from error
    sets = tuple(np.unique(np.array(pages, dtype=np.int64)) for pages in recording.dirty_pages)
    return recording.interval_s, sets
