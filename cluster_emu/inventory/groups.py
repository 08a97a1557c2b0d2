"""Groups of VMs that a manager keeps together or apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from cluster_emu.inventory.documents import named
from cluster_emu.inventory.neutral import Inventory

WORDS = {"anti_affinity": "anti-affinity", "affinity": "affinity"}


def set_group(
    found: Inventory, field: Literal["anti_affinity", "affinity"], name: str, vms: Sequence[str]
) -> None:
    """Set the group of VMs, where their hosts keep its rule now; note where they do not.

    A VM has one group of each kind: the first.
    """
    members = list(dict.fromkeys(vm for vm in vms if vm in found.vms))
    if len(members) < 2 and field == "affinity":
        return
    on_host = Counter(found.vms[vm].host for vm in members)
    reason = ""
    if field == "affinity" and len(on_host) > 1:
        reason = "are on different hosts"
    elif field == "anti_affinity" and on_host and max(on_host.values()) > 1:
        reason = "share a host"
    elif field == "anti_affinity" and found.hosts and len(members) > len(found.hosts):
        reason = f"are more than the {len(found.hosts)} hosts"
    if reason:
        found.note(
            f"The {WORDS[field]} {name} is not carried over: its VMs {reason} ({named(members)})."
        )
        return
    for vm in members:
        known = found.vms[vm]
        if getattr(known, field) is None:
            setattr(known, field, name)
        else:
            found.note(f"VM {vm} has several rules of {WORDS[field]}: only the first is used.")
