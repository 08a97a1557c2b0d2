"""How closely the memory of each VM is represented while it migrates: `run.fidelity`."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.encoding import Encoder
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.base import MemoryModel, VMMemory
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.memory.models import memory_models
from cluster_emu.scenario import Choice, Scenario
from cluster_emu.strategies.contract import Strategy


def vm_memory(
    scenario: Scenario,
    sources: Sequence[WriteSource],
    strategy: Strategy,
    encoders: Sequence[Encoder],
) -> list[VMMemory]:
    """Return the memory of each VM; VMs alike share one object."""
    groups = [group for group in scenario.vms for _ in range(group.count)]
    kinds: dict[tuple[int, int, int, int], VMMemory] = {}
    memory: list[VMMemory] = []
    for group, source in zip(groups, sources, strict=True):
        kind = id(source), group.pages, group.unused_pages, group.processors
        if kind not in kinds:
            kinds[kind] = VMMemory(
                group.pages,
                source,
                source.describe_writes(group.pages - group.unused_pages).among(group.pages),
                strategy,
                encoders,
                scenario.run.track_versions,
                group.processors,
                group.unused_pages,
            )
        memory.append(kinds[kind])
    return memory


def vm_models(scenario: Scenario, memory: Sequence[VMMemory]) -> list[MemoryModel]:
    """Return the memory model of each VM.

    Raises:
        ScenarioError: if there is no memory model ``run.fidelity``, or it does not support a VM.
    """
    fidelity = scenario.run.fidelity
    model = create_chosen(memory_models, Choice(name=fidelity), "run.fidelity")
    kinds = list(dict.fromkeys(memory))
    reasons = {kind: reason for kind in kinds if (reason := model.supports(kind)) is not None}
    if reasons:
        groups = [number for number, group in enumerate(scenario.vms) for _ in range(group.count)]
        vm = next(number for number, kind in enumerate(memory) if kind in reasons)
        allowed = f"{_supporting(kinds)}, because {reasons[memory[vm]]} (vms.{groups[vm]})"
        raise ScenarioError("run.fidelity", fidelity, allowed)
    chosen = {kind: model.model_for(kind) for kind in kinds}
    return [chosen[kind] for kind in memory]


def _supporting(kinds: Sequence[VMMemory]) -> str:
    """Return in words which memory models support all VMs: "auto, pages or scalar"."""
    names = [
        name
        for name in memory_models.names()
        if all(memory_models.create(name).supports(kind) is None for kind in kinds)
    ]
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
