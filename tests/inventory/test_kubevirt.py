"""KubeVirt: what a dump says is in the scenario."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.inventory import Imported, import_inventory
from cluster_emu.scenario import VMGroup
from cluster_emu.units import GIB
from tests.inventory.dumps import files_of


@pytest.fixture(scope="module")
def imported() -> Imported:
    return import_inventory("kubevirt", files_of("kubevirt-v1"))


def group(imported: Imported, name: str) -> VMGroup:
    return next(group for group in imported.scenario.vms if name in group.names)


def test_hosts_are_in_their_racks_with_what_vms_can_use(imported: Imported) -> None:
    scenario = imported.scenario
    assert scenario.names.hosts == tuple(f"worker-{number}" for number in range(1, 6))
    assert scenario.rack_names == ("r1", "r2")
    assert scenario.topology.parameters["hosts_per_rack"] == [2, 3]
    assert {host.memory_bytes for host in scenario.hosts} == {64 * GIB}
    assert scenario.hosts[1].cpu_capacity == 15.5


def test_quantities_of_every_form(imported: Imported) -> None:
    sizes = {
        "prod/db-1": 8 * GIB,
        "prod/db-2": 8 * 10**9,
        "prod/web-1": 2 * GIB,
        "prod/web-2": 2 * GIB,
        "prod/near-1": 10**9,
    }
    assert {name: group(imported, name).memory_bytes for name in sizes} == sizes
    assert group(imported, "prod/db-1").vcpus == 4


def test_what_may_not_move_stays_with_its_reason(imported: Imported) -> None:
    vms = imported.inventory.vms
    assert {name: vm.kept_because for name, vm in vms.items() if not vm.migratable} == {
        "prod/gpu-1": "GPUs",
        "prod/pinned-1": "LiveMigratable is False: DisksNotLiveMigratable",
        "dev/local-1": "local disks",
    }
    assert not group(imported, "prod/gpu-1").migratable


def test_placement_rules(imported: Imported) -> None:
    assert group(imported, "prod/gpu-1").allowed_hosts == ("worker-4",)
    assert group(imported, "prod/near-1").allowed_hosts == ("worker-3", "worker-4", "worker-5")
    together = {group(imported, name).affinity for name in ("prod/web-1", "prod/web-2")}
    apart = {group(imported, name).anti_affinity for name in ("prod/db-1", "prod/db-2")}
    assert together == {"prod: app In web"}
    assert apart == {"prod: app=db"}
    assert not imported.scenario.hosts[-1].schedulable


def test_settings_of_the_manager(imported: Imported) -> None:
    scenario = imported.scenario
    assert scenario.manager.max_per_cluster == 4
    assert scenario.manager.max_outbound_per_host == 2
    assert scenario.transfer.bandwidth_bps == 8 * 64 * 2**20
    policy = scenario.transfer.policy
    assert policy is not None and policy.name == "kubevirt"
    assert policy.parameters["auto_converge"] is True
    assert any("db-policy selects 2 of 8" in note for note in imported.inventory.notes)


def test_measured_dirty_rate_gives_as_many_pages_in_the_first_second(imported: Imported) -> None:
    one = group(imported, "prod/db-1")
    assert one.profile is not None
    hot, _ = one.profile.parameters["classes"]
    dirtied = hot["share"] * one.memory_bytes * (1 - 2.718281828 ** -hot["writes_per_page_s"])
    assert dirtied == pytest.approx(60 * 2**20, rel=1e-3)
    guessed = next(guess for guess in imported.inventory.guesses if "dirty" in guess.what)
    assert "prod/db-1" not in guessed.names and "prod/db-2" in guessed.names


def test_dirty_rates_from_the_api_of_prometheus(tmp_path: Path) -> None:
    metric = {
        "__name__": "kubevirt_vmi_dirty_rate_bytes_per_second",
        "name": "db-2",
        "namespace": "prod",
    }
    result = [{"metric": metric, "value": [1772359200.0, "1048576"]}]
    file = tmp_path / "answer.json"
    file.write_text(json.dumps({"status": "success", "data": {"result": result}}))
    found = import_inventory("kubevirt", [*files_of("kubevirt-v1"), file]).inventory
    assert found.vms["prod/db-2"].dirty_bytes_per_s == 2**20


def test_nodes_without_a_running_vm_are_refused(tmp_path: Path) -> None:
    stopped = {**vmi("x", "one"), "status": {"phase": "Pending"}}
    with pytest.raises(ScenarioError, match=r"left out: 1 with phase Pending"):
        read(tmp_path, node("one"), stopped)


def test_vms_that_do_not_run_are_counted(imported: Imported) -> None:
    assert imported.inventory.left_out == {"phase Succeeded": 1}


def test_old_version_without_node_names_labels_and_allocatable() -> None:
    old = import_inventory("kubevirt", files_of("kubevirt-v1alpha3"))
    assert {group.memory_bytes for group in old.scenario.hosts} == {32 * GIB}
    assert {group.vcpus for group in old.scenario.vms} == {1}
    homeless = next(one for one in old.inventory.guesses if one.what == "host of VMs")
    assert homeless.names == ("lab/vm-3",)
    assert "Host node-c takes no VM: not ready." in old.findings
    assert old.scenario.transfer.bandwidth_bps is None
    assert old.scenario.manager.max_per_cluster == 5


def test_newer_version_with_unknown_fields_is_read_alike(tmp_path: Path) -> None:
    dump, metrics = files_of("kubevirt-v1")
    data = json.loads(dump.read_text())
    for item in data["items"]:
        item["apiVersion"] = "kubevirt.io/v3"
        item["spec"]["brandNew"] = [{"x": {"y": 1}}]
        item.setdefault("status", {})["alsoNew"] = "z"
    newer = tmp_path / dump.name
    newer.write_text(json.dumps(data))
    old = import_inventory("kubevirt", [dump, metrics])
    assert import_inventory("kubevirt", [newer, metrics]).text == old.text


def test_policy_that_selects_every_vm_is_used(tmp_path: Path) -> None:
    policy = {
        "kind": "MigrationPolicy",
        "metadata": {"name": "all"},
        "spec": {"allowPostCopy": True, "bandwidthPerMigration": "1Gi", "selectors": {}},
    }
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    scenario = import_inventory("kubevirt", [*files_of("kubevirt-v1"), file]).scenario
    assert scenario.transfer.policy is not None
    assert scenario.transfer.policy.parameters["allow_post_copy"] is True
    assert scenario.transfer.bandwidth_bps == 8 * 2**30


def node(name: str, **more: Any) -> dict[str, Any]:
    status = {"allocatable": {"cpu": "8", "memory": "32Gi"}}
    return {"kind": "Node", "metadata": {"name": name, **more.pop("metadata", {})}, **more} | {
        "status": status
    }


def vmi(name: str, host: str, spec: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    return {
        "kind": "VirtualMachineInstance",
        "metadata": {"name": name, "namespace": "n", "labels": labels},
        "spec": {"domain": {"memory": {"guest": "1Gi"}}, **(spec or {})},
        "status": {"phase": "Running", "nodeName": host},
    }


def read(tmp_path: Path, *objects: Any) -> Imported:
    file = tmp_path / "dump.json"
    file.write_text("\n".join(json.dumps(one) for one in objects))
    return import_inventory("kubevirt", [file])


TERM = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}}
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def apart(*terms: Any) -> dict[str, Any]:
    return {"affinity": {"podAntiAffinity": {REQUIRED: list(terms)}}}


def test_rule_that_is_broken_already_is_noted_and_not_carried_over(tmp_path: Path) -> None:
    vms = [vmi(name, "one", apart(TERM), app="a") for name in ("x", "y")]
    found = read(tmp_path, node("one"), node("two"), *vms)
    assert all(group.anti_affinity is None for group in found.scenario.vms)
    assert any("share a host (n/x, n/y)" in note for note in found.inventory.notes)


def test_rule_over_zones_is_noted(tmp_path: Path) -> None:
    zone = {**TERM, "topologyKey": "topology.kubernetes.io/zone"}
    found = read(tmp_path, node("one"), vmi("x", "one", apart(zone), app="a"))
    assert any(
        "topology.kubernetes.io/zone is not carried over" in n for n in found.inventory.notes
    )


def test_taints_close_a_host_to_vms_that_do_not_tolerate_them(tmp_path: Path) -> None:
    taint = {"taints": [{"key": "only", "value": "db", "effect": "NoSchedule"}]}
    tolerant = {"tolerations": [{"key": "only", "operator": "Exists"}]}
    found = read(
        tmp_path,
        node("one"),
        node("two", spec=taint),
        vmi("x", "one"),
        vmi("y", "one", tolerant),
    )
    groups = {group.names[0]: group.allowed_hosts for group in found.scenario.vms}
    assert groups == {"n/x": ("one",), "n/y": ()}


def test_vm_on_a_host_its_rules_forbid_now_is_noted(tmp_path: Path) -> None:
    found = read(tmp_path, node("one"), vmi("x", "one", {"nodeSelector": {"gone": "yes"}}))
    assert found.scenario.vms[0].allowed_hosts == ("one",)
    assert any("do not allow any more" in note for note in found.inventory.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "something in it"),
        ("{", "JSON"),
        ("[]", "an empty list"),
        ('{"kind": "List", "items": []}', "an empty list"),
        ('{"kind": "PodList", "items": [{"metadata": {"name": "x"}}]}', "'Pod'"),
        ('{"servers": []}', "an object"),
        ("<domain/>", "JSON of kubectl"),
        ("hello", "JSON of kubectl"),
        ('{"kind": "Node"}', "Node without a name"),
        ("[" * 5000, "JSON"),
    ],
)
def test_another_file_is_refused_and_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "dump.json"
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r"dump\.json") as error:
        import_inventory("kubevirt", [file])
    assert message in str(error.value)


def test_vms_alone_make_guessed_hosts(tmp_path: Path) -> None:
    found = read(tmp_path, vmi("x", "one"), vmi("y", "two"))
    assert found.scenario.names.hosts == ("one", "two")
    assert {guess.what for guess in found.inventory.guesses} >= {"hosts", "memory of hosts"}
