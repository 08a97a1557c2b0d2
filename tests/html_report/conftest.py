"""A folder of each kind that has a report, from a scenario whose names are markup."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cluster_emu.cli import app

EVIL = "<script>alert(1)</script>"
HOST = "<img src=x onerror=alert(2)>"

SCENARIO = f"""
name = {json.dumps(EVIL)}
description = "</style><b>bold</b> & more"
[run]
duration_s = "24 h"
fidelity = "lumped"
stop_when_idle = true
[topology]
name = "leaf-spine"
leaves = 2
spines = 1
hosts_per_leaf = 2
host_bps = "10 Gbit/s"
[[hosts]]
count = 4
cpu_capacity = 16
memory_bytes = "32 GiB"
names = [{json.dumps(HOST)}, "beta", "gamma", "delta"]
[[vms]]
count = 4
cpu_capacity = 2
memory_bytes = "1 GiB"
profile = "web"
host = 0
names = ["{{{{ 7 * 7 }}}}", "v1", "v2", "v3"]
[[migrations]]
vm = 1
target = 2
at_s = 1.0
[transfer]
stop = "xen-legacy"
"""

STUDY = """
name = "shares & profiles"
scenario = "scenario.toml"
strategies = ["pre-copy", "time-series"]
replications = 3
[axes]
"vms.0.profile" = ["web", "cache"]
"transfer.bandwidth_bps" = ["1 Gbit/s", "4 Gbit/s"]
"""

COMMANDS = {
    "run": ["run", "{scenario}", "--seed", 3],
    "compare": ["compare", "{scenario}", "--strategies", "pre-copy,time-series"],
    "evacuate": ["evacuate", "{scenario}", "--vm", "v2", "--within", "1m"],
    "maintain": ["maintain", "{scenario}", "--replications", 2, "--reboot", "1m"],
    "batch": ["batch", "{study}"],
}


def emu(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the folder of a result of every command."""
    root = tmp_path_factory.mktemp("reports")
    (root / "scenario.toml").write_text(SCENARIO, "utf-8")
    (root / "study.toml").write_text(STUDY.replace("&", "-"), "utf-8")
    names = {"scenario": root / "scenario.toml", "study": root / "study.toml"}
    for command, words in COMMANDS.items():
        typed = [str(word).format(**names) for word in words]
        if command in ("compare", "evacuate"):
            typed += ["--replications", "3"]
        done = emu(*typed, "--out", root / command)
        assert done.exit_code == 0, done.output
    return {command: root / command for command in COMMANDS}


@pytest.fixture(scope="session")
def reports(results: dict[str, Path]) -> dict[str, Path]:
    """Return the page of every folder."""
    for folder in results.values():
        done = emu("report", folder)
        assert done.exit_code == 0, done.output
    return {command: folder / "report.html" for command, folder in results.items()}
