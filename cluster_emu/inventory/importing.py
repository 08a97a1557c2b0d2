"""Files in, scenario out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.inventory.checking import findings
from cluster_emu.inventory.contract import inventory_readers
from cluster_emu.inventory.documents import DumpFile
from cluster_emu.inventory.guessing import fill_in, name_unknown_hosts
from cluster_emu.inventory.neutral import Inventory
from cluster_emu.inventory.overrides import TEMPLATE, Overrides
from cluster_emu.inventory.writing import guesses_in_words, scenario_data, scenario_text
from cluster_emu.results.writing import write_text
from cluster_emu.scenario import Scenario, scenario_from

DIGEST = "# sha256 of the rest: "


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to.

    Args:
        inventory: hosts and VMs without gaps, guesses and notes.
        scenario: the scenario.
        text: its TOML.
        findings: what is strange, one sentence each.
    """

    inventory: Inventory
    scenario: Scenario
    text: str
    findings: tuple[str, ...]


def overrides_of(out: Path) -> Path:
    """Return the file of overrides beside a scenario: ``MINE.overrides.toml``."""
    return out.with_name(f"{out.stem}.overrides.toml")


def import_inventory(kind: str, files: Sequence[Path], out: Path | None = None) -> Imported:
    """Return the scenario of a cluster from dumps, without writing anything.

    Args:
        kind: name of the importer.
        files: the dumps; later ones add to earlier ones.
        out: where the scenario would be written; overrides beside it are used.

    Raises:
        UnknownNameError: if there is no such importer.
        ScenarioError: naming the file that cannot be used, or the override that is not allowed.
    """
    reader = inventory_readers.factory(kind)()
    if not files:
        raise ScenarioError("FILES", [], "at least one file")
    found = reader.read([DumpFile.read(path) for path in files])
    overrides = Overrides() if out is None else Overrides.read(overrides_of(out))
    name_unknown_hosts(found)
    overrides.apply(found)
    if not found.vms:
        left = ", ".join(f"{count} with {why}" for why, count in sorted(found.left_out.items()))
        allowed = f"at least one running VM in all files together; left out: {left or 'none'}"
        raise ScenarioError("running VMs", 0, allowed, file=files[0])
    fill_in(found)
    name = "imported" if out is None else out.stem
    data = _joined(scenario_data(found, name), overrides.scenario)
    try:
        scenario = scenario_from(data)
    except ScenarioError as error:
        if overrides.scenario and out is not None:
            raise error.at("scenario", overrides_of(out)) from error
        raise
    text = scenario_text(data, _comments(found, files))
    text = f"{DIGEST}{hashlib.sha256(text.encode()).hexdigest()}\n{text}"
    return Imported(found, scenario, text, tuple(findings(found)))


def save(imported: Imported, out: Path, *, overwrite: bool = False) -> list[Path]:
    """Write the scenario, and beside it a file for overrides where there is none.

    Raises:
        ScenarioError: if the file there is not an import, or was changed by hand.
    """
    if not overwrite:
        check_replaceable(out)
    write_text(imported.text, out)
    beside = overrides_of(out)
    if not beside.exists():
        write_text(TEMPLATE, beside)
    return [out, beside]


def check_replaceable(out: Path) -> None:
    """Refuse to replace a file that something else than an import made.

    Raises:
        ScenarioError: naming the file.
    """
    if not out.exists():
        return
    try:
        first, _, rest = out.read_text(encoding="utf-8").partition("\n")
    except (OSError, ValueError):
        first, rest = "", ""
    if first != f"{DIGEST}{hashlib.sha256(rest.encode()).hexdigest()}":
        allowed = (
            "a new file, or an import as it was written; this one was changed by hand: put the "
            f"changes into {overrides_of(out).name}, or replace them with --overwrite"
        )
        raise ScenarioError("--out", str(out), allowed)


def _comments(found: Inventory, files: Sequence[Path]) -> list[str]:
    left = [f"{count} ({why})" for why, count in sorted(found.left_out.items())]
    return [
        f"Made by `cluster-emu import {found.kind}` from {', '.join(path.name for path in files)}.",
        "Overrides beside this file survive another import; changes in this file do not.",
        *([f"VMs left out: {', '.join(left)}."] if left else []),
        *(["Guessed:", *(f"  {line}" for line in guesses_in_words(found.guesses))]),
        *(["Notes:", *(f"  {line}" for line in found.notes)] if found.notes else []),
        "",
    ]


def _joined(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return data with changes; tables without a name are joined, all else is replaced."""
    joined = dict(data)
    for key, value in changes.items():
        known = joined.get(key)
        is_table = isinstance(known, dict) and isinstance(value, dict) and "name" not in value
        joined[key] = _joined(known, value) if is_table and known is not None else value
    return joined
