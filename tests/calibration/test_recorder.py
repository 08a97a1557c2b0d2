"""The recorder against a virsh of our own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from cluster_emu.calibration import fit_curve, read_curve
from cluster_emu.calibration.recorder import VirshError, record_dirty
from cluster_emu.errors import ScenarioError
from tests.cli.conftest import Emu

FAKE = """#!{python}
import json, math, pathlib, sys
state = pathlib.Path(__file__).with_name("state.json")
kept = json.loads(state.read_text()) if state.exists() else {{"calls": [], "polls": 0, "period": 0}}
words = sys.argv[1:]
kept["calls"].append(words)
assert words[:2] == ["--connect", "test:///default"], words
verb, rest = words[2], words[3:]
mode = "{mode}"
if rest[rest.index("--domain") + 1] != "web-1":
    sys.exit("error: failed to get domain")
if verb == "dominfo":
    print("Id:             3\\nName:           web-1\\nUsed memory:    1048576 KiB")
elif verb == "domdirtyrate-calc":
    kept["period"], kept["polls"] = int(rest[rest.index("--seconds") + 1]), 0
    print("Start to calculate domain's memory dirty rate successfully.")
elif verb == "domstats":
    kept["polls"] += 1
    done = kept["polls"] > 1 and mode != "never"
    print("Domain: 'web-1'\\n  dirtyrate.calc_status=%d" % (2 if done else 1))
    print("  dirtyrate.calc_start_time=13\\n  dirtyrate.calc_period=%d" % kept["period"])
    if done:
        t = kept["period"]
        share = 0.3 * (1 - math.exp(-2.0 * t)) + 0.7 * (1 - math.exp(-0.05 * t))
        print("  dirtyrate.megabytes_per_second=%d" % round(share * 1024 / t))
        print("  dirtyrate.calc_mode=page-sampling")
state.write_text(json.dumps(kept))
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install(tmp_path, monkeypatch, "works")


def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "virsh"
    script.write_text(FAKE.format(python=sys.executable, mode=mode))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_a_recording_is_what_libvirt_said(fake: Path) -> None:
    found = record_dirty("test:///default", "web-1", [1, 10], repeat=2)
    assert found["n-total-pages"] == 262_144
    assert found["n-sampled-pages"] == 512
    assert found["periods"] == [1000, 10_000, 1000, 10_000]
    mib_per_s = round((0.3 * 0.8647 + 0.7 * 0.0488) * 1024)
    assert found["n-dirty-pages"][0] == pytest.approx(mib_per_s * 256 * 512 / 262_144)
    assert found["dirty-resolution-pages"][:2] == [0.5, 5.0]
    calls = json.loads((fake / "state.json").read_text())["calls"]
    asked = [words[2:] for words in calls if words[2] == "domdirtyrate-calc"]
    assert asked[1] == ["domdirtyrate-calc", "--domain", "web-1", "--seconds", "10"]


def test_record_and_calibrate(fake: Path, tmp_path: Path, emu: Emu) -> None:
    path, profile = tmp_path / "web.json", tmp_path / "web.toml"
    periods = "1,2,3,5,8,13,21,34,60"
    ran = emu(
        *("record-dirty", "--connect", "test:///default", "web-1"),
        *("--periods", periods, "--repeat", "3", "--out", path),
    )
    assert ran.exit_code == 0, ran.output
    assert "27 readings of web-1" in ran.output
    fit = fit_curve(read_curve(path), 2)
    assert [
        one.share_low <= wanted <= one.share_high
        for one, wanted in zip(fit.classes, (0.3, 0.7), strict=True)
    ] == [True, True]
    again = emu("calibrate", path, "--out", profile, "--name", "web-1")
    assert again.exit_code == 0, again.output
    assert '["web-1"]' in profile.read_text()


def test_failures_of_virsh_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, emu: Emu
) -> None:
    install(tmp_path, monkeypatch, "never")
    with pytest.raises(VirshError, match="failed to get domain"):
        record_dirty("test:///default", "--all", [1])
    with pytest.raises(VirshError, match="no dirty rate"):
        record_dirty("test:///default", "web-1", [1], patience_s=-0.5)
    with pytest.raises(ScenarioError, match="whole seconds from 1 to 60"):
        record_dirty("test:///default", "web-1", [61])
    refused = emu("record-dirty", "web-1", "--periods", "1,x")
    assert refused.exit_code == 2 and "--periods" in refused.output
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VirshError, match="virsh: not found"):
        record_dirty("test:///default", "web-1", [1])
