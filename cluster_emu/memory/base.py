"""What a migration needs of the page state of its VM, whichever engine keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from cluster_emu.encoding.chain import Encoding
from cluster_emu.encoding.sizes import PageSizes
from cluster_emu.memory.pages.post_copy import FaultCosts
from cluster_emu.memory.rate_effect import RateEffect
from cluster_emu.memory.versions import PageVersions


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """What happened to the pages in one live round.

    Args:
        due: pages with to_send set when the round began.
        sent: of these, pages sent.
        skipped: of these, pages not sent because the filter said "skip".
        deferred: of these, pages put off until stop-and-copy.
        unvisited: of these, pages whose turn did not come before the round was cut short.
        dirtied: pages in the dirty log at the end of the round.
        bytes_sent: bytes on the wire.
        encode_cpu_s: processor time that encoding the pages sent took, in seconds of one core.
    """

    due: int
    sent: int
    skipped: int
    deferred: int
    unvisited: int
    dirtied: int
    bytes_sent: float
    encode_cpu_s: float = 0.0


class PostCopyMemory(Protocol):
    """The pages a VM still lacks at the target, and the faults it suffers because of them.

    Attributes:
        sizes: what the pages take that were missing at resume.
        faults: demand faults so far.
        stall_s: time the VM has waited for pages it asked for.
        bytes_sent: bytes on the wire so far.
    """

    sizes: PageSizes
    faults: int
    stall_s: float
    bytes_sent: float

    @property
    def bytes_left(self) -> float:
        """Bytes that still have to cross the wire."""
        ...

    @property
    def rate_effect(self) -> RateEffect:
        """How `bytes_left` depends on the rate: `NONE`, or `ANY` to be told of each at once."""
        ...

    @property
    def pages_arrived(self) -> int:
        """Pages that have reached the target since the VM resumed."""
        ...

    def advance(self, duration_s: float, bytes_per_s: float, intensity: float) -> None:
        """Let wall time pass at a constant link rate and write intensity."""
        ...

    def finish(self) -> None:
        """Let the last page arrive: the wire has carried every byte."""
        ...


class MemoryEngine(Protocol):
    """Page state of one VM while it migrates; it knows operational time and bytes.

    Attributes:
        page_count: pages of the VM.
        round_number: the live round under way or over, 0 before the first.
        now: operational time since the migration began.
        versions: version numbers for proofs, or None.
    """

    page_count: int
    round_number: int
    now: float
    versions: PageVersions | None

    @property
    def encoding(self) -> Encoding:
        """What pages take on the wire."""
        ...

    def warm(self, intervals: int, interval: float) -> None:
        """Fill the histories from logging intervals that end when the migration begins."""
        ...

    @property
    def stale_pages(self) -> int:
        """Number of pages stop-and-copy would send if it began now."""
        ...

    @property
    def stale_bytes(self) -> float:
        """Bytes stop-and-copy would send if it began now."""
        ...

    @property
    def nothing_due(self) -> bool:
        """Whether the next live round has no page to look at."""
        ...

    def stop_sizes(self) -> PageSizes:
        """Return what the stale pages take on the wire while the VM is stopped."""
        ...

    def lost_update_pages(self) -> int:
        """Number of stale pages that neither to_send nor the deferred set holds."""
        ...

    def hand_over(self) -> None:
        """Let every stale page arrive at the target while the VM does not write at the source."""
        ...

    def post_copy(self, costs: FaultCosts, *, bubbling: bool, pivots: int) -> PostCopyMemory:
        """Return the state in which the VM resumes at the target without the stale pages."""
        ...

    def wait(self, elapsed: float) -> None:
        """Let operational time pass between two rounds; what it dirties is due in the next."""
        ...

    def begin_round(self) -> None:
        """Start the next live round with every page that is due."""
        ...

    def plan(self, time_per_byte: float, sync_threshold_bytes: float = 0.0) -> float:
        """Return the bytes until the round ends, or until its end can be known.

        Args:
            time_per_byte: operational seconds per byte on the wire.
            sync_threshold_bytes: the round ends once fewer bytes than this wait for their turn.
        """
        ...

    @property
    def rate_effect(self) -> RateEffect:
        """How what `plan` returned last, nothing being left undrained, depends on the rate.

        Unless it is `ANY`, `advance` may be called several times before the next `plan`, with
        stretches of different rates.
        """
        ...

    @property
    def end_is_known(self) -> bool:
        """Whether what `plan` returned last is the end of the round, not a time to plan again."""
        ...

    def advance(self, sent_bytes: float, elapsed: float) -> None:
        """Let bytes go over the wire and operational time pass, within the round as planned."""
        ...

    def cut_short(self) -> float:
        """Let the round end where it stands; return what the page in transit still takes."""
        ...

    @property
    def sent_in_round(self) -> tuple[int, float]:
        """Pages (the one in transit included) and bytes sent so far in the round under way."""
        ...

    @property
    def bytes_waiting(self) -> float:
        """Bytes of the pages whose turn has not come in the round under way."""
        ...

    @property
    def round_sizes(self) -> PageSizes:
        """What the pages due in the round under way take on the wire."""
        ...

    def end_round(self, elapsed: float) -> RoundCounts:
        """Finish the round as planned, read and clear the dirty log, and return what happened."""
        ...
