"""The cells of a study: one run each, named by everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from cluster_emu.building import build
from cluster_emu.errors import ScenarioError
from cluster_emu.rng import RandomStreams
from cluster_emu.scenario import Scenario
from cluster_emu.scenario.files import digest
from cluster_emu.study.comparison.variants import Variant, variants
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.grid.labels import labels_of
from cluster_emu.study.grid.study_file import Study

Labels = dict[str, str | int | float | bool]

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


def cells_of(study: Study, base: Scenario, file: Path) -> list[Cell]:
    """Return every cell: axes in the order given, then strategies, then replications.

    Every scenario is built once, so that an error in one of them is found before any run.

    Raises:
        ClusterEmuError: if a value of an axis or a strategy is not allowed; it names the file.
    """
    seeds = replication_seeds(study.seed, study.replications)
    columns = [labels_of(path, values) for path, values in study.axes.items()]
    files = _Files()
    cells = []
    places: dict[str, Labels] = {}
    for values, shown in zip(product(*study.axes.values()), product(*columns), strict=True):
        place = dict(zip(study.axes, shown, strict=True))
        try:
            scenario = base.with_fields(dict(zip(study.axes, values, strict=True)))
            for variant in variants(scenario, study.strategies):
                build(variant.scenario, RandomStreams(seeds[0]))
                data = files.read_into(variant.scenario.model_dump(mode="json"))
                _check_new(variant.label, data, place, places)
                cells += _replicated({**place, "strategy": variant.label}, variant, seeds, data)
        except ScenarioError as error:
            raise error.at(file=error.file or file) from error
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
    labels: Labels, variant: Variant, seeds: tuple[int, ...], data: dict[str, Any]
) -> list[Cell]:
    return [
        Cell({**labels, "replication": replication, "seed": seed}, variant.scenario, seed, data)
        for replication, seed in enumerate(seeds)
    ]


class _Files:
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
