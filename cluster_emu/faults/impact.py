"""What the crash of its source or target does to a migration, by the phase it is in."""

from __future__ import annotations

from enum import Enum

from cluster_emu.transfer.records import Phase


class Impact(Enum):
    """The effect on a migration and its VM."""

    NONE = "continues"
    FAILS = "fails; the VM stays at the source, and is down if that has crashed"
    COMPLETES = "completes at once; the VM has all it needs at the target"
    LOSES_VM = "fails, and with it the VM, whose memory was in two places"


def impact(phase: Phase, *, needs_source: bool, target_failed: bool) -> Impact:
    """Return what the crash of one of its hosts, or both, does to a migration.

    Args:
        phase: its phase.
        needs_source: whether the target still lacks something that only the source has.
        target_failed: whether the target has crashed; else only the source has.
    """
    if phase is Phase.POST_COPY:
        return Impact.LOSES_VM
    if phase is Phase.FINISHING:
        return Impact.COMPLETES
    if target_failed or needs_source:
        return Impact.FAILS
    return Impact.NONE
