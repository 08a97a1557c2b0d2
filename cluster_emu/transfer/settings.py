"""Costs and limits that all migrations of a run share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from cluster_emu.encoding.chain import PageSizes
from cluster_emu.transfer.migration_thread import ThreadSettings


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """Costs and limits of one transfer.

    Args:
        page_header_bytes: bytes that go with every page on the wire.
        device_state_bytes: size of the device state, sent while the VM is stopped.
        suspend_s: time from the decision to stop until the first byte of stop-and-copy.
        resume_s: time from the last byte until the VM runs at the target.
        prepare_s: time to set up the target before the first byte.
        finish_s: time to release the source after the VM runs at the target with all its memory.
        bandwidth_bytes_per_s: cap on the rate of one migration, infinite for none.
        is_users_cap: whether the scenario sets that cap, not the policy.
        page_time_s: another cap, one page per so many seconds; 0 for none.
        channels: streams a migration sends on, and cores that encode for it.
        channel_bytes_per_s: largest rate of one stream, infinite for no limit of its own.
        weight: share of a migration at a bottleneck, relative to other flows.
        lift_cap_when_stopped: whether there is no cap while the VM is stopped (as in QEMU).
        warm_intervals: logging intervals before the first round that fill the page histories.
        warm_interval_s: length of each, in seconds.
        tracking_slowdown: share of its CPU time a guest loses while its writes are tracked.
        track_versions: keep page versions and check at resume that nothing is stale.
        thread: how the thread that sends a migration works.
    """

    page_header_bytes: float = 8.0
    device_state_bytes: float = 0.0
    suspend_s: float = 0.0
    resume_s: float = 0.0
    prepare_s: float = 0.0
    finish_s: float = 0.0
    bandwidth_bytes_per_s: float = float("inf")
    is_users_cap: bool = False
    page_time_s: float = 0.0
    channels: int = 1
    channel_bytes_per_s: float = float("inf")
    weight: float = 1.0
    lift_cap_when_stopped: bool = False
    warm_intervals: int = 0
    warm_interval_s: float = 0.0
    tracking_slowdown: float = 0.0
    track_versions: bool = False
    thread: ThreadSettings = field(default_factory=ThreadSettings)

    def network_cap_bytes_per_s(self, raw_bytes: float, *, stopped: bool) -> float:
        """Return the cap without encoding: the configured cap or the rate of the streams.

        Args:
            raw_bytes: bytes of a page on the wire, header included, that is not encoded.
            stopped: whether the VM does not run at the source.
        """
        allowed = self._allowed_bytes_per_s(raw_bytes, stopped)
        return min(allowed, self.channels * self.channel_bytes_per_s)

    def cap_bytes_per_s(self, raw_bytes: float, sizes: PageSizes, *, stopped: bool) -> float:
        """Return the cap on a migration's rate while its VM runs, or is stopped.

        It is the minimum of the configured cap, the rate of its streams and the encoding rate of
        its cores.

        Args:
            raw_bytes: bytes of a page on the wire, header included, that is not encoded.
            sizes: sizes of the pages that are sent under this cap.
            stopped: whether the VM does not run at the source.
        """
        return min(
            self.network_cap_bytes_per_s(raw_bytes, stopped=stopped),
            sizes.encoded_bytes_per_s(self.channels),
        )

    def _allowed_bytes_per_s(self, raw_bytes: float, stopped: bool) -> float:
        if stopped and self.lift_cap_when_stopped:
            return math.inf
        if self.thread.has_windows and not stopped:
            return math.inf  # the budget of a window is the cap
        if self.page_time_s > 0:
            return raw_bytes / self.page_time_s
        return self.bandwidth_bytes_per_s
