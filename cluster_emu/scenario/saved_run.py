"""The scenario of a run that was saved: it runs again wherever its folder is."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.json_input import check_keys
from cluster_emu.plausibility import ImplausibleValueWarning
from cluster_emu.scenario.files import digest, named_files
from cluster_emu.scenario.spec import Scenario, scenario_from

ABOUT = "run.json"
"""The file of a saved run that has its scenario."""


def recorded_files(data: Mapping[str, Any]) -> list[dict[str, str | None]]:
    """Return what a saved run says of the files that its scenario names, but does not hold.

    Args:
        data: the scenario as plain data.

    Returns:
        For each file or folder its `field`, its absolute `path`, and the `sha256` of what is in it;
        None if it cannot be read any more.
    """
    return [
        {"field": field, "path": str(path.absolute()), "sha256": _digest(path)}
        for field, path in named_files(data).items()
    ]


def run_scenario(file: Path) -> Scenario:
    """Return the scenario of a saved run.

    Args:
        file: its run.json.

    Raises:
        ScenarioError: if it is no such file, or if a file or folder that its scenario names is gone
            or holds something else than when the run was saved.
    """
    try:
        content = file.read_bytes()
        check_keys(content, file)
        about: Any = json.loads(content)
        data, files = about["scenario"], about["files"]
        recorded = [(str(one["field"]), str(one["path"]), one["sha256"]) for one in files]
    except OSError as error:
        raise ScenarioError("file", str(file), f"a readable file ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        found = f"{type(error).__name__}: {error}"
        raise ScenarioError("file", found, "what cluster-emu run --out wrote", file=file) from error
    for field, path, sha256 in recorded:
        now = _digest(Path(path))
        if now is None or now != sha256:
            state = "it is gone" if now is None else "it has changed"
            allowed = f"the file or folder as it was when the run was saved ({state})"
            raise ScenarioError(f"scenario.{field}", path, allowed, file=file)
    with warnings.catch_warnings():  # its units are gone, and it was warned of when it ran
        warnings.simplefilter("ignore", ImplausibleValueWarning)
        return scenario_from(data, file=file)


def _digest(path: Path) -> str | None:
    try:
        return digest(path)
    except OSError:
        return None
