"""`cluster-emu calibrate`, and scenarios that use what it writes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from cluster_emu import ClusterModel, load_scenario
from cluster_emu.errors import ScenarioError
from tests._support.small_scenarios import scenario
from tests.calibration.test_curve_files import GOOD, VECTOR
from tests.calibration.test_migrations import table
from tests.cli.conftest import Emu


def test_json_has_classes_intervals_and_what_is_open(emu: Emu) -> None:
    found = json.loads(emu("calibrate", VECTOR, "--json").stdout)
    assert found["total_pages"] == 2_097_152
    assert len(found["readings"]) == 8
    for one in found["classes"]:
        assert one["share_low"] <= one["share"] <= one["share_high"]
        assert one["rate_low"] <= one["writes_per_page_s"]
    assert any("4,096 of 2,097,152 pages were looked at" in each for each in found["cannot_tell"])


def test_a_profile_is_written_and_used(tmp_path: Path, emu: Emu) -> None:
    shown = emu("calibrate", VECTOR, "--out", tmp_path / "p.toml", "--plot", tmp_path / "p.png")
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
    (profile,) = tomllib.loads((tmp_path / "p.toml").read_text()).values()
    assert sum(one["share"] for one in profile["classes"]) == pytest.approx(1.0, abs=1e-9)
    fields = {
        "workload.profiles": tmp_path / "p.toml",
        "vms.0.profile": "calibrated",
        "workload.write_intensity": "constant",
    }
    model = ClusterModel(scenario(pages=10_000).with_fields(fields), rng=1)
    wanted = 10_000 * sum(
        one["share"] * -np.expm1(-one["writes_per_page_s"]) for one in profile["classes"]
    )
    assert model.state.vms.dirty_pages_per_s[0] == pytest.approx(wanted)


def test_a_profile_file_is_found_beside_its_scenario(tmp_path: Path, emu: Emu) -> None:
    emu("calibrate", VECTOR, "--out", tmp_path / "p.toml", "--name", "my vm")
    text = emu("scenarios", "single").stdout
    path = tmp_path / "mine.toml"
    path.write_text(
        text + '\n[workload]\nprofiles = "p.toml"\n'
        if "[workload]" not in text
        else text.replace("[workload]", '[workload]\nprofiles = "p.toml"')
    )
    made = load_scenario(path).with_fields(
        {"vms.0.profile": {"name": "my vm"}, "vms.0.memory_bytes": "16 MiB"}
    )
    assert ClusterModel(made, rng=0).run().migrations.shape[0] >= 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[idle]\nclasses = [{share = 1, writes_per_page_s = 1}]", "a name that no shipped"),
        ("[mine]\nclasses = [{share = 0.5, writes_per_page_s = 1}]", "mine.classes"),
        ("mine = 3", "a table with a write profile"),
    ],
)
def test_bad_profile_files_are_refused(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(content)
    with pytest.raises(ScenarioError) as refused:
        ClusterModel(scenario().with_fields({"workload.profiles": path}))
    assert said in str(refused.value) and "profiles.toml" in str(refused.value)


def test_constants_of_migrations(tmp_path: Path, emu: Emu) -> None:
    table().to_csv(tmp_path / "m.csv", index=False)
    shown = emu("calibrate", tmp_path / "m.csv", "--out", tmp_path / "c.toml")
    assert shown.exit_code == 0, shown.output
    assert "link efficiency" in shown.stdout and "40 of 40 rows count" in shown.stdout
    transfer = tomllib.loads((tmp_path / "c.toml").read_text())["transfer"]
    assert transfer["prepare_s"] == pytest.approx(0.12, rel=0.02)
    scenario(transfer=transfer)
    found = json.loads(emu("calibrate", tmp_path / "m.csv", "--json").stdout)
    assert found["link_efficiency"]["value"] == pytest.approx(0.94, rel=0.01)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--classes", "2"), "--classes"),
        (("--plot", "x.gif"), ".png, .svg or .pdf"),
        (("--out", "no/such/folder.toml"), "--out"),
        (("--name", " "), "--name"),
    ],
)
def test_bad_options_are_refused(
    tmp_path: Path, emu: Emu, words: tuple[str, ...], said: str
) -> None:
    path = tmp_path / "curve.json"
    path.write_text(json.dumps(GOOD))
    refused = emu("calibrate", path, *words)
    assert refused.exit_code == 2, refused.output
    assert said in refused.output
