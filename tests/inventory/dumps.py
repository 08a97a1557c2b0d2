"""The made-up dumps by kind and version."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "inventories"

DUMPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "kubevirt-v1": ("kubevirt", ("kubevirt-v1.json", "kubevirt-metrics.txt")),
    "kubevirt-v1alpha3": (
        "kubevirt",
        ("kubevirt-v1alpha3-vmis.json", "kubevirt-v1alpha3-nodes.json"),
    ),
    "libvirt-6.10": (
        "libvirt",
        (
            "libvirt-6.10/kvm1.domstats.txt",
            "libvirt-6.10/kvm2.domstats.txt",
            "libvirt-6.10/kvm2.mail.xml",
            "libvirt-6.10/kvm1.nodeinfo.txt",
            "libvirt-6.10/kvm2.nodeinfo.txt",
        ),
    ),
    "libvirt-11": (
        "libvirt",
        (
            "libvirt-11/node-a/domstats.txt",
            "libvirt-11/node-a/capabilities.xml",
            "libvirt-11/node-b/domstats.txt",
            "libvirt-11/node-b/domains.xml",
            "libvirt-11/node-b/capabilities.xml",
        ),
    ),
    "openstack-2.96": (
        "openstack",
        (
            "openstack-2.96/servers.json",
            "openstack-2.96/hypervisors.json",
            "openstack-2.96/groups.json",
            "openstack-2.96/migrations.json",
            "openstack-2.96/nova.conf",
        ),
    ),
    "openstack-client": (
        "openstack",
        (
            "openstack-client/servers.json",
            "openstack-client/hypervisors.json",
            "openstack-client/flavors.json",
        ),
    ),
    "proxmox-8": (
        "proxmox",
        (
            "proxmox-8/resources.json",
            "proxmox-8/100.conf",
            "proxmox-8/101.conf",
            "proxmox-8/102.conf",
            "proxmox-8/103.conf",
            "proxmox-8/datacenter.cfg",
        ),
    ),
    "proxmox-7": ("proxmox", ("proxmox-7/resources.json", "proxmox-7/config-100.json")),
    "csv-commas": ("csv", ("csv-commas/hosts.csv", "csv-commas/vms.csv")),
    "csv-semicolons": ("csv", ("csv-semicolons/vms.csv",)),
}
"""Importer and files of each dump."""


def files_of(name: str) -> list[Path]:
    return [FOLDER / file for file in DUMPS[name][1]]
