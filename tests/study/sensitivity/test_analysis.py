"""Shares of the variance against closed forms: exact on grids, within intervals on samples."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cluster_emu import ScenarioError, analyse_sensitivity, run_batch
from cluster_emu.cli import app
from cluster_emu.study.grid.sampling import Sample
from cluster_emu.study.sensitivity.anova import anova_shares
from cluster_emu.view import draw_sensitivity


def grid_table(
    a: list[float], b: list[float], noise: list[float], figure: Any, strategies: int = 1
) -> pd.DataFrame:
    """Return the results of a grid over a and b, one row per value of the noise."""
    places = product(a, b, range(strategies), enumerate(noise))
    return pd.DataFrame(
        [
            {
                "a": x,
                "b": y,
                "strategy": f"s{s}",
                "replication": number,
                "seed": 100 + number,
                "cell": f"{x}-{y}-{s}-{number}",
                "status": "done",
                "error": "",
                "y": figure(x, y, s, e),
            }
            for x, y, s, (number, e) in places
        ]
    )


def shares_of(table: pd.DataFrame) -> pd.DataFrame:
    return analyse_sensitivity(table, "y").to_frame().set_index("factor")


def test_an_additive_grid_has_the_exact_shares() -> None:
    """Var(3 a) = 9 * 2/3, Var(b) = 5/4, Var(noise) = 2/3 with a, noise in -1, 0, 1, b in 0..3."""
    table = grid_table([-1, 0, 1], [0, 1, 2, 3], [-1, 0, 1], lambda a, b, _, e: 3 * a + b + e)
    found = shares_of(table)
    whole = 6 + 1.25 + 2 / 3
    assert list(found.index) == ["a", "b", "interactions", "seeds"]
    np.testing.assert_allclose(
        found["first"], [6 / whole, 1.25 / whole, 0, (2 / 3) / whole], atol=1e-12
    )
    np.testing.assert_allclose(found["total"][:2], found["first"][:2], atol=1e-12)
    assert found["first"].sum() == pytest.approx(1)
    # the seeds shift all settings alike, so nothing of the effects is uncertain
    assert list(found["p_value"][:2]) == [0, 0]


def test_an_interaction_is_in_the_totals_alone() -> None:
    """y = a b with a, b in -1, 1: neither explains anything alone, both together all of it."""
    found = shares_of(grid_table([-1, 1], [-1, 1], [0, 0], lambda a, b, _, e: a * b + e))
    np.testing.assert_allclose(found["first"], [0, 0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(found["total"][:2], [1, 1])


def test_a_multiplicative_grid_has_the_exact_shares() -> None:
    """y = (1 + a)(1 + b) with a, b in -1, 1: Var 3, each alone 1, the interaction 1."""
    found = shares_of(grid_table([-1, 1], [-1, 1], [0], lambda a, b, _, e: (1 + a) * (1 + b) + e))
    np.testing.assert_allclose(found["first"], [1 / 3, 1 / 3, 1 / 3, 0], atol=1e-12)
    np.testing.assert_allclose(found["total"][:2], [2 / 3, 2 / 3])
    assert found["first_low"].isna().all()  # one seed tells nothing of its error


def test_the_strategy_is_a_factor_and_columns_that_move_together_are_one() -> None:
    table = grid_table([0, 1, 2], [5], [0, 0], lambda a, _, s, e: a + 10 * s + e, strategies=2)
    table.insert(1, "twice_a", 2 * table["a"])
    found = shares_of(table)
    assert list(found.index) == ["a & twice_a", "strategy", "interactions", "seeds"]
    np.testing.assert_allclose(found["first"][:2], [(2 / 3) / (25 + 2 / 3), 25 / (25 + 2 / 3)])


def test_a_factor_without_effect_has_a_uniform_p_value() -> None:
    random = np.random.default_rng(0)
    p_values = [
        anova_shares(random.normal(size=(2, 3, 4)), ["a", "b"])[1].p_value for _ in range(300)
    ]
    # under the null 5 % are below 0.05: 15 of 300, with a standard deviation of 3.8
    assert 4 <= sum(p < 0.05 for p in p_values) <= 29
    assert abs(float(np.mean(p_values)) - 0.5) < 5 / math.sqrt(12 * 300)


def test_the_interval_covers_the_share() -> None:
    """Seeds scale the effect of a; the share over all seeds lies in the interval of few."""
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        a, b, noise = np.ix_([-1.0, 1.0], [-1.0, 1.0], random.normal(size=8))
        share = anova_shares(a * (2 + noise) + b + noise, ["a", "b"])[1]
        truth = 1 / (4 + 1 + 1 + 1)  # a: 4, a x noise: 1, b: 1, noise: 1
        inside += share.first_low <= truth <= share.first_high
    assert inside >= 170


# --- samples ------------------------------------------------------------------------------------

A, B = 7.0, 0.1


def ishigami(x: np.ndarray) -> np.ndarray:
    """Return sin x1 + a sin^2 x2 + b x3^4 sin x1 on [-pi, pi]^3 (Ishigami and Homma 1990)."""
    return np.asarray(
        np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])
    )


def ishigami_table(points: int, seeds: int = 2, strategies: int = 1) -> pd.DataFrame:
    sample = Sample(method="saltelli", values=points)
    x = (2 * sample.shares(3, np.random.default_rng(0)) - 1) * np.pi
    y = ishigami(x)
    return pd.DataFrame(
        [
            {
                "sample": number,
                "x1": x[number, 0],
                "x2": x[number, 1],
                "x3": x[number, 2],
                "strategy": f"s{s}",
                "replication": seed,
                "seed": seed,
                "y": y[number] * (1 + s) + (seed - (seeds - 1) / 2),
            }
            for number in range(len(x))
            for s in range(strategies)
            for seed in range(seeds)
        ]
    )


def test_the_indices_of_the_ishigami_function() -> None:
    variance = A**2 / 8 + B * np.pi**4 / 5 + B**2 * np.pi**8 / 18 + 0.5
    v1 = 0.5 * (1 + B * np.pi**4 / 5) ** 2
    v13 = B**2 * np.pi**8 * (1 / 18 - 1 / 50)
    first = np.array([v1, A**2 / 8, 0]) / variance
    total = np.array([v1 + v13, A**2 / 8, v13]) / variance

    found = shares_of(ishigami_table(1024))
    assert list(found.index) == ["x1", "x2", "x3", "seeds"]
    np.testing.assert_allclose(found["first"][:3], first, atol=0.03)
    np.testing.assert_allclose(found["total"][:3], total, atol=0.03)
    assert (found["first_low"][:3] <= first).all() and (first <= found["first_high"][:3]).all()
    assert (found["total_low"][:3] <= total).all() and (total <= found["total_high"][:3]).all()
    assert found.loc["seeds", "first"] == pytest.approx(0.25 / (variance + 0.25), rel=0.02)


def test_each_strategy_has_its_indices() -> None:
    found = analyse_sensitivity(ishigami_table(64, 1, strategies=2), "y")
    assert [group.place for group in found.groups] == [{"strategy": "s0"}, {"strategy": "s1"}]
    table = found.to_frame().set_index(["strategy", "factor"])
    assert table.loc[("s1", "x2"), "first"] == pytest.approx(table.loc[("s0", "x2"), "first"])
    assert found.answer.startswith("Of the variance of y, x2 explains")
    assert found.answer.endswith("more points or seeds would tell more.")
    assert "tell more" not in analyse_sensitivity(ishigami_table(1024, 1), "y").answer
    assert len(draw_sensitivity(found.to_frame(), "y").axes) == 2


@pytest.mark.parametrize("change", ["shuffled", "one point short", "other method"])
def test_other_samples_are_refused(change: str) -> None:
    table = ishigami_table(8)
    if change == "shuffled":
        table["sample"] = table["sample"].max() - table["sample"]
    elif change == "one point short":
        table = table[table["sample"] > 0]
    else:
        table["x1"] = np.arange(len(table)) // 2 * 0.01
    with pytest.raises(ScenarioError, match='method = "saltelli"'):
        analyse_sensitivity(table, "y")


def test_what_cannot_be_analysed_is_refused() -> None:
    table = grid_table([0, 1], [0, 1], [0, 1], lambda a, b, _, e: a + b + e)
    with pytest.raises(ScenarioError, match="did you mean 'y'"):
        analyse_sensitivity(table, "yy")
    with pytest.raises(ScenarioError, match="3 of 4"):
        analyse_sensitivity(table[(table["a"] > 0) | (table["b"] > 0)], "y")
    with pytest.raises(ScenarioError, match="are not"):
        analyse_sensitivity(table.assign(status="failed"), "y")
    with pytest.raises(ScenarioError, match="8 cells of 8 have none"):
        analyse_sensitivity(table.assign(y=math.nan), "y")
    with pytest.raises(ScenarioError, match="an axis or strategy of two values"):
        analyse_sensitivity(table[(table["a"] > 0) & (table["b"] > 0)], "y")
    with pytest.raises(ScenarioError, match="the results of a study"):
        analyse_sensitivity(table.drop(columns="replication"), "y")


def test_seeds_without_a_value_somewhere_are_left_out() -> None:
    table = grid_table([0, 1], [0, 1], [0, 1, 5], lambda a, b, _, e: a + b + e)
    table.loc[2, "y"] = math.nan  # the third seed, in one setting
    (group,) = analyse_sensitivity(table, "y").groups
    assert (group.settings, group.seeds) == (4, 2)
    assert group.shares[-1].first == pytest.approx(0.25 / 0.75)


def test_the_command_writes_table_and_figure(study_file: Path, tmp_path: Path) -> None:
    run_batch(study_file, out=tmp_path / "out")
    words = ["sensitivity", str(tmp_path / "out"), "--metric", "bytes"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "probability" in shown.output and "seeds" in shown.output
    written = pd.read_csv(tmp_path / "out" / "sensitivity_bytes.csv")
    assert written["first"].sum() == pytest.approx(1)
    assert (tmp_path / "out" / "sensitivity_bytes.png").stat().st_size > 10_000
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert document["method"] == "anova"
    again = run_batch(study_file, out=tmp_path / "out")  # the new files do not disturb it
    assert again.found == 16
    for bad in (["sensitivity", str(tmp_path)], [*words[:3], "byte"]):
        assert CliRunner().invoke(app, bad).exit_code == 2
