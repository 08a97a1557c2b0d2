"""How the migrations of a scenario are steered, limited and what they cost."""

from __future__ import annotations

import math

from cluster_emu.building.making import make
from cluster_emu.encoding import Encoder, encoders
from cluster_emu.errors import ScenarioError
from cluster_emu.managers import ManagerPolicy, policies
from cluster_emu.managers.plain import PlainPolicy
from cluster_emu.scenario import Costs, Transfer
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.units import BITS_PER_BYTE


def steering_policy(transfer: Transfer) -> ManagerPolicy:
    """Return the policy chosen, or one that does nothing but ask the stop rule."""
    rule = make(stop_rules, transfer.stop, "transfer.stop")
    if transfer.policy is None:
        return PlainPolicy(rule=rule)
    return make(policies, transfer.policy, "transfer.policy")


def page_encoders(transfer: Transfer) -> tuple[Encoder, ...]:
    """Return the encoders chosen, in the order in which they are asked.

    Raises:
        ScenarioError: if one is not allowed, or comes after one that leaves it no page.
    """
    made = tuple(
        make(encoders, choice, f"transfer.encoders.{i}")
        for i, choice in enumerate(transfer.encoders)
    )
    for i, encoder in enumerate(made[:-1]):
        if encoder.takes_every_page:
            allowed = f"no encoder after {encoder.name}, which takes every page: list that last"
            raise ScenarioError(f"transfer.encoders.{i + 1}", made[i + 1].name, allowed)
    return made


def who_decides(transfer: Transfer) -> str:
    """Return in words what ends the live rounds."""
    if transfer.policy is None:
        return f"Live rounds end by the stop rule {transfer.stop}."
    return f"The policy {transfer.policy} steers migrations; no other stop rule is asked."


def transfer_settings(
    transfer: Transfer, costs: Costs, policy: ManagerPolicy, *, track_versions: bool
) -> TransferSettings:
    """Return costs and limits of a transfer; the scenario's cap goes before the policy's."""
    cap_bytes_per_s = policy.bandwidth_bytes_per_s
    if transfer.bandwidth_bps is not None:
        cap_bytes_per_s = transfer.bandwidth_bps / BITS_PER_BYTE
    channel_bytes_per_s = math.inf
    if transfer.channel_bandwidth_bps is not None:
        channel_bytes_per_s = transfer.channel_bandwidth_bps / BITS_PER_BYTE
    return TransferSettings(
        page_header_bytes=transfer.page_header_bytes,
        device_state_bytes=transfer.device_state_bytes,
        suspend_s=transfer.suspend_s,
        resume_s=transfer.resume_s,
        prepare_s=transfer.prepare_s,
        finish_s=transfer.finish_s,
        bandwidth_bytes_per_s=cap_bytes_per_s,
        page_time_s=transfer.page_time_s or 0.0,
        channels=transfer.channels,
        channel_bytes_per_s=channel_bytes_per_s,
        weight=transfer.weight,
        lift_cap_when_stopped=transfer.lift_cap_when_stopped or policy.lifts_cap_when_stopped,
        warm_intervals=transfer.warm_intervals,
        warm_interval_s=transfer.warm_interval_s,
        tracking_slowdown=costs.tracking_slowdown,
        track_versions=track_versions,
    )
