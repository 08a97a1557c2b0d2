"""Study files: what they say, and one message for what they may not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.study.grid.cells import cells_of
from cluster_emu.study.grid.study_file import read_study

HEAD = 'name = "s"\nscenario = "paper"\nstrategies = ["ma"]\nreplications = 2\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, "utf-8")
    return path


def test_quoted_and_unquoted_paths_mean_the_same(tmp_path: Path) -> None:
    quoted = '[axes]\n"vms.0.profile.probability" = [0.1, 0.2]\n"run.tick_s" = [1, 2]\n'
    unquoted = "[axes]\nvms.0.profile.probability = [0.1, 0.2]\nrun.tick_s = [1, 2]\n"

    first, _ = read_study(written(tmp_path, HEAD + quoted))
    second, _ = read_study(written(tmp_path, HEAD + unquoted))
    assert first.axes == second.axes
    assert list(first.axes) == ["vms.0.profile.probability", "run.tick_s"]


def test_a_part_with_its_parameters_is_a_value_not_a_path(tmp_path: Path) -> None:
    fields = '[fields]\ntransfer.stop = { name = "fixed-rounds", rounds = 3 }\n'
    _, base = read_study(written(tmp_path, HEAD + fields))

    assert base.transfer.stop.parameters == {"rounds": 3}


def test_a_scenario_beside_the_study_is_found_and_so_are_its_traces(tmp_path: Path) -> None:
    own = Path("cluster_emu/traces/own_day")
    traces = tmp_path / "day"
    traces.mkdir()
    for file in sorted((Path(__file__).parents[3] / own).iterdir())[:2]:
        (traces / file.name).write_bytes(file.read_bytes())
    (tmp_path / "mine.toml").write_text(built_in("paper"), "utf-8")
    fields = '[fields]\nworkload.traces = "day"\nworkload.demand = "trace"\n'
    study = HEAD.replace("paper", "mine.toml") + fields

    _, base = read_study(written(tmp_path, study))
    assert base.workload.traces == traces


def built_in(name: str) -> str:
    folder = Path(__file__).parents[3] / "cluster_emu" / "scenarios"
    return (folder / f"{name}.toml").read_text("utf-8")


def test_the_seed_may_be_replaced(tmp_path: Path) -> None:
    study, _ = read_study(written(tmp_path, HEAD + "seed = 4\n"), {"seed": 9})

    assert study.seed == 9


@pytest.mark.parametrize(
    ("text", "field", "allowed"),
    [
        ("nam = 1\n" + HEAD, "nam", "did you mean 'name'"),
        (HEAD.replace('name = "s"', 'name = "../s"'), "name", "a text that matches"),
        (HEAD.replace("paper", "papers"), "scenario", "did you mean 'paper'"),
        (HEAD.replace('["ma"]', "[]"), "strategies", "1 or more"),
        (HEAD.replace("ma", "maa"), "strategies.maa", "one of"),
        (HEAD.replace('["ma"]', '["ma:x=1"]'), "strategies.ma.x", "a parameter of"),
        (HEAD.replace("= 2", "= 0"), "replications", ">= 1"),
        (HEAD.replace("= 2", "= 2.5"), "replications", "a whole number"),
        (HEAD + "seed = -1\n", "seed", ">= 0"),
        (HEAD + '[axes]\n"run.tick_s" = []\n', "axes", "at least one value"),
        (HEAD + '[axes]\n"run.tick_s" = [1, 2, 1]\n', "axes", "every value once"),
        (HEAD + '[axes]\n"run.tick_s" = 1\n', "axes.run.tick_s", "a list"),
        (HEAD + "[axes]\nmigrations = [[]]\n", "axes", "other than migrations"),
        (HEAD + '[fields]\n"vms.7.count" = 1\n', "vms.7.count", "list index is below 1"),
        (HEAD + '[axes]\n"run.tick" = [1, 2]\n', "run.tick", "did you mean 'tick_s'"),
        (HEAD + '[axes]\n"run.tick_s" = [1, -2]\n', "run.tick_s", "> 0"),
        (HEAD + '[axes]\n"transfer.stop" = ["ma"]\n', "transfer.stop", "fixed-rounds"),
        (HEAD + "[axes]\nhosts.0.count = [2, 3]\n", "hosts", "2 hosts"),
    ],
)
def test_bad_studies_name_the_file_the_field_and_what_is_allowed(
    tmp_path: Path, text: str, field: str, allowed: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(ScenarioError, match=allowed) as caught:
        cells_of(*read_study(path), path)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{path}: {field} = ")


def test_what_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + "axes = 1 2\n")

    with pytest.raises(ScenarioError, match="line 5 = "):
        read_study(path)
