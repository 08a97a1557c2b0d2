"""What a Mesa user expects to work: agents, collectors, batch runs, this Mesa and the next."""

from __future__ import annotations

import inspect
from typing import Any

import mesa
import numpy as np
import pytest
from mesa import Agent, DataCollector
from mesa.agent import AgentSet

from cluster_emu.agents import MigrationManager, PhysicalMachine, VirtualMachine
from cluster_emu.errors import ScenarioError
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario, load_scenario
from cluster_emu.study import simulate
from tests._support.small_scenarios import scenario


@pytest.fixture
def model() -> ClusterModel:
    return ClusterModel("paper", rng=1)


def test_it_is_a_mesa_model_with_agents_of_three_types(model: ClusterModel) -> None:
    assert isinstance(model, mesa.Model)
    counts = {kind: len(agents) for kind, agents in model.agents_by_type.items()}
    assert counts == {PhysicalMachine: 2, VirtualMachine: 2, MigrationManager: 1}
    assert len(model.agents) == 5
    assert all(isinstance(agent, Agent) for agent in model.agents)


def test_agent_sets_select_do_map_sort_and_aggregate(model: ClusterModel) -> None:
    machines = model.agents_by_type[PhysicalMachine]
    loaded = machines.select(lambda machine: machine.utilisation > 0)
    assert isinstance(loaded, AgentSet)
    assert [machine.index for machine in loaded] == [0]
    assert machines.agg("utilisation", max) == pytest.approx(0.5)
    assert machines.get("index") == [0, 1]
    seen = []
    machines.do(lambda machine: seen.append(machine.index))
    assert seen == [0, 1]
    by_load = machines.sort("utilisation", ascending=True)
    assert [machine.index for machine in by_load] == [1, 0]
    vms = model.agents_by_type[VirtualMachine]
    assert {host: len(group) for host, group in vms.groupby("host")} == {0: 2}


def test_the_grid_holds_a_machine_on_every_host_node(model: ClusterModel) -> None:
    cells = [machine.cell for machine in model.agents_by_type[PhysicalMachine]]
    assert [cell.coordinate for cell in cells] == [0, 1]
    assert [cell.agents[0].index for cell in cells] == [0, 1]


def test_the_collector_has_a_row_per_tick(model: ClusterModel) -> None:
    while model.running:
        model.step()
    rows = model.datacollector.get_model_vars_dataframe()
    assert rows["time_s"].iloc[-1] == model.time_s
    assert rows["migrations_ended"].iloc[-1] == 2
    assert rows["migrations_running"].iloc[-1] == 0
    assert rows["energy_kwh"].is_monotonic_increasing
    assert model.steps <= len(rows) <= model.steps + 1


def test_a_collector_of_ones_own_works(model: ClusterModel) -> None:
    collector = DataCollector(
        model_reporters={
            "busiest": lambda m: m.agents_by_type[PhysicalMachine].agg("utilisation", max)
        },
        agenttype_reporters={VirtualMachine: {"host": "host", "rate": "dirty_pages_per_s"}},
    )
    collector.collect(model)
    model.step()
    collector.collect(model)
    assert collector.get_model_vars_dataframe()["busiest"].tolist() == pytest.approx([0.5, 0.5])
    table = collector.get_agenttype_vars_dataframe(VirtualMachine)
    assert table["host"].tolist() == [0, 0, 1, 1]


has_batch_run = pytest.mark.skipif(
    not hasattr(mesa, "batch_run"), reason="this Mesa has no batch_run"
)


def run_batch(*, rng: list[int], **parameters: object) -> list[dict[str, object]]:
    # Mesa 3.3 takes seeds as a parameter of the model, later ones as an argument of their own
    if "rng" in inspect.signature(mesa.batch_run).parameters:
        return mesa.batch_run(ClusterModel, parameters, display_progress=False, rng=rng)
    return mesa.batch_run(ClusterModel, {**parameters, "rng": rng}, display_progress=False)


@has_batch_run
def test_a_batch_run_varies_scenario_strategy_seed_and_any_field() -> None:
    rows = run_batch(
        scenario="paper",
        strategy=["pre-copy", "time-series:threshold=5"],
        rng=[1, 2],
        **{"vms.0.page_count": [10, 20]},
    )
    assert len(rows) == 8
    cells = {(row["strategy"], row["rng"], row["vms.0.page_count"]) for row in rows}
    assert len(cells) == 8


@has_batch_run
def test_a_batch_run_reports_the_end_of_each_run() -> None:
    (row,) = run_batch(scenario="paper", rng=[1])
    assert row["migrations_ended"] == 2
    assert row["energy_kwh"] > 0
    assert row["time_s"] > 0


@has_batch_run
def test_a_batch_run_of_a_scenario_object() -> None:
    (row,) = run_batch(scenario=[scenario(profile="idle")], rng=[1])
    assert row["migrations_ended"] == 1


def test_a_batch_run_without_a_seed_draws_one() -> None:
    # Mesa 3.4 and later pass rng=None by default
    model = ClusterModel("paper", rng=None)
    assert model.seed >= 0
    assert len(model.run().migrations) == 2
    again = ClusterModel("paper", rng=model.seed)
    assert again.run().migrations.equals(model.result().migrations)


@pytest.mark.parametrize("seed", [0, 7, np.int64(7), 2**40])
def test_any_whole_number_is_a_seed(seed: int) -> None:
    model = ClusterModel("paper", rng=seed)
    assert model.seed == int(seed)
    assert model.rng.random() == np.random.default_rng(int(seed)).random()


def test_batch_runs_call_the_model_the_way_its_signature_says() -> None:
    # Mesa 3.3 passes parameters by keyword; 3.4 adds rng, or seed where a model has that
    parameters = inspect.signature(ClusterModel.__init__).parameters
    assert "rng" in parameters
    assert "seed" not in parameters
    assert parameters["rng"].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    assert any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())


def test_no_public_name_of_the_next_mesas_model_is_taken_for_something_else() -> None:
    # `time`, `run_for` and `run_until` mean what they mean in Mesa, in seconds; so does `scenario`
    model = ClusterModel("paper", rng=1)
    assert model.scenario is None
    taken = {"schedule_event", "schedule_recurring", "data_registry"}
    own = {*vars(model), *vars(ClusterModel)} - {*vars(mesa.Model(rng=1))}
    assert not taken & own


# --- replications --------------------------------------------------------------------------------


@has_batch_run
@pytest.mark.filterwarnings("ignore:The `iterations` keyword:DeprecationWarning")
def test_replications_of_mesa_have_seeds_of_their_own_that_their_rows_tell() -> None:
    rows = mesa.batch_run(ClusterModel, {"scenario": "paper"}, iterations=4, display_progress=False)
    assert len(rows) == len({row["seed"] for row in rows}) == 4
    assert len({row["mean_total_time_s"] for row in rows}) > 1
    for row in rows:
        summary = ClusterModel("paper", rng=row["seed"]).run().summary
        assert row["mean_total_time_s"] == pytest.approx(summary["total_time_s"], rel=1e-12)
        assert row["mean_bytes"] == pytest.approx(summary["bytes"], rel=1e-12)


def test_a_seed_as_text_is_a_seed() -> None:
    # the text field of SolaraViz gives one
    assert ClusterModel("paper", rng="42").seed == 42


@pytest.mark.parametrize("make", [np.random.SeedSequence, np.random.default_rng, np.random.PCG64])
def test_a_seed_is_drawn_from_what_numpy_seeds_with(make: Any) -> None:
    seeds = [ClusterModel("paper", rng=make(number)).seed for number in (3, 3, 4)]
    assert seeds[0] == seeds[1] != seeds[2]


@pytest.mark.parametrize("wrong", ["", "abc", "-1", "1.5", -1, 1.5, True, [1]])
def test_what_is_no_seed_is_refused(wrong: object) -> None:
    with pytest.raises(
        ScenarioError,
        match=r"^rng = .*: allowed is a whole number from 0 to [0-9]+, as",
    ):
        ClusterModel("paper", rng=wrong)


def test_a_seed_under_its_old_name_is_refused_by_the_new_one() -> None:
    with pytest.raises(ScenarioError, match="give the seed of a model as rng: rng=3"):
        ClusterModel("paper", seed=3)


# --- time ----------------------------------------------------------------------------------------


def test_time_is_in_seconds_whatever_the_tick() -> None:
    model = ClusterModel(quiet_minute(), rng=1)
    assert model.time == 0.0
    model.step()
    model.step()
    assert (model.steps, model.time, model.time_s) == (2, 0.5, 0.5)
    model.run_for(1.0)
    assert (model.steps, model.time) == (6, 1.5)
    model.run_until(0.1 + 0.2 + 1.7)  # one rounding error above 2.0 is no other tick
    assert (model.steps, model.time) == (8, 2.0)
    model.run_for(3600.0)
    assert (model.time, model.running) == (60.0, False)


def test_time_goes_on_over_skipped_ticks() -> None:
    model = ClusterModel(quiet_minute(), rng=1)
    model.run()
    assert (model.steps, model.time) == (240, 60.0)


@pytest.mark.skipif(not hasattr(mesa.Model, "schedule_event"), reason="this Mesa has no events")
def test_events_of_mesa_run_at_the_end_of_their_tick() -> None:
    model = ClusterModel(quiet_minute(), rng=1)
    seen = []

    def look() -> None:
        seen.append((model.time, model.time_s))

    model.schedule_event(look, at=10.1)
    model.schedule_event(look, at=20.0)
    model.run()
    assert seen == [(10.1, 10.25), (20.0, 20.0)]
    assert model.time == 60.0


def quiet_minute() -> Scenario:
    """Return a scenario of a minute with ticks of a quarter of a second."""
    run = {"tick_s": 0.25, "control_interval_s": 30.0, "stop_when_idle": False, "duration_s": 60.0}
    return scenario(pages=100, run=run)


# --- a scenario of Mesa --------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(mesa.model, "Scenario"), reason="this Mesa has no scenarios")
def test_a_scenario_of_mesa_holds_the_arguments_of_the_model() -> None:
    class Stop(mesa.model.Scenario):
        scenario: str = "paper"
        strategy: str = "ma"

    given = Stop(rng=7, **{"transfer.stop": "qemu"})
    model = ClusterModel(given)
    assert model.scenario is given
    assert (model.spec.name, model.spec.transfer.stop.name) == ("paper", "qemu")
    assert model.spec.transfer.strategy.name == "ma"
    assert model.seed == ClusterModel(Stop(rng=7)).seed
    other = ClusterModel(Stop(rng=7), strategy="pre-copy", rng=8)
    assert (other.spec.transfer.strategy.name, other.seed) == ("pre-copy", 8)


# --- SolaraViz -----------------------------------------------------------------------------------


def checked_by_solara_viz(init: Any, given: dict[str, object]) -> None:
    """Check parameters as Mesa 3.3 does; its module needs Solara, which the suite does not."""
    parameters = inspect.signature(init).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    for name, parameter in parameters.items():
        needed = parameter.default is inspect.Parameter.empty
        assert not needed or name in given or name in {"self", "kwargs"}, name
    for name in given:
        assert name in parameters or "kwargs" in parameters, name


def test_solara_viz_takes_any_field_as_a_parameter() -> None:
    checked_by_solara_viz(ClusterModel.__init__, {})
    checked_by_solara_viz(ClusterModel.__init__, {"rng": "42", "vms.0.page_count": 20})


# --- what is collected ---------------------------------------------------------------------------


def test_migration_metrics_per_tick_end_at_those_of_the_run() -> None:
    model = ClusterModel("cluster", rng=3, **{"run.duration_s": 600.0, "run.tick_s": 1.0})
    while model.running:
        model.step()
    rows = model.datacollector.get_model_vars_dataframe()
    result = model.result()
    last, summary = rows.iloc[-1], result.summary
    assert last["migrations_completed"] == summary["completed"] > 5
    for name in ("total_time_s", "downtime_s", "fault_stall_s", "bytes"):
        assert last[f"mean_{name}"] == pytest.approx(summary[name], rel=1e-12), name
    assert last["bytes_sent"] == pytest.approx(result.migrations["bytes"].sum(), rel=1e-12)
    assert rows["mean_total_time_s"].isna().iloc[0]
    assert rows["bytes_sent"].is_monotonic_increasing
    assert rows["migrations_running"].max() > 1


def test_bytes_sent_count_what_a_round_under_way_has_sent() -> None:
    # 1 GiB at 1 Gbit/s: the first round lasts 8.6 s, and the link is busy until then
    model = ClusterModel("single", rng=1)
    for second in range(1, 9):
        model.step()
        assert model.bytes_sent == pytest.approx(second * 125e6, rel=1e-9)


def test_agents_are_collected_where_asked_for() -> None:
    assert not ClusterModel("paper", rng=1).datacollector.agent_reporters
    model = ClusterModel("paper", rng=1, agent_reporters=True)
    while model.running:
        model.step()
    rows = model.datacollector.get_agent_vars_dataframe()
    rows = rows.loc[rows.index[-1][0]]  # of the last tick
    vms, machines = rows[rows["kind"] == "VM"], rows[rows["kind"] == "machine"]
    assert (len(vms), len(machines), len(rows)) == (2, 2, 5)
    assert vms["host"].tolist() == [1, 1]
    migrations = model.result().migrations.set_index("vm")
    for name in ("downtime_s", "bytes"):
        column = vms.set_index("index")["bytes_sent" if name == "bytes" else name]
        assert column.astype(float).to_dict() == pytest.approx(migrations[name].to_dict())
    assert vms["migrations_completed"].tolist() == [1, 1]
    assert machines["vm_count"].tolist() == [0, 2]


@has_batch_run
def test_a_batch_run_can_return_agents() -> None:
    rows = run_batch(scenario="single", rng=[1], agent_reporters=True)
    assert sorted(row["kind"] for row in rows) == ["VM", "machine", "machine", "manager"]


def test_closing_does_not_need_what_only_this_mesa_has(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ClusterModel("paper", rng=1)
    monkeypatch.delattr(Agent, "_ids", raising=False)
    model.close()
    assert len(model.agents) == 0


@has_batch_run
@pytest.mark.parametrize("name", ["paper", "single"])
def test_a_batch_run_gives_the_numbers_of_run(name: str) -> None:
    strategies, seeds = ["pre-copy", "history-majority"], [3, 2**40]
    rows = run_batch(scenario=name, strategy=strategies, rng=seeds)
    found = {(row["strategy"], row["rng"]): row for row in rows}

    assert len(found) == len(rows) == 4
    for (strategy, seed), row in found.items():
        chosen = load_scenario(name).with_fields({"transfer.strategy": strategy})
        result = simulate(chosen, seed)
        completed = result.migrations[result.migrations["outcome"] == "completed"]
        expected = {
            "migrations_completed": result.summary["completed"],
            "migrations_ended": len(result.migrations),
            "energy_kwh": result.summary["energy_kwh"],
            "bytes_sent": result.migrations["bytes"].sum(),
            "mean_total_time_s": completed["total_time_s"].mean(),
            "mean_downtime_s": completed["downtime_s"].mean(),
            "mean_bytes": completed["bytes"].mean(),
        }
        assert len(completed)
        assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-12, abs=0)
