"""The made-up dumps by kind and version."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "inventories"

DUMPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kubevirt-v1": ("kubevirt", ("kubevirt-v1.json", "kubevirt-metrics.txt")),
    "kubevirt-v1alpha3": (
        "kubevirt",
        ("kubevirt-v1alpha3-vmis.json", "kubevirt-v1alpha3-nodes.json"),
    ),
}
"""Importer and files of each dump."""


def files_of(name: str) -> list[Path]:
    return [FOLDER / file for file in DUMPS[name][1]]
