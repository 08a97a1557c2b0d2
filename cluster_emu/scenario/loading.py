"""Scenarios in TOML files, including the built-in ones."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.input_files import MOST_DEPTH, MOST_TOML_BYTES, exists, read_input
from cluster_emu.numerals import MOST_WHOLE
from cluster_emu.part_text import parse_toml
from cluster_emu.scenario.files import named_files
from cluster_emu.scenario.saved_run import ABOUT, run_scenario
from cluster_emu.scenario.spec import Scenario, scenario_from

_ALLOWED = (
    f"TOML with whole numbers of at most {MOST_WHOLE}, and at most {MOST_DEPTH} tables and lists "
    "within each other"
)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the data of a TOML file.

    Raises:
        ScenarioError: if it cannot be read or is not TOML; names the file and the line.
    """
    try:
        content = read_input(path, MOST_TOML_BYTES)
        text = content.decode("utf-8-sig")  # a byte-order mark is not part of a key
    except OSError as error:
        reason = error.strerror or "unreadable"
        raise ScenarioError("file", str(path), f"a readable file ({reason})") from error
    except UnicodeDecodeError as error:
        raise ScenarioError("file", str(path), f"text in UTF-8 ({error.reason})") from error
    try:
        return parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, where = str(error).partition(" (at ")
        found = re.match(r"line (\d+)", where)
        lines = text.splitlines() or [""]
        number = min(int(found[1]), len(lines)) if found else len(lines)
        raise ScenarioError(
            f"line {number}", lines[number - 1], f"TOML ({reason})", file=path
        ) from error
    except ValueError as error:
        raise ScenarioError("content", str(error), _ALLOWED, file=path) from error


def built_in_scenarios() -> dict[str, Path]:
    """Return the built-in scenarios by name."""
    folder = resources.files("cluster_emu") / "scenarios"
    paths = [Path(str(entry)) for entry in folder.iterdir() if entry.name.endswith(".toml")]
    return {path.stem: path for path in sorted(paths, key=lambda path: path.stem)}


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Return the built-in scenario of that name, the one in that file, or that of a saved run.

    Paths in a scenario (`workload.traces`, `workload.profiles`, `carbon.trace`, `topology.path`,
    `migration_topology.path`, the `file` of a profile) are relative to the scenario's own folder. A
    saved run is given by its folder or its run.json.

    Raises:
        UnknownNameError: if it is neither a built-in name nor a file.
        ScenarioError: if there is no such file, or it is not a valid scenario, or a file that a
            saved run needs is gone or has changed.
    """
    known = built_in_scenarios()
    if not str(name_or_path).strip():
        allowed = f"a file, or one of {', '.join(sorted(known))}"
        raise ScenarioError("scenario", str(name_or_path), allowed)
    path = known.get(str(name_or_path), Path(name_or_path))
    if not exists(path):
        if path.suffix or len(path.parts) > 1:
            allowed = f"a file that exists, or one of {', '.join(sorted(known))}"
            raise ScenarioError("scenario", str(name_or_path), allowed)
        raise UnknownNameError("scenario (or file)", str(name_or_path), known)
    if path.name == ABOUT or (path / ABOUT).is_file():
        return run_scenario(path if path.name == ABOUT else path / ABOUT)
    data = read_toml(path)
    scenario = scenario_from(data, file=path)
    located = _located(scenario, path.parent)
    return scenario.with_fields(located) if located else scenario


def _located(scenario: Scenario, folder: Path) -> dict[str, Any]:
    """Return the paths in a scenario by field, relative ones joined to its folder."""
    return {field: str(folder / file) for field, file in named_files(scenario.model_dump()).items()}
