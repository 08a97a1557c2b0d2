"""Where the VMs of a Kubernetes cluster may go: selectors, taints, affinity and anti-affinity."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Literal

from cluster_emu.inventory.documents import at, labels, table, tables, text
from cluster_emu.inventory.groups import set_group
from cluster_emu.inventory.kinds._selectors import in_words, matches, node_matches
from cluster_emu.inventory.neutral import Inventory

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
HOSTNAME = "kubernetes.io/hostname"
CLOSING = ("NoSchedule", "NoExecute")
OF_CORDONING = "node.kubernetes.io/"
"""Taints that Kubernetes sets itself, for what a node's conditions say already."""


class PlacementRules:
    """Carries over what the rules of VMIs say about nodes and about each other.

    Args:
        found: the inventory, which is changed.
        nodes: the Node objects.
        running: the VMI objects that are imported, in the order of the inventory's VMs.
    """

    def __init__(
        self,
        found: Inventory,
        nodes: Sequence[dict[str, Any]],
        running: Sequence[dict[str, Any]],
    ) -> None:
        self._found = found
        self._nodes = [
            (text(node, "metadata", "name"), labels(node, "metadata", "labels"), _taints(node))
            for node in nodes
        ]
        self._running = list(zip(found.vms.values(), running, strict=True))
        self._allowed: dict[str, tuple[str, ...] | None] = {}

    def apply(self) -> None:
        """Change the VMs of the inventory."""
        for vm, vmi in self._running:
            allowed = self._allowed_hosts(vmi)
            if allowed is not None and vm.host in self._found.hosts and vm.host not in allowed:
                self._found.note(
                    f"VM {vm.name} is on host {vm.host}, which its rules do not allow any more."
                )
            vm.allowed_hosts = allowed
        self._groups("podAntiAffinity", "anti_affinity")
        self._groups("podAffinity", "affinity")

    # --- nodes ------------------------------------------------------------------------------------

    def _allowed_hosts(self, vmi: Any) -> tuple[str, ...] | None:
        """Return the names of the nodes that may take a VMI, None for all."""
        selector = labels(vmi, "spec", "nodeSelector")
        required = at(vmi, "spec", "affinity", "nodeAffinity", REQUIRED)
        tolerations = list(tables(vmi, "spec", "tolerations"))
        key = repr((sorted(selector.items()), required, tolerations))
        if key not in self._allowed:
            terms = list(tables(required, "nodeSelectorTerms"))
            names = tuple(
                name
                for name, given, taints in self._nodes
                if all(given.get(label) == value for label, value in selector.items())
                and (not terms or any(node_matches(term, given, name) for term in terms))
                and all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)
            )
            is_free = not self._nodes or len(names) == len(self._nodes)
            self._allowed[key] = None if is_free else names
        return self._allowed[key]

    # --- other VMs --------------------------------------------------------------------------------

    def _groups(self, kind: str, field: Literal["anti_affinity", "affinity"]) -> None:
        """Set the group of each VM whose own labels its required terms select, by `field`."""
        members: dict[str, list[str]] = defaultdict(list)
        for vm, vmi in self._running:
            for term in tables(vmi, "spec", "affinity", kind, REQUIRED):
                if text(term, "topologyKey") != HOSTNAME:
                    self._found.note(
                        f"{kind} by {text(term, 'topologyKey') or 'nothing'} is not carried over; "
                        f"only {HOSTNAME} is."
                    )
                    continue
                selector = table(term, "labelSelector")
                if not matches(selector, labels(vmi, "metadata", "labels")):
                    self._found.note(
                        f"{kind} of VM {vm.name} is to other VMs than its own kind: not carried "
                        "over."
                    )
                    continue
                namespace = text(vmi, "metadata", "namespace")
                members[f"{namespace}: {in_words(selector)}"].append(vm.name)
        for name, vms in members.items():
            set_group(self._found, field, name, vms)


def _taints(node: Any) -> list[dict[str, Any]]:
    return [
        taint
        for taint in tables(node, "spec", "taints")
        if text(taint, "effect") in CLOSING and not text(taint, "key").startswith(OF_CORDONING)
    ]


def _tolerates(toleration: Any, taint: Any) -> bool:
    effect, key = text(toleration, "effect"), text(toleration, "key")
    if effect and effect != text(taint, "effect"):
        return False
    if text(toleration, "operator") == "Exists":
        return not key or key == text(taint, "key")
    return key == text(taint, "key") and text(toleration, "value") == text(taint, "value")
