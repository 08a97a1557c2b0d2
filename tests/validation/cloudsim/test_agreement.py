"""`cluster-emu validate cloudsim`: the command, the order of the traces, bad folders."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from cluster_emu.cli import app
from cluster_emu.cli.validate import CLOUDSIM
from cluster_emu.errors import TraceError
from cluster_emu.traces.formats.planetlab import read_planetlab
from cluster_emu.validation import Quirks, validate_cloudsim
from cluster_emu.validation.cloudsim import POLICIES, published
from cluster_emu.validation.cloudsim.agreement import ordered_samples
from tests._support.idle_traces import FOLDER

SMALL = ("--hosts", "20", "--limit", "12")


def validate(*words: object) -> Result:
    return CliRunner().invoke(app, ["validate", "cloudsim", *map(str, words)])


def folder_of(tmp_path: Path, files: dict[str, list[int]]) -> Path:
    folder = tmp_path / "day"
    folder.mkdir()
    for name, percents in files.items():
        (folder / name).write_text("".join(f"{percent}\n" for percent in percents))
    return folder


@pytest.mark.slow
def test_the_document_has_the_agreed_keys() -> None:
    ran = validate("--traces", FOLDER, "--policy", "iqr-mmt", *SMALL, "--json")
    assert ran.exit_code == 0, ran.output
    document = json.loads(ran.stdout)
    agreed = {"energy_kwh", "migrations", "slatah", "pdm", "host_shutdowns", "wall_s"}
    assert agreed | {"policy"} <= set(document)
    assert all(document[name] > 0 for name in agreed)
    assert (document["policy"], document["traces"], document["hosts"]) == ("iqr-mmt", 12, 20)
    assert document["cloudsim_4_0"] is None
    assert sum(document["slatah_by_cause"].values()) == pytest.approx(1.0)


def test_the_table_says_where_cloudsim_was_not_run() -> None:
    ran = validate("--traces", FOLDER, "--policy", "thr-mmt", *SMALL)
    assert ran.exit_code == 0, ran.output
    assert "thr-mmt: 12 VMs on 20 hosts, traces in the order 'upper'" in ran.stdout
    assert "it was not run on these traces" in ran.stdout
    assert "VMs that arrive, booked in full" in ran.stdout


def test_figures_of_cloudsim_stand_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = ordered_samples(read_planetlab(FOLDER), FOLDER, "upper")[:12]
    figures = published.PublishedFigures(energy_kwh=1.0, migrations=7)
    day = published.PublishedDay(
        traces="made up",
        traces_sha256=published.traces_digest(samples),
        hosts=20,
        policies={"mad-mmt": figures},
    )
    known = published._File(source="a made-up run", day=[day])
    monkeypatch.setattr(published, "_published", lambda: known)
    ran = validate("--traces", FOLDER, "--policy", "mad-mmt", *SMALL, "--json")
    assert json.loads(ran.stdout)["cloudsim_4_0"] == {"energy_kwh": 1.0, "migrations": 7}
    ran = validate("--traces", FOLDER, "--policy", "mad-mmt", *SMALL)
    assert "a made-up run" in ran.stdout
    # other hosts, another policy, another order, or rules that are not CloudSim's: no figures
    for words in (("--hosts", "21", "--limit", "12"), (*SMALL, "--order", "sorted")):
        ran = validate("--traces", FOLDER, "--policy", "mad-mmt", *words, "--json")
        assert json.loads(ran.stdout)["cloudsim_4_0"] is None
    quirks = Quirks(plan_twice=False)
    assert validate_cloudsim(FOLDER, "mad-mmt", hosts=20, limit=12, quirks=quirks).published is None


def test_the_shipped_figures_are_complete() -> None:
    days = published._published().day
    assert [(day.hosts, len(day.traces_sha256)) for day in days] == [(800, 64), (800, 64), (80, 64)]
    assert set(days[0].policies) == set(POLICIES)
    for name, figures in days[0].policies.items():
        missing = {key for key, value in figures.model_dump().items() if value is None}
        expected = {"mean_migration_s", "sd_migration_s"} if name == "dvfs" else set()
        assert missing == expected


def test_the_order_of_the_vms_is_that_of_the_names(tmp_path: Path) -> None:
    day = {"b": [1] * 288, "_": [2] * 288, "B": [3] * 288, "a": [4] * 288, "C": [5] * 288}
    traces = read_planetlab(folder_of(tmp_path, day))
    upper = ordered_samples(traces, tmp_path, "upper")[:, 0]
    in_bytes = ordered_samples(traces, tmp_path, "sorted")[:, 0]
    assert np.rint(100 * upper).tolist() == [4, 3, 1, 5, 2]  # a B b C _
    assert np.rint(100 * in_bytes).tolist() == [3, 5, 2, 4, 1]  # B C _ a b


def test_samples_after_the_first_day_are_not_read(tmp_path: Path) -> None:
    traces = read_planetlab(folder_of(tmp_path, {"a": [7] * 288, "b": [7] * 300}))
    assert ordered_samples(traces, tmp_path, "upper").shape == (2, 288)


def test_a_short_trace_is_named(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"long": [1] * 288, "short": [1] * 287})
    with pytest.raises(TraceError, match=r"short, line 288: 'end of the file': .* 288 lines"):
        validate_cloudsim(folder, "dvfs")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--policy", "iqr"), "unknown policy of CloudSim 'iqr': allowed is one of dvfs"),
        (("--policy", "dvfs", "--order", "UPPER"), "order = 'UPPER': allowed is one of upper, so"),
        (
            ("--policy", "dvfs", "--limit", "49"),
            "limit = 49: allowed is a whole number from 1 to 4",
        ),
        (("--policy", "dvfs", "--limit", "0"), "--limit = '0': allowed is a whole number >= 1"),
        (("--policy", "dvfs", "--hosts", "x"), "--hosts = 'x': allowed is a whole number >= 1"),
        (("--policy", "dvfs", "--hosts", "9"), "hosts = 9: allowed is enough hosts for 48 VMs"),
    ],
)
def test_bad_options_are_refused(words: tuple[str, ...], said: str) -> None:
    refused = validate("--traces", FOLDER, *words)
    assert refused.exit_code == 2
    assert said in refused.output


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    missing = validate("--traces", tmp_path / "none", "--policy", "dvfs")
    assert missing.exit_code == 2 and "no such folder" in missing.output
    bad = folder_of(tmp_path, {"a": [1] * 288, "b": [1] * 100 + [101] + [1] * 187})
    refused = validate("--traces", bad, "--policy", "dvfs")
    assert refused.exit_code == 2
    assert "b, line 101: '101': allowed is a whole number from 0 to 100" in refused.output


def test_help_names_the_policies() -> None:
    assert set(CLOUDSIM.split(", ")) == set(POLICIES)


def test_nothing_else_imports_cloudsim_s_rules() -> None:
    package = Path(__file__).parents[3] / "cluster_emu"
    importers = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and "validation.cloudsim" in str(node.module)
    }
    outside = {each for each in importers if not each.startswith("validation/")}
    assert outside <= {"cli/validate.py", "__init__.py"}


def test_cloudsim_s_day_needs_neither_mesa_nor_networkx() -> None:
    code = (
        "import sys; from cluster_emu.validation.cloudsim import validate_cloudsim;"
        "print({'mesa', 'networkx', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
