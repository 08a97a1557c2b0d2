"""What every registered policy has to keep to."""

from __future__ import annotations

import inspect
import math
import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.managers import ManagerPolicy, policies
from cluster_emu.managers.contract import ConcurrencyLimits
from cluster_emu.managers.xen import XenPolicy, XenV2Policy
from cluster_emu.transfer.controller import MigrationAction, MigrationStatus
from cluster_emu.transfer.stop_rules import Progress
from tests._support.policy_probes import GIB, PAGE, PAGES, RATE, MeanFieldMigration

EXPECTED = {
    "kubevirt",
    "kubevirt-downtime-tuning",
    "kubevirt-hco",
    "kubevirt-stall-detection",
    "nova",
    "ovirt-minimal-downtime",
    "ovirt-post-copy",
    "ovirt-suspend-workload",
    "ovirt-very-large-vms",
    "proxmox",
    "qemu",
    "vmotion",
    "xen",
    "xen-v2",
}
LIMITS = ("per_cluster", "outbound_per_host", "inbound_per_host", "bandwidth_bytes_per_s")
ALL = [policies.create(name) for name in policies.names()]
every_policy = pytest.mark.parametrize("policy", ALL, ids=lambda policy: policy.name)

share = st.floats(0, 1)


def some_statuses(elapsed_s: float) -> st.SearchStrategy[MigrationStatus]:
    return st.builds(
        lambda number, left, sent, rate: MigrationStatus(
            elapsed_s, number, GIB, left * GIB, 10 * sent * GIB, 2 * rate * RATE
        ),
        st.integers(1, 50),
        share,
        share,
        share,
    )


@st.composite
def some_progress(draw: st.DrawFn, elapsed_s: float, number: int) -> Progress:
    left = draw(st.integers(0, PAGES))
    sent = draw(st.integers(0, PAGES))
    return Progress(
        round_number=number,
        memory_pages=PAGES,
        pages_left=left,
        bytes_left=float(left) * PAGE,
        memory_bytes_left=float(left) * PAGE,
        pages_left_before=tuple(
            draw(st.lists(st.integers(0, PAGES), min_size=number - 1, max_size=number - 1))
        ),
        sent_pages=sent,
        skipped_pages=draw(st.integers(0, PAGES)),
        total_sent_pages=number * PAGES,
        sent_bytes=float(sent) * PAGE,
        bytes_per_s=draw(st.floats(0, 10 * RATE)),
        elapsed_s=elapsed_s,
    )


def test_every_manager_is_registered() -> None:
    assert set(policies.names()) >= EXPECTED


@every_policy
def test_says_what_it_is(policy: ManagerPolicy) -> None:
    assert type(policy) is policies.factory(policy.name)
    assert policy.summary
    assert len(policy.summary) < 80
    assert policy.source
    assert type(policy).__doc__


@every_policy
def test_is_a_plain_value(policy: ManagerPolicy) -> None:
    parameters = {key: getattr(policy, key) for key in policies.parameters(policy.name)}
    again = policies.create(policy.name, **parameters)
    assert again == policy
    assert hash(again) == hash(policy)
    assert repr(again) == repr(policy)
    assert pickle.loads(pickle.dumps(policy)) == policy


@every_policy
def test_is_frozen(policy: ManagerPolicy) -> None:
    with pytest.raises(FrozenInstanceError):
        policy.retries = 3  # type: ignore[misc]


@every_policy
def test_documents_each_of_its_knobs(policy: ManagerPolicy) -> None:
    classes = [kind for kind in type(policy).__mro__ if kind.__module__.startswith("cluster_emu")]
    # Python 3.13 strips the indentation of docstrings, earlier versions keep it
    text = "\n".join(inspect.cleandoc(kind.__doc__ or "") for kind in classes)
    missing = [key for key in policies.parameters(policy.name) if f"\n    {key}: " not in text]
    assert missing == []


@every_policy
def test_states_limits_a_cap_and_retries(policy: ManagerPolicy) -> None:
    limits = policy.limits
    for limit in (limits.per_cluster, limits.outbound_per_host, limits.inbound_per_host):
        assert limit is None or limit >= 1
    assert policy.bandwidth_bytes_per_s > 0
    assert policy.retries >= 0
    assert policy.retry_backoff_s >= 0
    assert (policy.retries > 0) == (policy.retry_backoff_s > 0)


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("kubevirt", (5, 2, None)),
        ("kubevirt-hco", (5, 1, None)),
        ("kubevirt-stall-detection", (5, 2, None)),
        ("kubevirt-downtime-tuning", (5, 2, None)),
        ("nova", (None, 1, None)),
        ("ovirt-minimal-downtime", (None, 2, None)),
        ("ovirt-suspend-workload", (None, 1, None)),
        ("ovirt-post-copy", (None, 2, None)),
        ("ovirt-very-large-vms", (None, 1, None)),
        ("proxmox", (None, 4, None)),
        ("qemu", (None, None, None)),
        ("vmotion", (None, 8, 8)),
        ("xen", (None, None, None)),
        ("xen-v2", (None, None, None)),
    ],
)
def test_limits_are_the_managers_own(name: str, limits: tuple[int | None, ...]) -> None:
    own = policies.create(name).limits
    assert (own.per_cluster, own.outbound_per_host, own.inbound_per_host) == limits


def test_only_qemu_caps_the_bandwidth_by_itself() -> None:
    capped = {policy.name: policy.bandwidth_bytes_per_s for policy in ALL}
    assert capped.pop("qemu") == 128 * 2**20
    assert set(capped.values()) == {math.inf}


@every_policy
def test_limits_and_cap_can_be_set(policy: ManagerPolicy) -> None:
    stricter = policies.create(
        policy.name,
        per_cluster=7,
        outbound_per_host=3,
        inbound_per_host=2,
        bandwidth_bytes_per_s="64 MiB",
    )
    limits = stricter.limits
    assert (limits.per_cluster, limits.outbound_per_host, limits.inbound_per_host) == (7, 3, 2)
    assert stricter.bandwidth_bytes_per_s == 64 * 2**20


@every_policy
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("outbound_per_host", 0),
        ("bandwidth_bytes_per_s", 0.0),
        ("bandwidth_bytes_per_s", math.nan),
        ("bandwidth_bytes_per_s", "3 Mbit/s"),
        ("retries", -1),
        ("nonsense", 1),
    ],
)
def test_bad_values_are_named(policy: ManagerPolicy, field: str, value: object) -> None:
    with pytest.raises(ScenarioError) as caught:
        policies.create(policy.name, **{field: value})
    assert caught.value.field == field
    assert caught.value.allowed


@every_policy
@settings(max_examples=20)
@given(data=st.data())
def test_looking_never_loops(policy: ManagerPolicy, data: st.DataObject) -> None:
    controller = policy.create_controller(data.draw(st.sampled_from([2**20, GIB, 64 * GIB])))
    for _ in range(14):
        asked_s = controller.next_check_s()
        if asked_s == math.inf:
            break
        late_s = data.draw(st.sampled_from([0.0, 0.0, 3.0]))
        step, reason = controller.check(data.draw(some_statuses(asked_s + late_s)))
        assert bool(reason) is (step is not MigrationAction.CONTINUE)
        assert controller.next_check_s() > asked_s + late_s


@every_policy
@settings(max_examples=20)
@given(data=st.data())
def test_rounds_are_answered_with_reason(policy: ManagerPolicy, data: st.DataObject) -> None:
    controller = policy.create_controller(GIB)
    elapsed_s = 0.0
    for number in range(1, 8):
        elapsed_s += data.draw(st.floats(0, 60))
        step, reason = controller.round_ended(data.draw(some_progress(elapsed_s, number)))
        assert bool(reason) is (step is not MigrationAction.CONTINUE)
        assert 0 <= controller.throttle() <= 0.99
        assert (
            0
            <= controller.sync_threshold_bytes(0.0)
            <= controller.sync_threshold_bytes(RATE)
            < math.inf
        )


@every_policy
def test_two_migrations_have_nothing_in_common(policy: ManagerPolicy) -> None:
    """What is done to one VM must not be seen by the next."""
    first, second = policy.create_controller(GIB), policy.create_controller(GIB)
    fresh = observed(second)
    migration = MeanFieldMigration(first, writes_per_s=400_000)
    migration.run()
    assert migration.rounds > 0
    assert observed(second) == fresh == observed(policy.create_controller(GIB))


def observed(controller: object) -> tuple[float, float, float]:
    return controller.next_check_s(), controller.sync_threshold_bytes(RATE), controller.throttle()


@every_policy
def test_an_idle_vm_is_moved_at_once(policy: ManagerPolicy) -> None:
    migration = MeanFieldMigration(policy.create_controller(GIB), writes_per_s=0.0)
    step, _ = migration.run()
    assert step is MigrationAction.STOP
    assert migration.rounds <= 2  # Xen goes on until a round has hardly sent anything
    assert migration.now_s == pytest.approx(GIB / RATE, rel=0.15)


@every_policy
def test_a_vm_that_never_converges_is_not_copied_for_ever(policy: ManagerPolicy) -> None:
    """400,000 writes a second to 200,000 pages; the link carries 30,518 pages a second."""
    migration = MeanFieldMigration(policy.create_controller(GIB), writes_per_s=400_000)
    step, reason = migration.run(until_s=4000.0)
    assert step is not MigrationAction.CONTINUE
    assert reason


@every_policy
def test_a_view_of_a_link_that_is_down_is_fine(policy: ManagerPolicy) -> None:
    controller = policy.create_controller(GIB)
    if controller.next_check_s() == math.inf:
        assert isinstance(policy, XenPolicy | XenV2Policy)
        return
    down = MigrationStatus(controller.next_check_s(), 1, GIB, GIB, 0.0, 0.0)
    assert controller.check(down)[0] in (MigrationAction.CONTINUE, MigrationAction.ABORT)


def test_the_probe_itself_goes_on_where_nothing_stops_it() -> None:
    endless = policies.create("nova", completion_timeout_s_per_gib=0).create_controller(GIB)
    migration = MeanFieldMigration(endless, writes_per_s=400_000)
    assert migration.run(until_s=4000.0) == (MigrationAction.CONTINUE, "still at it")


@pytest.mark.parametrize("name", policies.names())
def test_every_limit_of_a_policy_may_be_lifted(name: str) -> None:
    lifted = policies.create(
        name,
        per_cluster="unlimited",
        outbound_per_host="unlimited",
        inbound_per_host="none",
        bandwidth_bytes_per_s="unlimited",
    )
    assert lifted.limits == ConcurrencyLimits()
    shown = {one.name: one.default for one in policies.describe(name).parameters}
    assert "none" not in [shown[limit] for limit in LIMITS]
    assert lifted.bandwidth_bytes_per_s == math.inf
