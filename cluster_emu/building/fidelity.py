"""How closely each VM's memory is looked at while it migrates: by page, in counts, or as bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cluster_emu.encoding import Encoder
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.dirtying.sources import WriteSource
from cluster_emu.memory.lumped import why_not_lumped
from cluster_emu.memory.scalar.writes import why_not_scalar
from cluster_emu.scenario import Scenario
from cluster_emu.strategies.contract import Strategy
from cluster_emu.transfer.factory import Fidelity

LUMPED_FROM_PAGES = 131_072
"""Pages (512 MiB) from which "auto" lumps: about there the two engines take the same time."""

WhyNot = Callable[[WriteSource, int], str]
"""Returns why a VM with this source and so many pages needs the pages engine, "" if it does not."""


def vm_fidelities(
    scenario: Scenario,
    sources: Sequence[WriteSource],
    strategy: Strategy,
    encoders: Sequence[Encoder],
) -> list[Fidelity]:
    """Return the fidelity of each VM's migrations.

    Raises:
        ScenarioError: if ``run.fidelity`` is neither "pages" nor "auto" and a VM cannot be.
    """
    wanted = scenario.run.fidelity
    counts = [group.pages for group in scenario.vms for _ in range(group.count)]
    lumpable = partial(_why_not_lumped, scenario, strategy, encoders)
    if wanted == "auto":
        return _lumped_where_it_pays(sources, counts, lumpable)
    if wanted in ("lumped", "mean-field"):
        _check_all(scenario, sources, counts, lumpable, "pages or auto")
    if wanted == "scalar":
        scalable = partial(_why_not_scalar, scenario, encoders)
        can_be_lumped = not any(_reasons(sources, counts, lumpable).values())
        instead = "pages, lumped or auto" if can_be_lumped else "pages or auto"
        _check_all(scenario, sources, counts, scalable, instead)
    return [wanted] * len(counts)


def _why_not_lumped(
    scenario: Scenario,
    strategy: Strategy,
    encoders: Sequence[Encoder],
    source: WriteSource,
    pages: int,
) -> str:
    track_versions = scenario.run.track_versions
    return why_not_lumped(source, strategy, pages, encoders=encoders, track_versions=track_versions)


def _why_not_scalar(
    scenario: Scenario, encoders: Sequence[Encoder], source: WriteSource, pages: int
) -> str:
    return why_not_scalar(source, encoders=encoders, track_versions=scenario.run.track_versions)


def _reasons(
    sources: Sequence[WriteSource], counts: Sequence[int], why_not: WhyNot
) -> dict[tuple[int, int], str]:
    """Return the reason for each kind of VM: VMs of one source and size are asked for once."""
    kinds = {(id(source), pages): source for source, pages in zip(sources, counts, strict=True)}
    return {(kind, pages): why_not(source, pages) for (kind, pages), source in kinds.items()}


def _check_all(
    scenario: Scenario,
    sources: Sequence[WriteSource],
    counts: Sequence[int],
    why_not: WhyNot,
    instead: str,
) -> None:
    reasons = _reasons(sources, counts, why_not)
    groups = [number for number, group in enumerate(scenario.vms) for _ in range(group.count)]
    for group, source, pages in zip(groups, sources, counts, strict=True):
        if reason := reasons[id(source), pages]:
            allowed = f"{instead}, because {reason} (vms.{group})"
            raise ScenarioError("run.fidelity", scenario.run.fidelity, allowed)


def _lumped_where_it_pays(
    sources: Sequence[WriteSource], counts: Sequence[int], why_not: WhyNot
) -> list[Fidelity]:
    reasons = _reasons(sources, counts, why_not)
    return [
        "lumped" if pages >= LUMPED_FROM_PAGES and not reasons[id(source), pages] else "pages"
        for source, pages in zip(sources, counts, strict=True)
    ]
