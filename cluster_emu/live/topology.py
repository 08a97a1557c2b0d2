"""What does not change of a cluster, as the page is told once: of a model and of a replay alike."""

from __future__ import annotations

import networkx as nx

from cluster_emu.live.layout import tiered_layout
from cluster_emu.live.source import Document
from cluster_emu.network import LinkTable
from cluster_emu.scenario import Scenario
from cluster_emu.shown_text import visible


def fixed_parts(spec: Scenario, graph: nx.Graph[int], links: LinkTable) -> Document:
    """Return what a scenario and its network say of `FrameSource.topology`."""
    layout = tiered_layout(graph).document()
    for rack in layout["racks"]:
        rack["name"] = visible(rack["name"])
    return {
        "name": visible(spec.name),
        "description": visible(spec.description),
        "strategy": str(spec.transfer.strategy),
        "stop": str(spec.transfer.stop or ""),
        "policy": str(spec.transfer.policy or ""),
        "limits": [
            spec.manager.max_per_cluster,
            spec.manager.max_outbound_per_host,
            spec.manager.max_inbound_per_host,
        ],
        "fidelity": spec.run.fidelity,
        "control_interval_s": spec.run.control_interval_s,
        **layout,
        "links": {
            "source": links.source.tolist(),
            "target": links.target.tolist(),
            "capacity_bytes_per_s": links.capacity_bytes_per_s.tolist(),
            "for_migrations": links.for_migrations.astype(int).tolist(),
        },
        "labels": [visible(label) for label in links.labels],
    }
