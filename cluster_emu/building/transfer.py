"""How the migrations of a scenario are controlled and limited, and what they cost."""

from __future__ import annotations

import math

from cluster_emu.building.chosen_parts import create_chosen
from cluster_emu.encoding import Encoder, encoders
from cluster_emu.errors import ScenarioError
from cluster_emu.managers import ManagerPolicy, policies
from cluster_emu.managers.plain import PlainPolicy
from cluster_emu.scenario import Choice, Costs, Transfer
from cluster_emu.strategies import Mode, Strategy
from cluster_emu.transfer.migration_thread import ThreadSettings
from cluster_emu.transfer.settings import TransferSettings
from cluster_emu.transfer.stop_rules import stop_rules
from cluster_emu.units import BITS_PER_BYTE


def manager_policy(transfer: Transfer, strategy: Strategy) -> ManagerPolicy:
    """Return the policy chosen, or one that only applies the stop rule in force."""
    rule = create_chosen(stop_rules, _stop_rule(transfer, strategy), "transfer.stop")
    if transfer.policy is None:
        return PlainPolicy(rule=rule)
    return create_chosen(policies, transfer.policy, "transfer.policy")


def _stop_rule(transfer: Transfer, strategy: Strategy) -> Choice:
    """Return the scenario's stop rule, or else the strategy's own."""
    if transfer.stop is not None:
        return transfer.stop
    # a method without live rounds has no rule; whichever stands here is never asked
    return Choice.model_validate(strategy.stop_rule or Strategy().stop_rule)


def page_encoders(transfer: Transfer) -> tuple[Encoder, ...]:
    """Return the encoders chosen, in the order of the chain.

    Raises:
        ScenarioError: if one is not allowed, or comes after one that takes every page.
    """
    made = tuple(
        create_chosen(encoders, choice, f"transfer.encoders.{i}")
        for i, choice in enumerate(transfer.encoders)
    )
    for i, encoder in enumerate(made[:-1]):
        if encoder.takes_every_page:
            allowed = f"no encoder after {encoder.name}, which takes every page: list that last"
            raise ScenarioError(f"transfer.encoders.{i + 1}", made[i + 1].name, allowed)
    return made


def end_of_live_rounds(transfer: Transfer, strategy: Strategy) -> str:
    """Return in words what decides when live rounds end, and who has chosen it."""
    if not strategy.stop_rule:
        return f"The strategy {strategy.name} has no live rounds, so no stop rule is asked."
    if transfer.policy is not None:
        return f"The policy {transfer.policy} decides when live rounds end."
    if transfer.stop is not None:
        return f"Live rounds end by the stop rule {transfer.stop}, which the scenario sets."
    return (
        f"Live rounds end by the stop rule {strategy.stop_rule}, that of {strategy.name} itself; "
        "transfer.stop sets another one."
    )


def stalls_left_out(fidelity: str, strategy: Strategy) -> tuple[str, ...]:
    """Return in words that a memory model without pages has no waits after the resume."""
    if fidelity != "scalar" or strategy.mode not in (Mode.POST_COPY, Mode.HYBRID):
        return ()
    return (
        "The scalar model has no pages, so a VM never waits for pages after its resume: service "
        "interrupted is the downtime alone.",
    )


def transfer_settings(
    transfer: Transfer, costs: Costs, policy: ManagerPolicy, *, track_versions: bool
) -> TransferSettings:
    """Return costs and limits of a transfer; what the scenario sets overrides the policy's."""
    cap_bytes_per_s = policy.bandwidth_bytes_per_s
    if transfer.bandwidth_bps is not None:
        cap_bytes_per_s = transfer.bandwidth_bps / BITS_PER_BYTE
    lift = transfer.lift_cap_when_stopped
    if lift is None:
        lift = policy.lifts_cap_when_stopped
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
        is_users_cap=transfer.bandwidth_bps is not None,
        page_time_s=transfer.page_time_s or 0.0,
        channels=transfer.channels,
        channel_bytes_per_s=channel_bytes_per_s,
        weight=transfer.weight,
        lift_cap_when_stopped=lift,
        warm_intervals=transfer.warm_intervals,
        warm_interval_s=transfer.warm_interval_s,
        tracking_slowdown=costs.tracking_slowdown,
        track_versions=track_versions,
        thread=_thread_settings(transfer, cap_bytes_per_s, policy),
    )


def _thread_settings(
    transfer: Transfer, cap_bytes_per_s: float, policy: ManagerPolicy
) -> ThreadSettings:
    """Return how the thread that sends a migration works."""
    thread = transfer.thread
    has_windows = thread.rate_limit == "windows"
    in_iterations = thread.iterations
    if in_iterations is None:
        in_iterations = has_windows or policy.sends_in_iterations
    return ThreadSettings(
        in_iterations=in_iterations,
        window_s=thread.window_s,
        budget_bytes_per_s=cap_bytes_per_s if has_windows else math.inf,
        flush_pages=thread.flush_pages,
        sync_page_s=thread.sync_page_s,
        sync_stops_vm=thread.sync_stops_vm,
        sync_catch_up_s=thread.sync_catch_up_s,
        sync_slice_s=thread.sync_slice_s,
        setup_written_s=thread.setup_written_s,
        socket_buffer_bytes=thread.socket_buffer_bytes,
    )
