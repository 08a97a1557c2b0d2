"""The cells of a study: one run each, named by everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from cluster_emu.building import build
from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Choice, Scenario
from cluster_emu.streams import Streams
from cluster_emu.study.seeds import replication_seeds
from cluster_emu.study.study import Study
from cluster_emu.study.variants import variants

KEY_DIGITS = 20


@dataclass(frozen=True)
class Cell:
    """One run of a study.

    Args:
        labels: which cell it is, by column: the axes' values, strategy, replication, seed.
        scenario: what is run, the strategy included.
        seed: the seed it is run with.
        traces: digest of the trace folder, empty for the traces that come with the package.
    """

    labels: dict[str, str | int | float | bool]
    scenario: Scenario
    seed: int
    traces: str

    @cached_property
    def key(self) -> str:
        """The cell's name: a hash of all that its result depends on, and of its labels."""
        scenario = self.scenario.model_dump(mode="json")
        scenario["workload"]["traces"] = self.traces  # what is in the folder, not where it is
        identity = {
            "version": version("cluster-emu"),
            "labels": self.labels,
            "scenario": scenario,
            "seed": self.seed,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def cells_of(study: Study, base: Scenario, file: Path) -> list[Cell]:
    """Return every cell: axes in the order given, then strategies, then replications.

    Every scenario is built once, so that whatever can never run is found before anything has.

    Raises:
        ClusterEmuError: if a value of an axis or a strategy is not allowed; it names the file.
    """
    seeds = replication_seeds(study.seed, study.replications)
    columns = [_labels(values) for values in study.axes.values()]
    digests = _TraceDigests()
    cells = []
    for values, shown in zip(product(*study.axes.values()), product(*columns), strict=True):
        try:
            scenario = base.with_fields(dict(zip(study.axes, values, strict=True)))
            made = variants(scenario, study.strategies)
            for variant in made:
                build(variant.scenario, Streams(seeds[0]))
        except ScenarioError as error:
            raise error.at(file=error.file or file) from error
        traces = digests.of(scenario.workload.traces)
        place = dict(zip(study.axes, shown, strict=True))
        cells += [
            Cell(
                {**place, "strategy": variant.label, "replication": replication, "seed": seed},
                variant.scenario,
                seed,
                traces,
            )
            for variant in made
            for replication, seed in enumerate(seeds)
        ]
    return cells


def _labels(values: Sequence[Any]) -> list[Any]:
    """Return an axis's values as they stand in a column, which holds numbers or texts, not both."""
    if all(isinstance(value, bool) for value in values):
        return list(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        whole = all(isinstance(value, int) for value in values)
        return list(values) if whole else [float(value) for value in values]
    return [_text(value) for value in values]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and "name" in value:
        return str(Choice.model_validate(value))
    return json.dumps(value, default=str)


class _TraceDigests:
    """Digests of trace folders, each folder read once."""

    def __init__(self) -> None:
        self._known: dict[Path, str] = {}

    def of(self, folder: Path | None) -> str:
        """Return a hash of the names and contents of a folder's files; empty for no folder."""
        if folder is None:
            return ""
        if folder not in self._known:
            digest = hashlib.sha256()
            for file in sorted(folder.iterdir()):
                content = hashlib.sha256(file.read_bytes()).hexdigest()
                digest.update(f"{file.name}\0{content}\n".encode())
            self._known[folder] = digest.hexdigest()
        return self._known[folder]
