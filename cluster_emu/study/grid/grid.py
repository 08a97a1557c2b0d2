"""A grid of runs as an object: of a study file, or made in Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster_emu.errors import ScenarioError
from cluster_emu.scenario import Scenario
from cluster_emu.study.grid.cells import Cell, cells_of
from cluster_emu.study.grid.settings import columns_of
from cluster_emu.study.grid.study_file import Study, base_scenario, read_study, study_from
from cluster_emu.wording import counted

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Grid:
    """A study: a base scenario, and what to vary.

    Args:
        study: the study as its file states it.
        base: the base scenario, the study's `fields` applied.
        file: the study's file; None if it was made in Python.
    """

    study: Study
    base: Scenario
    file: Path | None = field(default=None, compare=False)

    @cached_property
    def cells(self) -> list[Cell]:
        """Every cell, in the order of the tables.

        Raises:
            ClusterEmuError: if a value of an axis or a strategy is not allowed.
        """
        return cells_of(self.study, self.base, self.file)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that say which setting a row of the results is of, without strategy."""
        return columns_of(self.study)

    def to_frame(self) -> pd.DataFrame:
        """Return a table with one row per cell: the axes, strategy, replication, seed, cell."""
        import pandas as pd

        return pd.DataFrame([{**cell.labels, "cell": cell.key} for cell in self.cells])

    def changed(self, changes: Mapping[str, Any]) -> Grid:
        """Return a grid in which some entries of the study are others.

        Args:
            changes: entries by name, such as ``{"seed": 7}``; not scenario or fields.

        Raises:
            ScenarioError: naming the entry that is not allowed, its value and what is.
        """
        for name in ("scenario", "fields"):
            if name in changes:
                raise ScenarioError(name, changes[name], "another grid, as its scenario is made")
        own = {name: getattr(self.study, name) for name in Study.model_fields}
        return Grid(study_from(own | dict(changes), Path(), self.file), self.base, self.file)

    def run(self, **options: Any) -> Any:
        """Run every cell that has not ended yet, as `run_batch` does, and return its `Batch`.

        Args:
            options: those of `run_batch`: out, jobs, retry_failed, overwrite, progress ...
        """
        # the module that runs cells imports this one
        return import_module("cluster_emu.study.grid.batch").run_batch(self, **options)

    def __len__(self) -> int:
        return len(self.cells)

    def __repr__(self) -> str:
        axes = ", ".join(self.columns) or "no axes"
        return f"<Grid {self.study.name!r}: {counted(len(self), 'cell')} over {axes}>"


def load_grid(path: Path, changes: Mapping[str, Any] | None = None) -> Grid:
    """Return the grid of a study file.

    Args:
        path: the TOML file.
        changes: entries that replace those of the file.

    Raises:
        ScenarioError: naming the file and the field that is not allowed, its value and what is.
    """
    return Grid(*read_study(path, changes), path)


def grid(
    scenario: str | Path | Scenario,
    strategies: Sequence[str],
    axes: Mapping[str, Any] | None = None,
    *,
    name: str = "grid",
    policies: Sequence[str] = (),
    replications: int = 10,
    seed: int = 0,
    fields: Mapping[str, Any] | None = None,
    zip: Iterable[Mapping[str, Sequence[Any]]] = (),
    variants: Mapping[str, Mapping[str, Any]] | None = None,
    leave_out: Iterable[Mapping[str, Any]] = (),
    sample: Mapping[str, Any] | None = None,
    smallest_differences: Mapping[str, Any] | None = None,
    keep: Sequence[str] = (),
    limits: Mapping[str, Any] | None = None,
) -> Grid:
    """Return a grid of runs: the same object as that of a study file with these entries.

    For example ``grid("single", ["pre-copy"], {"vms.0.profile": ["web", "cache"]}).run()``.

    Args:
        scenario: a scenario, the name of a built-in one, or the path of a file.
        strategies: transfer strategies as text.
        axes: values by dotted path: a list, ``{"range": {"from": 1, "to": 9, "step": 2}}``,
            ``{"logrange": {"from": "1 Gbit/s", "to": "40 Gbit/s", "values": 4}}``, or
            ``{"low": 0.1, "high": 0.9}``, which needs `sample`.
        name: what the study is called.
        policies: managers' policies as text, an axis of their own.
        replications: seeds per combination.
        seed: base of the seeds.
        fields: values that differ from the scenario's in every run, by dotted path.
        zip: groups of axes that move together, each with lists of one length by dotted path.
        variants: fields that are set together, by the name of the variant.
        leave_out: cells that are not run, by values or comparisons by column.
        sample: how axes with ends are drawn, ``{"method": "latin-hypercube", "values": 64}``.
        smallest_differences: from which size on a difference matters, by metric.
        keep: tables of the runs that are kept besides the figures, such as "migrations".
        limits: what a cell may take of its machine, as the table `limits` of a study file.

    Raises:
        ScenarioError: naming the field that is not allowed, its value and what is.
    """
    data: dict[str, Any] = {
        "name": name,
        "scenario": scenario.name if isinstance(scenario, Scenario) else str(scenario),
        "strategies": strategies if isinstance(strategies, str) else list(strategies),
        "policies": policies if isinstance(policies, str) else list(policies),
        "replications": replications,
        "seed": seed,
        "fields": dict(fields or {}),
        "axes": dict(axes or {}),
        "zip": [dict(group) for group in zip],
        "variants": {key: dict(each) for key, each in (variants or {}).items()},
        "leave_out": [dict(row) for row in leave_out],
        "sample": None if sample is None else dict(sample),
        "smallest_differences": dict(smallest_differences or {}),
        "keep": list(keep),
        "limits": dict(limits or {}),
    }
    study = study_from(data, Path())
    base = scenario if isinstance(scenario, Scenario) else base_scenario(study, Path())
    return Grid(study, base.with_fields(study.fields))
