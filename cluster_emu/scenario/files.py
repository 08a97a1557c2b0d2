"""The files and folders that a scenario names: where they are, and what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def named_files(scenario: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files and folders that a scenario names, by the dotted path of the field.

    Args:
        scenario: the scenario as plain data.
    """
    named = {
        "workload.traces": scenario["workload"]["traces"],
        "workload.profiles": scenario["workload"].get("profiles"),
        "carbon.trace": (scenario.get("carbon") or {}).get("trace"),
        "topology.path": scenario["topology"].get("path"),
        "migration_topology.path": (scenario["migration_topology"] or {}).get("path"),
    }
    for i, group in enumerate(scenario["vms"]):
        named[f"vms.{i}.profile.file"] = (group["profile"] or {}).get("file")
    return {field: Path(str(file)) for field, file in named.items() if file is not None}


def digest(place: Path) -> str:
    """Return the SHA-256 of a file, or of the files of a folder and their names.

    Hidden files and folders in a folder do not count: no result depends on them.

    Raises:
        OSError: if it cannot be read.
    """
    files = sorted(filter(_counts, place.iterdir())) if place.is_dir() else [place]
    found = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        found.update(os.fsencode(f"{file.name}\0{content}\n"))
    return found.hexdigest()


def _counts(entry: Path) -> bool:
    return entry.is_file() and not entry.name.startswith(".")
