"""VMs that come and go: when they arrive, what they are, how long they stay."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.scenario.sections import MOST_OF_A_KIND, MOST_VCPUS, VMGroup
from cluster_emu.units import MemoryBytes, PositiveSeconds, Seconds

CPU = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Flavour(Plain):
    """A kind of VM that arrives.

    Each arriving VM is of one flavour, drawn with the weights. The fields are those of `[[vms]]`;
    all VMs of all flavours and groups with the same `anti_affinity` are kept apart. A flavour may
    have a `lifetime` of its own.
    """

    weight: Positive = 1.0
    cpu_capacity: CPU
    memory_bytes: MemoryBytes
    page_bytes: Annotated[MemoryBytes, Field(validate_default=True)] = 4096
    memory_used_bytes: MemoryBytes | None = None
    profile: Choice
    vcpus: Annotated[int, Field(ge=1, le=MOST_VCPUS)] | None = None
    migratable: bool = True
    anti_affinity: Annotated[str, Field(min_length=1)] | None = None
    lifetime: Choice | None = None

    @model_validator(mode="after")
    def _is_a_vm(self) -> Flavour:
        if self.page_bytes > self.memory_bytes:
            raise ValueError(f"a page_bytes of at most memory_bytes, {self.memory_bytes}")
        used = self.memory_used_bytes
        if used is not None and used > self.memory_bytes:
            raise ValueError(f"a memory_used_bytes of at most memory_bytes, {self.memory_bytes}")
        return self

    def vm(self, cpu_capacity: float | None = None, memory_bytes: int | None = None) -> VMGroup:
        """Return one VM of this flavour as a group, of another size if one is given."""
        memory = memory_bytes or self.memory_bytes
        used = self.memory_used_bytes
        return VMGroup(
            count=1,
            cpu_capacity=cpu_capacity or self.cpu_capacity,
            memory_bytes=memory,
            page_bytes=min(self.page_bytes, memory),
            memory_used_bytes=None if used is None else min(used, memory),
            profile=self.profile,
            vcpus=self.vcpus,
            migratable=self.migratable,
            anti_affinity=self.anti_affinity,
        )


class Resize(Plain):
    """Another size for one VM, at an exact time; what is not given stays as it is."""

    at_s: Seconds
    vm: Annotated[int, Field(ge=0)]
    cpu_capacity: CPU | None = None
    memory_bytes: MemoryBytes | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Resize:
        if self.cpu_capacity is None and self.memory_bytes is None:
            raise ValueError("a cpu_capacity or memory_bytes, or both")
        return self


class RandomResizes(Plain):
    """Resizes of all VMs, those of the start included, at random times of their lives.

    The times between two resizes of a VM are exponentially distributed with mean `mean_s`. Each
    resize multiplies the CPU and the memory that the VM began with by one of `factors`, all
    equally likely.
    """

    mean_s: PositiveSeconds
    factors: Annotated[tuple[Positive, ...], BeforeValidator(as_tuple), Field(min_length=1)] = (
        0.5,
        1.0,
        2.0,
    )


class Arrivals(Plain):
    """VMs that come and go during the run.

    `process` says when VMs arrive, and `lifetime` how long each of them stays. Both are drawn
    before the run, from its seed alone, so every strategy and policy meets the same VMs. Their
    numbers follow those of `[[vms]]` in the order of arrival. The lifetime counts from the start
    of the VM, or with `lifetime_from = "arrival"` from its arrival, its wait included. The VMs of
    `[[vms]]` stay to the end unless there is an `initial_lifetime`.

    A VM goes to the host that `placement` chooses among those that are up, not drained, with free
    memory for it, and without a VM of its anti-affinity group. If there is none, it waits: it is
    tried again whenever that may have changed, in the order of arrival, and VMs of one flavour and
    size never overtake each other. It gives up after `patience_s`. With `queue = false` it is
    refused at once; with `max_waiting` it is if so many wait already. A VM that was placed boots
    for `boot_s` before it runs, after the boot of its host.
    """

    process: Choice
    lifetime: Choice | None = None
    lifetime_from: Literal["start", "arrival"] = "start"
    initial_lifetime: Choice | None = None
    flavours: Annotated[tuple[Flavour, ...], BeforeValidator(as_tuple), Field(min_length=1)]
    placement: Choice = Choice(name="most-free")
    queue: bool = True
    max_waiting: Annotated[int, Field(ge=1, le=MOST_OF_A_KIND)] | None = None
    patience_s: PositiveSeconds | None = None
    boot_s: Seconds = 0.0
    resizes: Annotated[tuple[Resize, ...], BeforeValidator(as_tuple)] = ()
    random_resizes: RandomResizes | None = None

    @model_validator(mode="after")
    def _only_with_a_queue(self) -> Arrivals:
        if not self.queue and (self.max_waiting is not None or self.patience_s is not None):
            raise ValueError("max_waiting and patience_s only with queue = true")
        return self
