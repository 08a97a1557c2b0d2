"""What a Mesa user expects to work: agents, collectors, batch runs, this Mesa and the next."""

from __future__ import annotations

import inspect

import mesa
import numpy as np
import pytest
from mesa import Agent, DataCollector
from mesa.agent import AgentSet

from cluster_emu.agents import MigrationManager, PhysicalMachine, VirtualMachine
from cluster_emu.model import ClusterModel
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


def run_batch(*, rng: list[int], **parameters: object) -> list[dict[str, object]]:
    # Mesa 3.3 takes seeds as a parameter of the model, later ones as an argument of their own
    if "rng" in inspect.signature(mesa.batch_run).parameters:
        return mesa.batch_run(ClusterModel, parameters, display_progress=False, rng=rng)
    return mesa.batch_run(ClusterModel, {**parameters, "rng": rng}, display_progress=False)


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


def test_a_batch_run_reports_the_end_of_each_run() -> None:
    (row,) = run_batch(scenario="paper", rng=[1])
    assert row["migrations_ended"] == 2
    assert row["energy_kwh"] > 0
    assert row["time_s"] > 0


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
    # Mesa 3.5's Model has a `scenario` of its own, whose setter writes to what it is given
    model = ClusterModel("paper", rng=1)
    taken = {"scenario", "time", "schedule_event", "data_registry", "run_for", "run_until"}
    own = {*vars(model), *vars(ClusterModel)} - {*vars(mesa.Model(rng=1))}
    assert not taken & own


def test_closing_does_not_need_what_only_this_mesa_has(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ClusterModel("paper", rng=1)
    monkeypatch.delattr(Agent, "_ids", raising=False)
    model.close()
    assert len(model.agents) == 0
