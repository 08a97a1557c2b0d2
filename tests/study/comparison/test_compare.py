"""Comparisons: paired by seed, for any order and number of processes, with every failure shown."""

from __future__ import annotations

import gc
import math
import weakref
from pathlib import Path

import numpy as np
import pytest

from cluster_emu import ClusterModel
from cluster_emu.errors import ScenarioError
from cluster_emu.json_output import json_text, plain_data
from cluster_emu.metrics.catalogue import metric_catalogue
from cluster_emu.scenario import Choice, Scenario, load_scenario
from cluster_emu.study import Comparison, compare
from cluster_emu.study.execution.runs import StudyRun
from cluster_emu.study.execution.seeds import replication_seeds
from cluster_emu.study.report.figures import OutcomeCount

STRATEGIES = ("time-series", "history-majority")
WANTED_METRICS = {
    "migrations",
    "total_time_s",
    "downtime_s",
    "pages_sent_precopy",
    "pages_sent_stop",
    "bytes",
    "energy_kwh",
}

NAMES = [metric.name for metric in metric_catalogue.compared()]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare("paper", STRATEGIES, replications=6, seed=2)


def lone_run(strategy: str, seed: int) -> dict[str, float]:
    """Return the summary of one run of the model, made without any of the code under test."""
    choice = Choice.model_validate(strategy).model_dump() | {"history": 5, "first_round": "full"}
    model = ClusterModel(
        load_scenario("paper").with_fields({"transfer.strategy": choice}), rng=seed
    )
    try:
        return model.run().summary
    finally:
        model.close()


def test_every_run_is_what_the_model_gives_under_its_seed(comparison: Comparison) -> None:
    for row in comparison.runs.to_dict("records"):
        expected = lone_run(row["strategy"], row["seed"])
        assert plain_data({name: row[name] for name in expected}) == plain_data(expected)


def test_replications_have_the_same_seed_under_every_strategy(comparison: Comparison) -> None:
    by_strategy = comparison.runs.groupby("strategy", sort=False)["seed"].apply(list).to_dict()

    assert by_strategy == {name: list(replication_seeds(2, 6)) for name in STRATEGIES}
    assert comparison.report().seeds == replication_seeds(2, 6)


def test_the_json_has_the_fixed_shape(comparison: Comparison) -> None:
    document = plain_data(comparison.report())

    assert document["scenario"] == "paper"
    assert document["traces"].startswith("none")
    assert document["replications"] == 6
    assert set(document["metrics"]) >= WANTED_METRICS
    for found in document["metrics"].values():
        assert list(found) == list(STRATEGIES)
        for one in found.values():
            assert one["ci95"][0] <= one["mean"] <= one["ci95"][1]
    assert [pair["metric"] for pair in document["paired"]] == NAMES
    for pair in document["paired"]:
        assert (pair["a"], pair["b"]) == STRATEGIES
        assert set(pair) >= {"mean_difference", "ci95", "verdict"}


def test_no_interval_of_a_mean_holds_what_cannot_be() -> None:
    values = [0.0, 0.0, 3.0]
    reports = {"qemu": tuple(StudyRun(summary=dict.fromkeys(NAMES, value)) for value in values)}
    found = Comparison("none", "none", ("qemu",), 0, (1, 2, 3), reports, ()).report().metrics

    assert found["pages_sent_stop"]["qemu"].ci95[0] == 0.0
    assert found["background_lost_share"]["qemu"].ci95[0] < 0.0


def test_differences_are_b_minus_a_seed_by_seed(comparison: Comparison) -> None:
    runs = comparison.runs.pivot(index="replication", columns="strategy", values="downtime_s")
    difference = runs["history-majority"] - runs["time-series"]
    pair = comparison.paired.set_index("metric").loc["downtime_s"]

    assert pair["mean_difference"] == pytest.approx(difference.mean(), rel=1e-12)
    assert pair["relative_difference"] == pytest.approx(
        difference.mean() / runs["time-series"].mean()
    )
    # The interval of the differences, not the difference of two intervals: pairing has its effect.
    half = 2.570581835636314 * difference.std() / math.sqrt(6)
    assert [pair["ci95_low"], pair["ci95_high"]] == pytest.approx(
        [difference.mean() - half, difference.mean() + half], rel=1e-9
    )


def test_six_replications_show_less_among_all_tests_than_one_by_one(comparison: Comparison) -> None:
    pair = comparison.paired.set_index("metric").loc["pages_sent_precopy"]

    assert pair["p_value"] < 0.05 < pair["p_holm"]
    assert pair["ci95_high"] < -pair["smallest_difference"]
    assert pair["verdict"] == "undecided"
    assert math.isnan(pair["bca95_low"])  # six values are too few


def test_the_papers_first_claim_is_found_and_its_second_is_not() -> None:
    comparison = compare("paper", STRATEGIES, replications=12, seed=2)
    verdicts = comparison.paired.set_index("metric")["verdict"]

    assert verdicts["pages_sent_precopy"] == "lower"
    assert verdicts["downtime_s"] != "lower"
    assert verdicts["migrations"] == "no practical difference"
    answer = comparison.answer
    assert answer.startswith("Against time-series, history-majority has lower total time (-")
    assert answer.endswith("(12 replications).")


def test_metrics_that_are_equal_in_every_pair_are_no_tests(comparison: Comparison) -> None:
    pairs = comparison.paired.set_index("metric")

    tested = pairs[pairs["mean_difference"] != 0]["p_holm"]
    assert pairs.loc["fault_stall_s", "p_holm"] == 1.0
    factor = tested["pages_sent_precopy"] / pairs.loc["pages_sent_precopy", "p_value"]
    assert factor == pytest.approx(len(tested))  # it has the smallest p value


def test_quantiles_have_the_intervals_that_the_runs_are_enough_for(comparison: Comparison) -> None:
    found = comparison.quantiles.set_index(["metric", "strategy", "quantile"])
    times = comparison.runs.groupby("strategy")["total_time_s"]
    median = found.loc[("total_time_s", "time-series", "p50")]

    ordered = sorted(times.get_group("time-series"))
    assert median[["value", "ci95_low", "ci95_high"]].tolist() == [*ordered[2:3], *ordered[::5]]
    assert math.isnan(found.loc[("total_time_s", "time-series", "p90"), "ci95_high"])


def test_the_smallest_difference_that_matters_is_the_users(comparison: Comparison) -> None:
    given = {"all": "200 %", "downtime_s": "10 s"}
    wide = compare("paper", STRATEGIES, replications=6, seed=2, smallest_differences=given)
    pairs = {pair.metric: pair for pair in wide.report().paired}

    assert {pair.verdict for pair in pairs.values() if pair.pairs} == {"no practical difference"}
    assert pairs["downtime_s"].smallest_difference == 10.0
    own = {pair.metric: pair for pair in comparison.report().paired}["downtime_s"]
    means = comparison.report().metrics["downtime_s"].values()
    assert own.smallest_difference == pytest.approx(0.01 * max(one.mean or 0 for one in means))
    with pytest.raises(ScenarioError, match=r"smallest_differences\.all = 3"):
        compare("paper", STRATEGIES, smallest_differences={"all": 3})


def test_every_pair_of_strategies_is_compared_once() -> None:
    names = ("ma", "xen-legacy", "pre-copy")
    paired = compare("paper", names, replications=2).paired
    pairs = paired[paired["metric"] == "bytes"][["a", "b"]].to_records(index=False).tolist()

    assert pairs == [("ma", "xen-legacy"), ("ma", "pre-copy"), ("xen-legacy", "pre-copy")]


def test_one_or_two_processes_and_any_order_give_the_same_bytes(
    comparison: Comparison, tmp_path: Path
) -> None:
    parallel = compare("paper", STRATEGIES, replications=6, seed=2, jobs=2)
    turned = compare("paper", STRATEGIES[::-1], replications=6, seed=2)
    first, second = comparison.save(tmp_path / "1"), parallel.save(tmp_path / "2")

    assert [path.name for path in first] == ["compare.json", "runs.parquet", "runs.csv"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    order = ["strategy", "replication"]
    here, there = (each.runs.sort_values(order, ignore_index=True) for each in (comparison, turned))
    assert here.equals(there)


def test_what_was_assumed_is_said(comparison: Comparison) -> None:
    said = " ".join(comparison.report().assumptions)

    assert "time-series takes history = 5, first_round = full" in said
    assert "95 %" in said


def test_every_migration_has_its_outcome_and_reason(comparison: Comparison) -> None:
    expected = (OutcomeCount("completed", "5 rounds", 12),)

    assert comparison.report().outcomes == dict.fromkeys(STRATEGIES, expected)


def test_one_replication_has_no_interval() -> None:
    found = compare("paper", STRATEGIES, replications=1)

    assert found.report().metrics["bytes"]["time-series"].ci95 == (None, None)
    pair = found.paired.set_index("metric").loc["pages_sent_precopy"]
    assert np.isnan([pair["ci95_low"], pair["ci95_high"]]).all()
    assert pair["pairs"] == 1
    assert pair["verdict"] == "undecided"


def test_runs_without_migrations_have_no_means_but_are_counted() -> None:
    found = compare("paper", STRATEGIES, replications=3, fields={"migrations": []})
    document = plain_data(found.report())

    assert document["metrics"]["migrations"]["time-series"]["mean"] == 0
    assert document["metrics"]["downtime_s"]["time-series"]["mean"] is None
    pair = next(p for p in document["paired"] if p["metric"] == "downtime_s")
    assert (pair["mean_difference"], pair["pairs_left_out"]) == (None, 3)
    assert (pair["verdict"], pair["smallest_difference"]) == ("undecided", None)
    assert "No migration completed" in document["answer"]


def test_a_request_that_could_not_be_carried_out_is_explained() -> None:
    requests = [{"vm": 0, "target": 0}]
    report = compare("paper", ["ma"], replications=2, fields={"migrations": requests}).report()

    assert report.outcomes == {"ma": ()}
    assert len(report.notes["ma"]) == 2
    assert "on host 0 already" in report.notes["ma"][0]


def test_a_run_that_fails_is_reported_and_its_pair_left_out(fragile: Scenario) -> None:
    seed = base_seed_of(fragile)
    found = compare(fragile, STRATEGIES, replications=8, seed=seed)
    runs = found.runs
    failed = runs[runs["error"] != ""]

    assert 0 < len(failed) < len(runs)
    assert failed["error"].str.contains("vms.1.count").all()
    assert [one.seed for one in found.failures] == failed["seed"].tolist()
    pair = found.paired.set_index("metric").loc["energy_kwh"]
    assert pair["pairs_left_out"] == len(failed) // 2
    json_text(found.report())


def base_seed_of(scenario: Scenario) -> int:
    """Return a base seed under which the first replication can be built, and not every other."""
    return next(
        base
        for base in range(100)
        if can_be_built(scenario, replication_seeds(base, 8)[0])
        and not all(can_be_built(scenario, seed) for seed in replication_seeds(base, 8))
    )


def can_be_built(scenario: Scenario, seed: int) -> bool:
    try:
        ClusterModel(scenario, rng=seed).close()
    except ScenarioError:
        return False
    return True


def test_an_error_within_a_run_is_reported_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(model: ClusterModel, now_s: float) -> None:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(ClusterModel, "manage", fail)
    found = compare("paper", ["ma"], replications=2)

    assert [one.error for one in found.failures] == ["RuntimeError: out of luck"] * 2
    assert found.report().metrics["bytes"]["ma"].mean is None


def test_models_are_closed_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    close = ClusterModel.close

    def noted(model: ClusterModel) -> None:
        models.append(weakref.ref(model))
        close(model)

    monkeypatch.setattr(ClusterModel, "close", noted)
    compare("paper", ["ma"], replications=3)
    gc.collect()

    assert [model() for model in models] == [None] * 3


def test_progress_counts_every_run() -> None:
    seen: list[tuple[float, float]] = []
    compare("paper", STRATEGIES, replications=2, progress=lambda *each: seen.append(each))

    assert seen == [(count, 4) for count in range(5)]


@pytest.mark.parametrize(
    ("numbers", "field"),
    [({"replications": 0}, "replications"), ({"seed": -1}, "seed"), ({"jobs": 0}, "jobs")],
)
def test_bad_numbers_are_named(numbers: dict[str, int], field: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        compare("paper", STRATEGIES, **numbers)
    assert caught.value.field == field


def test_a_scenario_that_can_never_run_is_refused_before_anything_runs() -> None:
    seen: list[object] = []
    with pytest.raises(ScenarioError, match=r"transfer\.stop"):
        compare(
            "paper", ["ma"], fields={"transfer.stop": "now"}, progress=lambda *x: seen.append(x)
        )
    assert seen == []


def test_values_are_plain_numbers(comparison: Comparison) -> None:
    means = [one.mean for one in comparison.report().metrics["bytes"].values()]

    assert not any(isinstance(mean, np.generic) for mean in means)


SMALL = {"vms.0.memory_bytes": "4 MiB"}


@pytest.mark.parametrize(
    ("names", "fields", "sentence"),
    [
        (
            ["qemu", "pre-copy"],
            SMALL,
            "qemu and pre-copy differ only in their stop rules (qemu; clark), for which nobody "
            "asked",
        ),
        (
            ["xen-legacy", "history-majority"],
            SMALL,
            "xen-legacy and history-majority differ also in their stop rules (xen-legacy; "
            "fixed-rounds:rounds=5)",
        ),
    ],
)
def test_it_says_what_differs_though_nobody_asked(
    names: list[str], fields: dict[str, object], sentence: str
) -> None:
    found = compare("single", names, replications=1, fields=fields)
    assert any(one.startswith(sentence) for one in found.assumptions)


def test_it_says_for_each_strategy_which_rule_decides() -> None:
    found = compare("single", ["qemu", "xen-v2"], replications=1, fields=SMALL)
    assert any(
        one.startswith("qemu: Live rounds end by the stop rule qemu") for one in found.assumptions
    )
    assert any(one.startswith("xen-v2: Live rounds end by") for one in found.assumptions)
    under_one = compare(
        "single", ["qemu", "xen-v2"], replications=1, fields={**SMALL, "transfer.stop": "clark"}
    )
    assert (
        "Live rounds end by the stop rule clark, which the scenario sets." in under_one.assumptions
    )
    assert not any("nobody asked" in one for one in under_one.assumptions)
