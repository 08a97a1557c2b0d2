"""Which VMs migrate in counts of pages, and which page by page."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_emu.encoding import Encoder
from cluster_emu.errors import ScenarioError
from cluster_emu.memory.lumped import why_not_lumped
from cluster_emu.memory.sources import WriteSource
from cluster_emu.scenario import Scenario
from cluster_emu.strategies.contract import Strategy

LUMPED_FROM_PAGES = 131_072
"""Pages (512 MiB) from which "auto" lumps: about there the two engines take the same time."""


def lumped_vms(
    scenario: Scenario,
    sources: Sequence[WriteSource],
    strategy: Strategy,
    encoders: Sequence[Encoder],
) -> list[bool]:
    """Return whether each VM's migrations are lumped.

    Raises:
        ScenarioError: if ``run.fidelity`` is "lumped" and a VM cannot be.
    """
    wanted = scenario.run.fidelity
    counts = [group.pages for group in scenario.vms for _ in range(group.count)]
    if wanted == "pages":
        return [False] * len(counts)
    kinds = {(id(source), pages): source for source, pages in zip(sources, counts, strict=True)}
    reasons = {
        (kind, pages): why_not_lumped(
            source,
            strategy,
            pages,
            encoders=encoders,
            track_versions=scenario.run.track_versions,
        )
        for (kind, pages), source in kinds.items()
    }
    refused = next(filter(None, reasons.values()), "")
    if wanted == "lumped" and refused:
        raise ScenarioError("run.fidelity", wanted, f"pages or auto, because {refused}")
    least = 0 if wanted == "lumped" else LUMPED_FROM_PAGES
    return [
        pages >= least and not reasons[id(source), pages]
        for source, pages in zip(sources, counts, strict=True)
    ]
