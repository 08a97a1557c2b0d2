"""libvirt, OpenStack, Proxmox and CSV: what a dump says is in the scenario."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster_emu.errors import ScenarioError
from cluster_emu.inventory import Imported, import_inventory
from cluster_emu.units import GIB, MIB
from tests.inventory.dumps import DUMPS, FOLDER, files_of


def imported(name: str) -> Imported:
    return import_inventory(DUMPS[name][0], files_of(name))


def kept(found: Imported) -> dict[str, str]:
    return {name: vm.kept_because for name, vm in found.inventory.vms.items() if not vm.migratable}


def memory(found: Imported) -> dict[str, Any]:
    return {name: vm.memory_bytes for name, vm in found.inventory.vms.items()}


# --- libvirt -------------------------------------------------------------------------------------


def test_libvirt_reads_domstats_nodeinfo_and_xml_of_two_hosts() -> None:
    found = imported("libvirt-6.10")
    vms, hosts = found.inventory.vms, found.inventory.hosts
    assert {name: vm.host for name, vm in vms.items()} == {
        "db": "kvm1",
        "web": "kvm1",
        "mail": "kvm2",
    }
    assert {host.memory_bytes for host in hosts.values()} == {32 * GIB}
    assert {host.cpu_capacity for host in hosts.values()} == {16.0}
    assert vms["db"].dirty_bytes_per_s == 40 * MIB
    assert vms["db"].memory_used_bytes == 5_000_000 * 1024  # the balloon's, not the host's rss
    assert vms["web"].memory_used_bytes == GIB
    assert kept(found) == {"mail": "host devices"}
    assert found.inventory.left_out == {"state shut off": 1, "state paused": 1}


def test_libvirt_reads_hosts_in_folders_units_and_processors_rates() -> None:
    found = imported("libvirt-11")
    assert set(found.inventory.hosts) == {"node-a", "node-b"}
    assert {host.memory_bytes for host in found.inventory.hosts.values()} == {16 * GIB}
    assert {host.cpu_capacity for host in found.inventory.hosts.values()} == {4.0}
    assert memory(found) == {"a1": GIB, "a2": 2 * GIB, "b1": 4 * GIB, "b2": 4 * GIB}
    assert found.inventory.vms["a1"].dirty_bytes_per_s == 3 * MIB
    assert found.inventory.vms["b1"].vcpus == 2
    assert kept(found) == {"b2": "SR-IOV interfaces"}
    assert found.inventory.left_out == {"state shut off": 1}


def test_one_name_on_two_hosts_is_two_vms(tmp_path: Path) -> None:
    block = "Domain: 'web'\n  state.state=1\n  balloon.current=1048576\n  vcpu.current={}\n"
    for number, host in enumerate(("kvm1", "kvm2"), start=1):
        (tmp_path / f"{host}.txt").write_text(block.format(number))
    found = import_inventory("libvirt", sorted(tmp_path.iterdir())).inventory
    assert {name: vm.vcpus for name, vm in found.vms.items()} == {"kvm1/web": 1, "kvm2/web": 2}


def test_entities_in_xml_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "kvm1.xml"
    file.write_text('<!DOCTYPE x [<!ENTITY a "aa">]><domain><name>&a;</name></domain>')
    with pytest.raises(ScenarioError, match="ENTITY"):
        import_inventory("libvirt", [file])


# --- OpenStack -----------------------------------------------------------------------------------


def test_openstack_reads_servers_hypervisors_groups_and_options() -> None:
    found = imported("openstack-2.96")
    vms, scenario = found.inventory.vms, found.scenario
    assert vms["db-1"].host == "cmp1.example.net"
    assert memory(found)["db-1"] == 8 * GIB
    assert {"web-1 (00000003)", "web-1 (00000004)"} <= set(vms)
    assert {vms[name].anti_affinity for name in ("db-1", "db-2")} == {"databases"}
    assert kept(found) == {"gpu-1": "PCI passthrough"}
    assert found.inventory.left_out == {"status SHUTOFF": 1}
    assert "Host cmp4.example.net takes no VM: disabled." in found.findings
    assert scenario.manager.max_outbound_per_host == 2
    assert scenario.transfer.bandwidth_bps == 250 * 8 * MIB
    policy = scenario.transfer.policy
    assert policy is not None and policy.name == "nova"
    assert policy.parameters == {
        "downtime_s": 0.4,
        "downtime_steps": 8,
        "downtime_delay_s_per_gib": 60,
        "completion_timeout_s_per_gib": 600,
        "timeout_action": "force_complete",
        "permit_post_copy": True,
    }
    (past,) = found.inventory.past
    assert (past.vm, past.source, past.end_s - past.start_s) == ("db-1", "cmp2.example.net", 20.0)


def test_hypervisor_without_sizes_has_guessed_ones() -> None:
    guesses = {one.what: one.names for one in imported("openstack-2.96").inventory.guesses}
    assert guesses["memory of hosts"] == ("cmp3.example.net",)
    assert guesses["cores of hosts"] == ("cmp3.example.net",)


def test_openstack_reads_lists_of_the_client() -> None:
    found = imported("openstack-client")
    assert memory(found) == {"a1": 2 * GIB, "a2": 8 * GIB, "b1": 2 * GIB}
    assert found.inventory.vms["a2"].vcpus == 4
    assert "Host os3 takes no VM: down." in found.findings


def test_line_of_nova_conf_that_is_no_option_is_passed_over(tmp_path: Path) -> None:
    conf = tmp_path / "nova.conf"
    conf.write_text("[libvirt]\nlive_migration_bandwidth = 10\n= nothing\n")
    found = import_inventory("openstack", [*files_of("openstack-client"), conf])
    assert found.scenario.transfer.bandwidth_bps == 10 * 8 * MIB


def test_flavor_as_text(tmp_path: Path) -> None:
    file = tmp_path / "server.json"
    flavor = "description=, disk='20', original_name='m1', ram='2048', vcpus='3'"
    file.write_text(f'{{"id": "1", "name": "a", "status": "ACTIVE", "flavor": "{flavor}"}}')
    (vm,) = import_inventory("openstack", [file]).inventory.vms.values()
    assert (vm.memory_bytes, vm.vcpus) == (2 * GIB, 3)


# --- Proxmox -------------------------------------------------------------------------------------


def test_proxmox_reads_resources_and_configurations() -> None:
    found = imported("proxmox-8")
    assert set(found.inventory.vms) == {"db", "web", "gpu", "local"}
    assert kept(found) == {"gpu": "host devices", "local": "local disks"}
    assert found.inventory.vms["db"].memory_used_bytes == 4 * GIB
    assert set(found.inventory.vms["db"].labels) == {"prod", "db"}
    assert sum(found.inventory.left_out.values()) == 3
    assert "Host pve3 takes no VM: offline." in found.findings
    assert found.scenario.transfer.bandwidth_bps == 200 * 8 * MIB
    policy = found.scenario.transfer.policy
    assert policy is not None and policy.name == "proxmox"
    assert policy.parameters["downtime_s"] == 0.2


def test_proxmox_7_in_an_envelope_with_a_configuration_as_json() -> None:
    found = imported("proxmox-7")
    assert set(found.inventory.vms) == {"m1", "vm-101", "m1 (102)"}
    policy = found.scenario.transfer.policy
    assert policy is not None and policy.parameters["downtime_s"] == 0.5


def test_limit_of_the_datacenter(tmp_path: Path) -> None:
    folder = FOLDER / "proxmox-8"
    files = [folder / "resources.json", folder / "datacenter.cfg"]
    scenario = import_inventory("proxmox", files).scenario
    assert scenario.transfer.bandwidth_bps == 512_000 * 1024 * 8


# --- CSV -----------------------------------------------------------------------------------------


def test_csv_reads_hosts_and_vms() -> None:
    found = imported("csv-commas")
    assert found.scenario.rack_names == ("r1", "r2")
    assert found.scenario.topology.parameters["host_bps"] == ["25 Gbit/s"] * 2 + ["10 Gbit/s"] * 2
    assert memory(found) == {
        "prod/db, first": 8 * GIB,
        "prod/db-2": 8 * 10**9,
        "web-1": 2 * GIB,
        "bound": GIB,
    }
    assert found.inventory.vms["prod/db, first"].dirty_bytes_per_s == 40 * MIB
    assert found.inventory.vms["bound"].allowed_hosts == ("h1", "h2")
    assert kept(found) == {"web-1": "migratable is false"}
    assert found.inventory.left_out == {"status stopped": 1}


def test_csv_with_semicolons_and_missing_cells() -> None:
    found = imported("csv-semicolons")
    assert memory(found) == {"a": 4 * GIB, "b": 4 * GIB, "c": 4 * GIB}
    guesses = {one.what: one.names for one in found.inventory.guesses}
    assert guesses["memory of VMs"] == ("c",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "columns of hosts"),
        ("host,memory\n", "a table with rows"),
        ("host,memory\nh1,much\n", "line 2, memory = 'much'"),
        ("vm,host\n,h1\n", "line 2, vm"),
        ("vm,host\nv,h1,x\n", "line 2 = 3"),
    ],
)
def test_wrong_csv_is_named_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(ScenarioError) as error:
        import_inventory("csv", [file])
    assert message in str(error.value)


# --- files of another kind -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["kubevirt", "libvirt", "openstack", "proxmox", "csv"])
@pytest.mark.parametrize("name", DUMPS)
def test_dump_of_another_system_is_refused_without_showing_it(kind: str, name: str) -> None:
    if DUMPS[name][0] == kind:
        return
    with pytest.raises(ScenarioError) as error:
        import_inventory(kind, files_of(name))
    assert "allowed is" in str(error.value)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize("kind", ["kubevirt", "libvirt", "openstack", "proxmox", "csv"])
@pytest.mark.parametrize("text", ["[]", "{}", "null", "{", "<a>", "hello", "\0", '{"data": []}'])
def test_empty_and_broken_files_are_refused(kind: str, text: str, tmp_path: Path) -> None:
    file = tmp_path / "dump.txt"
    file.write_text(text)
    with pytest.raises(ScenarioError, match="dump"):
        import_inventory(kind, [file])
