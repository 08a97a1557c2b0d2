"""How closely the memory of each VM is represented while it migrates: `run.fidelity`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.encoding import Encoder
from cluster_emu.errors import ScenarioError
from cluster_emu.lifecycle.population import Population
from cluster_emu.memory.base import MemoryModel, VMMemory
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.memory.in_use import MemoryInUse
from cluster_emu.memory.machine_memory import machine_bytes
from cluster_emu.memory.models import memory_models
from cluster_emu.scenario import Choice, Scenario, VMGroup
from cluster_emu.strategies.contract import Strategy
from cluster_emu.units import BINARY_BYTES, in_largest_unit
from cluster_emu.wording import whole_percent
from cluster_emu.workload import Demand, MemoryUse
from cluster_emu.workload.memory_use import IN_USE


class MemoryKinds:
    """Describes the memory of VMs; VMs alike share one object.

    Args:
        strategy: what is sent when.
        encoders: the chain of encoders.
        track_versions: whether versions of pages are kept.
    """

    def __init__(
        self, strategy: Strategy, encoders: Sequence[Encoder], *, track_versions: bool
    ) -> None:
        self._shared = strategy, encoders, track_versions
        self._kinds: dict[tuple[int, int, int, int], VMMemory] = {}

    def of(self, group: VMGroup, source: WriteSource) -> VMMemory:
        """Return the memory of a VM of a group with that source of writes."""
        kind = id(source), group.pages, group.unused_pages, group.processors
        if kind not in self._kinds:
            self._kinds[kind] = VMMemory(
                group.pages,
                source,
                source.describe_writes(group.pages - group.unused_pages).among(group.pages),
                *self._shared,
                group.processors,
                group.unused_pages,
            )
        return self._kinds[kind]


def vm_memory(
    groups: Sequence[VMGroup], sources: Sequence[WriteSource], kinds: MemoryKinds
) -> list[VMMemory]:
    """Return the memory of each VM; VMs alike share one object."""
    known: dict[tuple[int, int], VMMemory] = {}
    memory: list[VMMemory] = []
    for group, source in zip(groups, sources, strict=True):
        key = id(group), id(source)
        if key not in known:
            known[key] = kinds.of(group, source)
        memory.append(known[key])
    return memory


class ResizedMemory:
    """Describes the memory that a VM has after a resize.

    Args:
        population: what the VMs are.
        sources: what writes the memory of each VM, by VM.
        kinds: describes memory.
        fidelity: name of the memory model.
    """

    def __init__(
        self,
        population: Population,
        sources: Sequence[WriteSource],
        kinds: MemoryKinds,
        fidelity: str,
    ) -> None:
        self._groups = population.groups
        self._sources = sources
        self._kinds = kinds
        self._model = create_chosen(memory_models, Choice(name=fidelity), "run.fidelity")

    def __call__(
        self, vm: int, cpu_capacity: float, memory_bytes: int
    ) -> tuple[VMMemory, MemoryModel] | str:
        """Return the memory of a VM of another size and its model, or why it cannot have that.

        Used memory stays used, as far as there is so much; pages that are given by number keep
        their proportion to the memory.
        """
        group = self._groups[vm]
        pages, used = group.page_count, group.memory_used_bytes
        changes = {
            "cpu_capacity": cpu_capacity,
            "memory_bytes": memory_bytes,
            "page_count": pages and max(round(pages * memory_bytes / group.memory_bytes), 1),
            "memory_used_bytes": used and min(used, memory_bytes),
        }
        memory = self._kinds.of(group.model_copy(update=changes), self._sources[vm])
        reason = self._model.supports(memory)
        return reason or (memory, self._model.model_for(memory))


def memory_in_use(
    scenario: Scenario, population: Population, demand: Demand, memory: list[VMMemory]
) -> MemoryInUse:
    """Return the memory of each VM over time, from traces where the scenario says so."""
    if scenario.workload.memory_use == "fixed":
        return MemoryInUse(memory)
    follows = [group.memory_used_bytes is None for group in population.groups]
    return MemoryInUse(memory, MemoryUse(demand.quantities[IN_USE]), np.array(follows))


def memory_assumptions(scenario: Scenario, memory: MemoryInUse) -> list[str]:
    """Return in words what is assumed about pages in use, nothing where traces do not count."""
    if scenario.workload.memory_use == "fixed":
        return []
    pages = np.array([each.page_count for each in memory.memory])
    shares = memory.used_pages(0.0) / pages
    usual = memory.without_trace
    said = (
        "Pages in use follow the memory in use of the traces: a page that was used once keeps its "
        "content, and those never used since the start of the run are zero "
        f"(at the start {whole_percent(float(shares.mean()))} of the pages are in use)."
    )
    if not usual:
        return [said]
    return [said, f"VMs that follow no memory of a trace: {usual} of {len(pages)}."]


def vm_models(
    scenario: Scenario, population: Population, memory: Sequence[VMMemory]
) -> list[MemoryModel]:
    """Return the memory model of each VM.

    Raises:
        ScenarioError: if there is no memory model ``run.fidelity``, it does not support a VM, or
            the state of a VM that may migrate is larger than the memory of this machine.
    """
    fidelity = scenario.run.fidelity
    model = create_chosen(memory_models, Choice(name=fidelity), "run.fidelity")
    kinds = list(dict.fromkeys(memory))
    reasons = {kind: reason for kind in kinds if (reason := model.supports(kind)) is not None}
    if reasons:
        vm = next(number for number, kind in enumerate(memory) if kind in reasons)
        allowed = f"{_supporting(kinds)}, because {reasons[memory[vm]]} ({population.fields[vm]})"
        raise ScenarioError("run.fidelity", fidelity, allowed)
    chosen = {kind: model.model_for(kind) for kind in kinds}
    models = [chosen[kind] for kind in memory]
    _check_state_fits(scenario, population, memory, models)
    return models


def _check_state_fits(
    scenario: Scenario,
    population: Population,
    memory: Sequence[VMMemory],
    models: Sequence[MemoryModel],
) -> None:
    """Refuse a VM that may migrate if its state does not even fit into the machine by itself."""
    most = machine_bytes()
    pairs = dict(zip(memory, models, strict=True))
    sizes = {of_vm: model.state_bytes(of_vm) for of_vm, model in pairs.items()}
    if max(sizes.values(), default=0) <= most:
        return
    asked = {request.vm for request in scenario.migrations}
    for vm, of_vm in enumerate(memory):
        may_migrate = bool(scenario.manager.triggers or scenario.maintenance) or vm in asked
        if (needed := sizes[of_vm]) > most and may_migrate and population.groups[vm].migratable:
            others = [name for name in ("lumped", "scalar") if name in _names_supporting([of_vm])]
            allowed = (
                f"{' or '.join(others)}, which keep no pages, because the state of the "
                f"{of_vm.page_count:,} pages of a VM ({population.fields[vm]}) needs "
                f"{in_largest_unit(needed, BINARY_BYTES)} of memory, and this machine has "
                f"{in_largest_unit(most, BINARY_BYTES)}"
            )
            raise ScenarioError("run.fidelity", scenario.run.fidelity, allowed)


def _supporting(kinds: Sequence[VMMemory]) -> str:
    """Return in words which memory models support all VMs: "auto, pages or scalar"."""
    *others, last = _names_supporting(kinds)
    return f"{', '.join(others)} or {last}" if others else last


def _names_supporting(kinds: Sequence[VMMemory]) -> list[str]:
    return [
        name
        for name in memory_models.names()
        if all(memory_models.create(name).supports(kind) is None for kind in kinds)
    ]
