"""The cells of a study: one run each, named by everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cluster_emu.building import build
from cluster_emu.errors import ScenarioError
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.files import digest
from cluster_emu.study.comparison.variants import variants
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.grid.foreign_parts import ForeignParts
from cluster_emu.study.grid.own_version import version
from cluster_emu.study.grid.settings import (
    STRATEGY_COLUMN,
    Labels,
    LeftOut,
    cells_before_leaving_out,
    settings_of,
)
from cluster_emu.study.grid.study_file import Study

KEY_DIGITS = 20
FILES = ("traces", "path", "file")
"""Fields and parameters that name a file or folder: a result depends on what is in it."""


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Args:
        labels: which cell it is, by column: the axes' values, strategy, replication, seed.
        scenario: what is run, the strategy included.
        seed: the seed it is run with.
        content: what names the scenario, see `Contents`.
    """

    labels: Labels
    scenario: Scenario
    seed: int
    content: bytes

    @cached_property
    def key(self) -> str:
        """The cell's name: a hash of all that its result depends on, and of its labels."""
        content = zlib.decompress(self.content).decode()
        text = (
            f'{{"labels":{_as_json(self.labels)},{content},"seed":{self.seed},'
            f'"version":{_as_json(version("cluster-emu"))}}}'
        )
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def cells_of(study: Study, base: Scenario, file: Path | None = None) -> list[Cell]:
    """Return every cell: axes in the order given, then strategies, then replications.

    Every scenario is built once, so that an error in one of them is found before any run.

    Args:
        study: the study.
        base: its base scenario.
        file: the study's file, for errors.

    Raises:
        ClusterEmuError: if a value of an axis or a strategy is not allowed; it names the file.
    """
    try:
        return _cells(study, base)
    except ScenarioError as error:
        raise error.at(file=error.file or file) from error


def _cells(study: Study, base: Scenario) -> list[Cell]:
    cells_before_leaving_out(study)
    seeds = replication_seeds(study.seed, study.replications)
    left_out = LeftOut(study)
    contents = Contents()
    cells: list[Cell] = []
    places: dict[str, Labels] = {}
    for setting in settings_of(study):
        labels = [{**setting.place, STRATEGY_COLUMN: text.strip()} for text in study.strategies]
        kept = [not left_out.has(each) for each in labels]
        if not any(kept):
            continue
        scenario = base.with_fields(setting.fields)
        made = variants(scenario, study.strategies)
        for variant, label, is_kept in zip(made, labels, kept, strict=True):
            if not is_kept:
                continue
            build(variant.scenario, RandomStreams(seeds[0]))
            content = contents.of(variant.scenario)
            if study.sample is None:  # points of a sample may be the same by chance or by design
                _check_new(variant.label, content, setting.place, places)
            cells += _replicated(label, variant.scenario, seeds, content)
    left_out.check_all_used()
    if not cells:
        raise ScenarioError("leave_out", len(study.leave_out), "conditions that leave a cell")
    return cells


def _check_new(strategy: str, content: bytes, place: Labels, places: dict[str, Labels]) -> None:
    """Refuse a place of the axes at which the same is run as at one before; then add it to these.

    Raises:
        ScenarioError: naming both places.
    """
    digest = hashlib.sha256(f"{strategy}\0".encode() + content).hexdigest()
    if digest in places:
        allowed = f"values of which each makes another run (this one is that of {places[digest]})"
        raise ScenarioError("axes", place, allowed)
    places[digest] = place


def _replicated(
    place: Labels, scenario: Scenario, seeds: tuple[int, ...], content: bytes
) -> list[Cell]:
    return [
        Cell({**place, "replication": replication, "seed": seed}, scenario, seed, content)
        for replication, seed in enumerate(seeds)
    ]


class Contents:
    """What a run depends on beside seed and version of this package, by scenario.

    It is kept as a short text: the fields as plain data take ten times as much memory, in each of
    many thousand settings.
    """

    def __init__(self) -> None:
        self._files = FileContents()
        self._parts = ForeignParts()

    def of(self, scenario: Scenario) -> bytes:
        """Return the fields of a scenario, and which parts of others it uses, compressed."""
        text = _as_json(self._files.read_into(scenario.model_dump(mode="json")))
        parts = self._parts.used_in(text)
        head = f'"parts":{_as_json(parts)},' if parts else ""
        return zlib.compress(f'{head}"scenario":{text}'.encode(), level=1)


def _as_json(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"))


class FileContents:
    """What the files and folders that scenarios name hold; each is read once."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def read_into(self, data: Any) -> Any:
        """Return plain data with a hash of the contents in place of every file's path."""
        if isinstance(data, list):
            return [self.read_into(item) for item in data]
        if not isinstance(data, dict):
            return data
        return {
            key: self._digest(value)
            if key in FILES and isinstance(value, str)
            else self.read_into(value)
            for key, value in data.items()
        }

    def _digest(self, place: str) -> str:
        if place not in self._digests:
            self._digests[place] = digest(Path(place))
        return self._digests[place]
