"""The cells of a study: one run each, named by everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
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
        data: the scenario as plain data, what its files hold in place of where they are.
    """

    labels: Labels
    scenario: Scenario
    seed: int
    data: dict[str, Any]

    @cached_property
    def key(self) -> str:
        """The cell's name: a hash of all that its result depends on, and of its labels."""
        identity = {
            "version": version("cluster-emu"),
            "labels": self.labels,
            "scenario": self.data,
            "seed": self.seed,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
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
    files = FileContents()
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
            data = files.read_into(variant.scenario.model_dump(mode="json"))
            if study.sample is None:  # points of a sample may be the same by chance or by design
                _check_new(variant.label, data, setting.place, places)
            cells += _replicated(label, variant.scenario, seeds, data)
    left_out.check_all_used()
    if not cells:
        raise ScenarioError("leave_out", len(study.leave_out), "conditions that leave a cell")
    return cells


def _check_new(
    strategy: str, data: dict[str, Any], place: Labels, places: dict[str, Labels]
) -> None:
    """Refuse a place of the axes at which the same is run as at one before; then add it to these.

    Raises:
        ScenarioError: naming both places.
    """
    text = json.dumps([strategy, data], sort_keys=True)
    digest = hashlib.sha256(text.encode()).hexdigest()
    if digest in places:
        allowed = f"values of which each makes another run (this one is that of {places[digest]})"
        raise ScenarioError("axes", place, allowed)
    places[digest] = place


def _replicated(
    place: Labels, scenario: Scenario, seeds: tuple[int, ...], data: dict[str, Any]
) -> list[Cell]:
    return [
        Cell({**place, "replication": replication, "seed": seed}, scenario, seed, data)
        for replication, seed in enumerate(seeds)
    ]


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
