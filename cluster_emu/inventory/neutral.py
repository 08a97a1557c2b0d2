"""What an inventory says, whatever system it came from.

Only what is in here gets into a scenario. There is no place for annotations, user data, passwords
or descriptions, so none of them can be copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class InventoryHost:
    """A host; None stands for what the dump does not say.

    Args:
        name: its name.
        cpu_capacity: cores that VMs can use.
        memory_bytes: memory that VMs can use.
        rack: the name of its rack.
        link_bps: speed of its link, bit/s.
        labels: labels that overrides and selectors match; they are not written anywhere.
        schedulable: whether it takes VMs.
        closed_because: why it takes none, in words.
    """

    name: str
    cpu_capacity: float | None = None
    memory_bytes: int | None = None
    rack: str | None = None
    link_bps: float | None = None
    labels: dict[str, str] = field(default_factory=dict)
    schedulable: bool = True
    closed_because: str = ""


@dataclass(slots=True)
class InventoryVM:
    """A running VM; None stands for what the dump does not say.

    Args:
        name: its name, with its namespace or project where it has one.
        host: the name of its host.
        vcpus: virtual processors.
        memory_bytes: memory of the guest.
        memory_used_bytes: part of it that the guest has used.
        dirty_bytes_per_s: memory that it dirties per second, measured.
        profile: a write profile by name, in place of a dirty rate.
        labels: labels that overrides and selectors match; they are not written anywhere.
        migratable: whether it may migrate.
        kept_because: why it may not, in words.
        anti_affinity: the group of which no two VMs share a host.
        affinity: the group that is on one host.
        allowed_hosts: the only hosts that may take it; None for all.
    """

    name: str
    host: str | None = None
    vcpus: int | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None
    dirty_bytes_per_s: float | None = None
    profile: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    migratable: bool = True
    kept_because: str = ""
    anti_affinity: str | None = None
    affinity: str | None = None
    allowed_hosts: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class PastMigration:
    """A live migration that the dump says has happened.

    Args:
        vm: name of the VM.
        source: name of the host it left.
        target: name of the host it went to.
        start_s: when it began, seconds since 1970.
        end_s: when it ended.
        completed: whether it succeeded.
        mode: "pre-copy", "post-copy" or "paused"; empty if not known.
    """

    vm: str
    source: str
    target: str
    start_s: float
    end_s: float
    completed: bool
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Guess:
    """Something that the dump does not say, and the rule that filled it in.

    Args:
        what: the field, such as "memory of hosts".
        rule: the rule, in words.
        names: whom it concerns.
    """

    what: str
    rule: str
    names: tuple[str, ...] = ()


@dataclass(slots=True)
class Inventory:
    """Hosts, VMs, and what the manager allows.

    Args:
        kind: the importer that read it.
        hosts: by name, in the order of the dump.
        vms: running VMs by name, likewise.
        left_out: how many VMs are not imported, by why.
        policy: the manager's policy: its name and its parameters as a scenario writes them.
        limits: fields of the scenario by dotted path, such as ``manager.max_per_cluster``.
        guessed: whom each guess concerns, by field and rule; see `guesses`.
        notes: what a reader of the scenario should know, one sentence each.
        past: past migrations.
    """

    kind: str
    hosts: dict[str, InventoryHost] = field(default_factory=dict)
    vms: dict[str, InventoryVM] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    guessed: dict[tuple[str, str], dict[str, None]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    past: list[PastMigration] = field(default_factory=list)

    def add_host(self, host: InventoryHost) -> None:
        """Add a host, or what a second dump says about one that is there."""
        known = self.hosts.setdefault(host.name, host)
        if known is not host:
            _update(known, host)
            known.schedulable, known.closed_because = host.schedulable, host.closed_because

    def add_vm(self, vm: InventoryVM) -> None:
        """Add a VM, or what a second dump says about one that is there."""
        known = self.vms.setdefault(vm.name, vm)
        if known is not vm:
            _update(known, vm)

    def leave_out(self, why: str, count: int = 1) -> None:
        """Count a VM that is not imported."""
        if count:
            self.left_out[why] = self.left_out.get(why, 0) + count

    def guess(self, what: str, rule: str, *names: str) -> None:
        """Note what was guessed; guesses by one rule are one guess."""
        self.guessed.setdefault((what, rule), {}).update(dict.fromkeys(names))

    @property
    def guesses(self) -> tuple[Guess, ...]:
        """What was guessed, in the order in which it was."""
        return tuple(
            Guess(what, rule, tuple(names)) for (what, rule), names in self.guessed.items()
        )

    def note(self, text: str) -> None:
        """Note a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)


def _update(known: Any, newer: Any) -> None:
    """Set every field that the newer one gives; labels are joined."""
    for each in fields(known):
        value = getattr(newer, each.name)
        if each.name == "labels":
            known.labels |= value
        elif each.name == "migratable":
            known.migratable = known.migratable and value
        elif value not in (None, "") and each.name not in ("name", "schedulable"):
            setattr(known, each.name, value)
