"""Agents are views into the columns, and the manager takes requests."""

from __future__ import annotations

import numpy as np
import pytest

from cluster_emu.agents import VirtualMachine
from cluster_emu.model import ClusterModel
from cluster_emu.scenario import Scenario
from tests._support.small_scenarios import PAGE, scenario

QUIET = {"name": "uniform", "writes_per_page_s": 0.0}


def three_vms() -> Scenario:
    vm = {"count": 1, "cpu_capacity": 2, "memory_bytes": 1_000 * PAGE, "profile": QUIET}
    return scenario(
        hosts=3,
        vms=[{**vm, "host": 0}, {**vm, "host": 0, "profile": "web"}, {**vm, "host": 1}],
        run={"tick_s": 0.5, "control_interval_s": 0.5, "stop_when_idle": False, "duration_s": 20.0},
        manager={"switch_off_empty_hosts": False},
    ).with_fields({"migrations": [], "hosts.0.memory_bytes": 3_500 * PAGE})


@pytest.fixture
def model() -> ClusterModel:
    return ClusterModel(three_vms(), rng=1)


def test_attributes_read_the_columns(model: ClusterModel) -> None:
    machine, vm = model.machines[0], model.vms[1]
    state = model.state
    assert (machine.index, vm.index, vm.profile) == (0, 1, "web")
    state.set_demand(np.array([1.0, 0.25, 1.0]), 0.0)
    state.set_cpu_overhead((0,), (3.5,), 0.0)
    state.refresh()
    assert machine.utilisation == (2.0 + 0.5 + 3.5) / 8.0
    assert machine.memory_free_bytes == 1_500 * PAGE
    assert machine.vm_numbers == [0, 1]
    state.set_intensity(np.array([1]), np.array([0.5]), np.array([7.0]))
    state.reserve_move(1, 2, 0.0)
    state.move_vm(1, 2, 0.0)
    assert (vm.demand, vm.intensity, vm.host) == (0.25, 0.5, 2)
    assert (vm.dirty_pages_per_s, vm.migrating) == (7.0, True)
    assert machine.vm_numbers == [0]
    state.release_move(1, 0)
    state.switch_off([0], 0.0)
    assert machine.memory_free_bytes == 2_500 * PAGE
    assert not machine.switched_on


def test_attributes_are_plain_python_values(model: ClusterModel) -> None:
    vm, machine = model.vms[0], model.machines[0]
    assert type(vm.host) is int
    assert type(vm.demand) is float
    assert type(vm.migrating) is bool
    assert type(machine.switched_on) is bool
    assert type(machine.memory_free_bytes) is int
    assert all(type(number) is int for number in machine.vm_numbers)


def test_a_request_reserves_at_once_and_moves_the_vm_when_it_resumes(model: ClusterModel) -> None:
    model.step()
    model.manager.migrate(0, 2, model.time_s)
    assert model.vms[0].migrating
    assert model.vms[0].host == 0
    assert model.machines[2].memory_free_bytes == 2_500 * PAGE
    model.step()
    model.step()
    assert model.vms[0].host == 2
    assert not model.vms[0].migrating
    assert model.machines[0].memory_free_bytes == 2_500 * PAGE


@pytest.mark.parametrize(
    ("vm", "target", "why"),
    [(0, 0, "already"), (2, 1, "already")],
)
def test_a_vm_is_not_moved_to_where_it_is(
    model: ClusterModel, vm: int, target: int, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        model.manager.migrate(vm, target, 0.0)
    assert model.manager.scheduler.idle


def test_a_vm_that_is_migrating_is_not_asked_for_twice(model: ClusterModel) -> None:
    model.manager.migrate(0, 2, 0.0)
    with pytest.raises(ValueError, match="already"):
        model.manager.migrate(0, 1, 0.0)


def test_a_target_without_memory_refuses_and_nothing_is_reserved(model: ClusterModel) -> None:
    for vm in (0, 1, 2):
        model.state.reserve_move(vm, 2, 0.0)
    model.state.release_move(0, 0)
    with pytest.raises(ValueError, match="memory"):
        model.manager.migrate(0, 2, 0.0)
    assert model.state.hosts.memory_reserved_bytes[2] == 3_000 * PAGE
    assert not model.vms[0].migrating


def test_promised_memory_is_not_promised_twice(model: ClusterModel) -> None:
    # host 2 has room for three VMs of 1,000 pages, host 1 for two more
    model.manager.migrate(0, 1, 0.0)
    model.manager.migrate(1, 1, 0.0)
    with pytest.raises(ValueError, match=r"already|memory"):
        model.manager.migrate(2, 1, 0.0)
    assert model.state.hosts.memory_free_bytes[1] == 500 * PAGE


def test_a_sleeping_target_is_woken(model: ClusterModel) -> None:
    model.state.switch_off([2], 0.0)
    model.manager.migrate(0, 2, 0.0)
    assert model.machines[2].switched_on


def test_an_empty_machine_is_switched_off_and_one_that_expects_a_vm_is_not() -> None:
    model = ClusterModel(three_vms().with_fields({"manager.switch_off_empty_hosts": True}), rng=1)
    model.manager.migrate(2, 2, 0.0)
    model.step()
    assert model.machines[2].switched_on
    for _ in range(4):
        model.step()
    assert [machine.switched_on for machine in model.machines] == [True, False, True]


def test_a_vm_keeps_its_number_wherever_it_goes(model: ClusterModel) -> None:
    before = [vm.unique_id for vm in model.agents_by_type[VirtualMachine]]
    model.manager.migrate(0, 2, 0.0)
    for _ in range(4):
        model.step()
    assert [vm.unique_id for vm in model.agents_by_type[VirtualMachine]] == before
    assert np.array_equal(model.state.vms_on(2), [0])
