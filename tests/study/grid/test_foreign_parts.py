"""An edited part of a script or plug-in gives its cells other names; all others keep theirs."""

from __future__ import annotations

import hashlib
import importlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from cluster_emu import plugins
from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.study import run_batch
from cluster_emu.study.grid.cells import Cell, FileContents
from cluster_emu.study.grid.grid import load_grid
from cluster_emu.study.grid.own_version import version
from cluster_emu.transfer.stop_rules import stop_rules
from tests._support.script_with_part import PART, STUDY

NAME = "few-rounds"
EDITED = PART.replace("LEAST = 1", "LEAST = 4")


@contextmanager
def defined(place: Path, text: str, *, with_file: bool = True) -> Iterator[None]:
    """Define the stop rule in a module beside the script, or as a notebook does."""
    sys.modules.pop("own_rules", None)
    try:
        if with_file:
            (place / "own_rules.py").write_text(text, "utf-8")
            sys.path.insert(0, str(place))
            importlib.invalidate_caches()
            sys.dont_write_bytecode = True  # its time stamp is too coarse for two edits a second
            importlib.import_module("own_rules")
        else:
            module = ModuleType("own_rules")
            sys.modules["own_rules"] = module
            exec(text, vars(module))
        yield
    finally:
        sys.dont_write_bytecode = False
        stop_rules._factories.pop(NAME, None)
        sys.modules.pop("own_rules", None)
        if str(place) in sys.path:
            sys.path.remove(str(place))


def cells(place: Path, text: str = STUDY) -> list[Cell]:
    (place / "study.toml").write_text(text, "utf-8")
    return list(load_grid(place / "study.toml", {}).cells)


def keys(place: Path, text: str = STUDY) -> list[str]:
    return [cell.key for cell in cells(place, text)]


def test_an_edited_part_beside_the_script_runs_its_cells_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "study.toml").write_text(STUDY, "utf-8")
    with defined(tmp_path, PART):
        first = run_batch(tmp_path / "study.toml", out=out)
        again = run_batch(tmp_path / "study.toml", out=out)
    with defined(tmp_path, EDITED):
        edited = run_batch(tmp_path / "study.toml", out=out)

    assert (first.found, again.found, edited.found) == (0, 2, 0)
    rounds = [set(each.table["total_bytes"]) for each in (again, edited)]
    assert rounds[0] != rounds[1]
    assert edited.notes == (
        "2 cells of another state of the study: kept, and no part of the results",
    )


@pytest.mark.parametrize("with_file", [True, False])
def test_only_an_edit_changes_the_names(tmp_path: Path, *, with_file: bool) -> None:
    found = []
    other = PART.replace(">= max(self.most", "> max(self.most")
    for text in (PART, PART, other):
        with defined(tmp_path, text, with_file=with_file):
            found.append(keys(tmp_path))
    assert found[0] == found[1]
    assert not set(found[0]) & set(found[2])


def test_cells_that_do_not_use_the_part_keep_their_names(tmp_path: Path) -> None:
    plain = STUDY.replace("few-rounds:most=3", "deadline:deadline_s=9")
    before = keys(tmp_path, plain)
    with defined(tmp_path, PART):
        assert keys(tmp_path, plain) == before


def test_the_name_of_a_cell_without_parts_of_others_is_that_of_before(tmp_path: Path) -> None:
    for cell in cells(tmp_path, STUDY.replace("few-rounds:most=3", "deadline:deadline_s=9")):
        identity = {
            "version": version("cluster-emu"),
            "labels": cell.labels,
            "scenario": FileContents().read_into(cell.scenario.model_dump(mode="json")),
            "seed": cell.seed,
        }
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        assert cell.key == hashlib.sha256(text.encode()).hexdigest()[:20]


def test_another_version_of_the_distribution_is_another_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    with defined(tmp_path, PART):
        monkeypatch.setattr(stop_rules, "_of_entry_points", {NAME})
        for said in ("rules 1.0", "rules 1.1"):
            monkeypatch.setattr(plugins, "distribution_of", lambda *_, said=said: said)
            found.append(keys(tmp_path))
    assert not set(found[0]) & set(found[1])


def test_a_metric_of_a_script_is_part_of_every_name(tmp_path: Path) -> None:
    plain = STUDY.replace("few-rounds:most=3", "deadline:deadline_s=9")
    before = keys(tmp_path, plain)
    metric = Metric(name="own", label="own", description="of a test", value=lambda _: 1.0)
    metric_catalogue.register(metric)
    try:
        assert not set(keys(tmp_path, plain)) & set(before)
    finally:
        metric_catalogue._metrics.pop("own")
