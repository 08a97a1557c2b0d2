"""What a user knows better than a dump: a small TOML beside the scenario."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from cluster_emu.field_errors import from_validation
from cluster_emu.inventory.neutral import Inventory, InventoryHost, InventoryVM
from cluster_emu.scenario import read_toml
from cluster_emu.scenario.names import Name
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.units import BitsPerSecond, ByteCount, MemoryBytes

TEMPLATE = """\
# What you know better than the dump. `cluster-emu import` reads this file and never changes it.
# Every entry replaces what the dump says, or what was guessed. Later entries win.
#
# [[hosts]]
# match = "rack2-*"              # a name or a pattern, or several in a list; without it, all
# label = "disk=ssd"             # and a label, or only its key
# rack = "rack2"
# link_bps = "25 Gbit/s"
# memory_bytes = "512 GiB"
# cpu_capacity = 64
# schedulable = false
#
# [[vms]]
# match = "prod/db-*"
# dirty_bytes_per_s = "60 MiB"   # or a write profile: profile = "oltp"
# memory_used_bytes = "24 GiB"
# migratable = false
# anti_affinity = "databases"
#
# [scenario]                     # fields of the scenario, as there
# workload = { demand = "constant:share=0.5" }
"""


class Override(Plain):
    """Which hosts or VMs an entry is about: those that fit `match` and `label`."""

    match: Annotated[tuple[str, ...], BeforeValidator(as_tuple)] = ()
    label: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_pattern(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("match"), str):
            return {**values, "match": [values["match"]]}
        return values

    def fits(self, name: str, labels: dict[str, str]) -> bool:
        """Return whether a host or VM of this name and with these labels is meant."""
        key, equals, value = (self.label or "").partition("=")
        has_label = not key or (key in labels and (not equals or labels[key] == value))
        is_named = not self.match or any(
            name == pattern or fnmatchcase(name, pattern) for pattern in self.match
        )
        return has_label and is_named

    def apply(self, one: InventoryHost | InventoryVM) -> None:
        """Set the fields that the entry gives."""
        for field in self.model_fields_set - {"match", "label"}:
            setattr(one, field, getattr(self, field))


class HostOverride(Override):
    """What replaces fields of hosts."""

    rack: Name | None = None
    link_bps: BitsPerSecond | None = None
    memory_bytes: MemoryBytes | None = None
    cpu_capacity: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    schedulable: bool = True


class VMOverride(Override):
    """What replaces fields of VMs."""

    host: Name | None = None
    vcpus: Annotated[int, Field(ge=1)] | None = None
    memory_bytes: MemoryBytes | None = None
    memory_used_bytes: MemoryBytes | None = None
    dirty_bytes_per_s: ByteCount | None = None
    profile: str | None = None
    migratable: bool = True
    anti_affinity: Name | None = None
    affinity: Name | None = None
    allowed_hosts: Annotated[tuple[Name, ...], BeforeValidator(as_tuple)] | None = None


class Overrides(Plain):
    """The whole file."""

    hosts: Annotated[tuple[HostOverride, ...], BeforeValidator(as_tuple)] = ()
    vms: Annotated[tuple[VMOverride, ...], BeforeValidator(as_tuple)] = ()
    scenario: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Overrides:
        """Return what is in a file, nothing if there is none.

        Raises:
            ScenarioError: naming the first field that is not allowed.
        """
        if not path.exists():
            return cls()
        try:
            return cls.model_validate(read_toml(path))
        except ValidationError as error:
            raise from_validation(error, cls).at(file=path) from error

    def apply(self, found: Inventory) -> None:
        """Change hosts and VMs; note entries that are about none."""
        _apply("hosts", self.hosts, found.hosts.values(), found)
        _apply("vms", self.vms, found.vms.values(), found)
        for vm in found.vms.values():
            if not vm.migratable and not vm.kept_because:
                vm.kept_because = "set by hand"


def _apply(
    kind: str,
    entries: Iterable[Override],
    members: Iterable[InventoryHost | InventoryVM],
    found: Inventory,
) -> None:
    listed = list(members)
    for number, entry in enumerate(entries):
        meant = [one for one in listed if entry.fits(one.name, one.labels)]
        for one in meant:
            entry.apply(one)
            if isinstance(one, InventoryVM) and "profile" in entry.model_fields_set:
                one.dirty_bytes_per_s = None
            if isinstance(one, InventoryVM) and "dirty_bytes_per_s" in entry.model_fields_set:
                one.profile = None
        if not meant:
            found.note(f"The override {kind}.{number} is about nothing in the dump.")
