"""How memory is transferred."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from cluster_emu.scenario.choice import Choice
from cluster_emu.scenario.plain import Plain, as_tuple
from cluster_emu.units import BitRateLimit, ByteCount, ParseSeconds, PositiveSeconds, Seconds

MOST_CHANNELS = 255
"""The most streams of a migration: what QEMU's multifd takes."""

KVM_SYNC_PAGE_S = 6e-9
"""Time to read and clear the log of a dirty page under KVM: 1.5 ms per GiB of dirty memory.

Measured by cloud-hypervisor's authors (issue 8899, 2026). QEMU's own bitmaps add little where
addresses are aligned: 5 ms for 256 GiB (commit message of Chuang Xu, December 2025).
"""


class Thread(Plain):
    """How the thread that sends a migration works, where that is QEMU's.

    With `iterations` it sends in iterations of some 50 ms and looks at what is left to send between
    them only; unset, as the policy in force does, of which the package's do not. `rate_limit`
    "windows" renews the budget of the bandwidth cap every `window_s`, as QEMU does: so much is sent
    at the speed of the network, then nothing until the next window; "fluid" spreads it evenly. The
    budget is a tenth of a second's bytes, rounded up to `flush_pages` (1 in QEMU 7, 32 in QEMU 10).

    Each reading of the dirty log takes `sync_page_s` per dirty page, in which nothing is sent but
    what the buffers of the socket hold (`socket_buffer_bytes`). The default is KVM's: 1.5 ms per
    GiB of dirty memory (cloud-hypervisor, issue 8899). Under KVM the VM runs meanwhile.
    With `sync_stops_vm` it stands still, as under software emulation, and makes up for the writes
    of at most `sync_catch_up_s` afterwards; there the reading also waits for a throttled processor,
    which runs for `sync_slice_s` and then sleeps. Before the first byte it makes the writes of
    `setup_written_s` that the first reading does not find.
    """

    iterations: bool | None = None
    rate_limit: Literal["fluid", "windows"] = "fluid"
    window_s: PositiveSeconds = 0.1
    flush_pages: Annotated[int, Field(ge=1, le=2**20)] = 1
    sync_page_s: Seconds = KVM_SYNC_PAGE_S
    sync_stops_vm: bool = False
    sync_catch_up_s: Seconds = 0.0
    sync_slice_s: Seconds = 0.0
    setup_written_s: Seconds = 0.0
    socket_buffer_bytes: ByteCount = 0.0

    @field_validator("rate_limit")
    @classmethod
    def _windows_need_iterations(cls, rate_limit: str, info: ValidationInfo) -> str:
        if rate_limit == "windows" and info.data.get("iterations") is False:
            raise ValueError('"fluid" where iterations is false')
        return rate_limit


class Transfer(Plain):
    """How memory is transferred, the same for every migration of the run.

    The first of the `encoders` that takes a page encodes it; a page that none takes is sent as it
    is. A migration sends on `channels` streams of at most `channel_bandwidth_bps` each, and has one
    core per channel for encoding.
    `stop` is the stop rule. Without one, the strategy's own rule ends the live rounds: that of QEMU
    for "qemu", of Xen for "xen-legacy", the five rounds of its paper for "history-majority".
    `policy` is a manager's policy by name (kubevirt, nova, proxmox ...). It decides in place of a
    stop rule: a scenario sets `stop` or `policy`, not both. A change that sets one of the two
    (`--set`, `--policy`, an axis, the fields of a study) unsets the other. A policy has its own
    limits and cap, which those of the scenario override.
    `page_time_s` caps a migration at one page in so many seconds, as the reference paper does;
    `bandwidth_bps` caps it in bit/s; "unlimited" lifts the cap of the policy. Without either, and
    without a cap of the policy, only the network limits it. QEMU lifts the cap while the VM is
    stopped, so the policies of managers that use QEMU do, too, unless `lift_cap_when_stopped` says
    otherwise. A limit of the streams themselves (TLS, SSH, one core) is `channel_bandwidth_bps`;
    nothing lifts it. At a bottleneck, migrations share the link by `weight` with each other and
    with elastic background traffic. The target is prepared for
    `prepare_s` before the first byte; the source is released for `finish_s` after all memory is at
    the target. `thread` says how QEMU's migration thread sends.
    """

    strategy: Choice = Choice(name="pre-copy")
    encoders: Annotated[tuple[Choice, ...], BeforeValidator(as_tuple)] = ()
    stop: Choice | None = None
    policy: Choice | None = None
    bandwidth_bps: BitRateLimit | None = None
    page_time_s: PositiveSeconds | None = None
    channels: Annotated[int, Field(ge=1, le=MOST_CHANNELS)] = 1
    channel_bandwidth_bps: BitRateLimit | None = None
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    page_header_bytes: ByteCount = 8.0
    device_state_bytes: ByteCount = 0.0
    suspend_s: Seconds = 0.0
    resume_s: Seconds = 0.0
    prepare_s: Seconds = 0.0
    finish_s: Seconds = 0.0
    lift_cap_when_stopped: bool | None = None
    warm_intervals: Annotated[int, Field(ge=0, le=64)] = 0
    warm_interval_s: Annotated[float, ParseSeconds, Field(ge=0, le=86_400)] = 1.0
    thread: Thread = Thread()

    @field_validator("page_header_bytes")
    @classmethod
    def _whole_header(cls, page_header_bytes: float, info: ValidationInfo) -> float:
        if info.data.get("encoders") and not page_header_bytes.is_integer():
            raise ValueError("a whole number of bytes, as there are encoders")
        return page_header_bytes

    @field_validator("policy")
    @classmethod
    def _decides_alone(cls, policy: Choice | None, info: ValidationInfo) -> Choice | None:
        if policy is not None and (stop := info.data.get("stop")) is not None:
            raise ValueError(
                f'nothing ("none") where transfer.stop = "{stop}" ends the live rounds: '
                "transfer.stop or transfer.policy, not both"
            )
        return policy

    @field_validator("page_time_s")
    @classmethod
    def _one_cap(cls, page_time_s: float | None, info: ValidationInfo) -> float | None:
        if page_time_s is not None and (info.data.get("bandwidth_bps") or math.inf) < math.inf:
            raise ValueError("nothing where bandwidth_bps caps the rate already")
        return page_time_s
