"""`list [KIND [NAME]]`: every part of every family, as the registries describe it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.json_output import plain_data
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.plugins import families
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.workload import load_profiles

Emu = Callable[..., Any]

KINDS = {
    "strategies",
    "encoders",
    "stop-rules",
    "policies",
    "queue-orders",
    "topologies",
    "triggers",
    "overload-detectors",
    "underload-detectors",
    "vm-selections",
    "placements",
    "placement-filters",
    "placement-scorers",
    "demand-models",
    "intensity-mappings",
    "trace-readers",
    "write-sources",
    "memory-models",
    "fault-kinds",
    "power-models",
}


def test_every_family_is_listed_with_its_parts(emu: Emu) -> None:
    listed = json.loads(emu("list", "--json").stdout)
    shown = emu("list").stdout

    assert {one["kind"] for one in listed} >= KINDS
    assert {one["kind"]: [part["name"] for part in one["parts"]] for one in listed} == {
        **{kind: registry.names() for kind, registry in families().items()},
        "write-profiles": list(load_profiles()),
        "metrics": [metric.name for metric in metric_catalogue],
    }
    for one in listed:
        assert one["summary"] and one["parts"]
        assert one["kind"] in shown


def test_a_part_has_summary_source_and_parameters_with_defaults_and_units(emu: Emu) -> None:
    listed = json.loads(emu("list", "stop-rules", "--json").stdout)
    shown = " ".join(emu("list", "stop-rules").stdout.split())

    assert (listed["kind"], listed["group"]) == ("stop-rules", "cluster_emu.stop_rules")
    assert listed["parts"] == [plain_data(stop_rules.describe(name)) for name in stop_rules.names()]
    assert all(part["summary"] and part["source"] for part in listed["parts"])
    assert "deadline_s = 3600 s" in shown
    assert "deadline_s = none," in shown  # no unit where there is no number
    assert "cluster_emu.stop_rules" in shown


def test_every_part_of_every_family_is_described_with_its_parameters(emu: Emu) -> None:
    """`list --json` describes all parts as `list KIND NAME --json` does, tried with the first."""
    for family in json.loads(emu("list", "--json").stdout):
        first = family["parts"][0]
        assert json.loads(emu("list", family["kind"], first["name"], "--json").stdout) == first
        shown = emu("list", family["kind"], first["name"]).stdout
        assert f"{first['name']} ({family['kind']})" in shown
        assert all(each["name"] in shown for each in first.get("parameters", ()))


def test_a_metric_is_described_with_its_unit_and_how_it_is_found(emu: Emu) -> None:
    shown = emu("list", "metrics", "downtime_s").stdout
    for text in ("downtime (ms)", "mean of `downtime_s` over completed", "by run and compare"):
        assert text in shown
    assert "did you mean 'downtime_s'" in emu("list", "metrics", "downtime").stderr


def test_defaults_of_quantities_have_units_that_can_be_read(emu: Emu) -> None:
    shown = " ".join(emu("list", "policies").stdout.split())
    assert "bandwidth_bytes_per_s = 128 MiB" in shown
    assert "e+0" not in shown


def test_one_part_is_described(emu: Emu) -> None:
    described = json.loads(emu("list", "stop-rules", "qemu", "--json").stdout)
    shown = emu("list", "stop-rules", "qemu").stdout

    (limit,) = (one for one in described["parameters"] if one["name"] == "downtime_limit_s")
    assert (limit["default"], limit["unit"]) == ("0.3", "s")
    assert limit["description"]
    for text in (described["summary"], described["source"], "downtime_limit_s", "0.3"):
        assert text in shown


def test_a_part_without_parameters_says_so(emu: Emu) -> None:
    assert "Parameters\n  none" in emu("list", "queue-orders", "fifo").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("stop-rule",), "did you mean 'stop-rules'"),
        (("stop-rules", "qemo"), "unknown stop rule 'qemo'"),
        (("strategies", "majority"), "did you mean 'history-majority'"),
    ],
)
def test_unknown_kinds_and_names_exit_with_2(
    emu: Emu, words: tuple[str, ...], message: str
) -> None:
    result = emu("list", *words)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "name"),
    [((), "parts"), (("encoders",), "encoders"), (("encoders", "xbzrle"), "xbzrle")],
)
def test_what_is_listed_can_be_written(
    emu: Emu, tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    shown = emu("list", *words, "--out", tmp_path, "--json").stdout

    assert (tmp_path / f"{name}.json").read_text("utf-8") == shown
