"""Each stop rule at its borders, and what all of them have to keep to."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.errors import ScenarioError
from cluster_emu.transfer.stop_rules import (
    ClarkStop,
    Deadline,
    FixedRounds,
    MigrationAction,
    NoProgress,
    Progress,
    QemuStop,
    StopRule,
    XenLegacyStop,
    XenV2Stop,
    stop_rules,
)

PAGE_BYTES = 4096
REQUIRED = {"deadline": {"deadline_s": 60.0}}
ALL = [stop_rules.create(name, **REQUIRED.get(name, {})) for name in stop_rules.names()]
every_rule = pytest.mark.parametrize("rule", ALL, ids=repr)

BUSY = Progress(
    round_number=1,
    memory_pages=100_000,
    pages_left=20_000,
    bytes_left=20_000.0 * PAGE_BYTES,
    memory_bytes_left=20_000.0 * PAGE_BYTES,
    pages_left_before=(),
    sent_pages=100_000,
    skipped_pages=0,
    total_sent_pages=100_000,
    sent_bytes=100_000.0 * PAGE_BYTES,
    bytes_per_s=125e6,
    elapsed_s=3.3,
)


def progress(**changes: object) -> Progress:
    """Return a first round with much left, a few things about it changed."""
    changed = replace(BUSY, **changes)
    if "pages_left" in changes and "bytes_left" not in changes:
        left = float(changed.pages_left) * PAGE_BYTES
        changed = replace(changed, bytes_left=left, memory_bytes_left=left)
    return changed


def asked(rule: StopRule, **changes: object) -> tuple[MigrationAction, str]:
    return rule.decide(progress(**changes))


GOES_ON = (MigrationAction.CONTINUE, "")
LAST_ROUND_OF_FEW = (MigrationAction.LAST_ROUND, "fewer than 50 pages")


def stops(reason: str) -> tuple[MigrationAction, str]:
    return MigrationAction.STOP, reason


def test_every_rule_is_registered() -> None:
    expected = {"clark", "deadline", "fixed-rounds", "no-progress", "qemu", "xen-legacy", "xen-v2"}
    assert expected <= set(stop_rules.names())


@every_rule
def test_says_what_it_is(rule: StopRule) -> None:
    assert type(rule) is stop_rules.factory(rule.name)
    assert rule.summary
    assert len(rule.summary) < 80
    assert rule.source


@every_rule
def test_is_a_plain_value(rule: StopRule) -> None:
    parameters = {key: getattr(rule, key) for key in stop_rules.parameters(rule.name)}
    again = stop_rules.create(rule.name, **parameters)
    assert again == rule
    assert hash(again) == hash(rule)
    assert repr(again) == repr(rule)
    assert pickle.loads(pickle.dumps(rule)) == rule


@pytest.mark.parametrize(
    "name",
    [
        "clark",
        "deadline",
        "downtime-limit",
        "fixed-rounds",
        "no-progress",
        "qemu",
        "xen-legacy",
        "xen-v2",
    ],
)
def test_a_built_in_rule_goes_on_after_a_good_first_round(name: str) -> None:
    assert stop_rules.create(name, **REQUIRED.get(name, {})).decide(BUSY) == GOES_ON


@every_rule
def test_goes_on_silently_and_stops_with_a_reason(rule: StopRule) -> None:
    for pages_left in (0, 40, 20_000):
        for round_number in (1, 4, 5, 29):
            before = (20_000,) * (round_number - 1)
            action, reason = asked(
                rule,
                round_number=round_number,
                pages_left=pages_left,
                pages_left_before=before,
                elapsed_s=float(round_number),
            )
            assert bool(reason) is (action is not MigrationAction.CONTINUE)


@every_rule
@pytest.mark.parametrize("at_deadline", ["abort", "stop"])
def test_any_rule_takes_a_deadline(rule: StopRule, at_deadline: str) -> None:
    parameters = REQUIRED.get(rule.name, {}) | {"deadline_s": 10.0, "at_deadline": at_deadline}
    strict = stop_rules.create(rule.name, **parameters)
    forced = MigrationAction.ABORT if at_deadline == "abort" else MigrationAction.STOP
    before = asked(strict, elapsed_s=9.99)
    assert before[1] != "deadline of 10 s"
    if before == GOES_ON:  # a rule that is met beats its deadline
        assert asked(strict, elapsed_s=10.0) == (forced, "deadline of 10 s")


def test_a_rule_that_is_met_beats_its_deadline() -> None:
    rule = FixedRounds(rounds=1, deadline_s=1.0, at_deadline="abort")
    assert asked(rule, elapsed_s=2.0) == stops("1 round")
    few_left = XenV2Stop(deadline_s=1.0, at_deadline="abort")
    assert asked(few_left, pages_left=10, elapsed_s=2.0)[0] is MigrationAction.ABORT


def test_fixed_rounds_counts_and_looks_at_nothing_else() -> None:
    rule = FixedRounds(rounds=5)
    assert asked(rule, round_number=4, pages_left=0, sent_pages=0) == GOES_ON
    assert asked(rule, round_number=5) == stops("5 rounds")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"round_number": 28}, GOES_ON),
        ({"round_number": 29}, stops("29 rounds")),
        ({"sent_pages": 20, "skipped_pages": 30}, GOES_ON),
        ({"sent_pages": 20, "skipped_pages": 29}, stops("fewer than 50 pages")),
        ({"total_sent_pages": 300_000}, GOES_ON),
        ({"total_sent_pages": 300_001}, stops("more than 3 x memory sent")),
        ({"pages_left": 0}, GOES_ON),
    ],
)
def test_xen_legacy(changes: dict[str, object], answer: tuple[MigrationAction, str]) -> None:
    assert asked(XenLegacyStop(), **changes) == answer


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"round_number": 4, "pages_left": 50}, GOES_ON),
        (
            {"round_number": 4, "pages_left": 49},
            LAST_ROUND_OF_FEW,
        ),
        ({"round_number": 1, "pages_left": 1}, LAST_ROUND_OF_FEW),
        ({"round_number": 4, "pages_left": 0}, stops("fewer than 50 pages")),
        ({"round_number": 5, "pages_left": 49}, stops("5 rounds")),
        ({"round_number": 5, "pages_left": 50_000}, stops("5 rounds")),
        ({"memory_pages": 49, "pages_left": 20}, stops("fewer than 50 pages")),
        (
            {"memory_pages": 50, "pages_left": 20},
            LAST_ROUND_OF_FEW,
        ),
    ],
)
def test_xen_v2(changes: dict[str, object], answer: tuple[MigrationAction, str]) -> None:
    assert asked(XenV2Stop(), **changes) == answer


def test_qemu_stops_below_its_threshold_and_not_at_it() -> None:
    rule = QemuStop()
    threshold = rule.sync_threshold_bytes(125e6)
    assert threshold == pytest.approx(37.5e6)
    assert asked(rule, memory_bytes_left=threshold) == GOES_ON
    assert asked(rule, memory_bytes_left=threshold - 1) == stops("fits 0.3 s of downtime")


def test_qemu_compares_memory_whatever_it_takes_on_the_wire() -> None:
    rule = QemuStop()
    assert asked(rule, bytes_left=1.0, memory_bytes_left=37.5e6) == GOES_ON
    assert asked(rule, bytes_left=1e12, memory_bytes_left=37.4e6)[0] is MigrationAction.STOP


def test_qemu_stops_nothing_but_an_empty_migration_before_it_has_measured_the_bandwidth() -> None:
    rule = QemuStop()
    assert rule.bandwidth_known_s == 0.1
    assert asked(rule, pages_left=1, elapsed_s=0.0999) == GOES_ON
    assert asked(rule, pages_left=1, elapsed_s=0.1) == stops("fits 0.3 s of downtime")
    assert asked(rule, pages_left=0, elapsed_s=0.05) == stops("nothing left")


def test_qemu_has_no_limit_on_rounds_but_a_deadline() -> None:
    rule = QemuStop()
    assert asked(rule, round_number=10_000, elapsed_s=3599.0) == GOES_ON
    assert asked(rule, elapsed_s=3600.0) == (MigrationAction.ABORT, "deadline of 3600 s")
    with pytest.raises(ScenarioError, match="deadline_s = None"):
        stop_rules.create("qemu", deadline_s=None)


def test_only_qemu_reads_the_log_before_a_round_is_drained() -> None:
    early = {rule.name for rule in ALL if rule.sync_threshold_bytes(125e6) > 0}
    assert early == {"qemu"}


@pytest.mark.parametrize(
    ("before", "left", "patience", "stop"),
    [
        ((), 500, 1, False),
        ((500,), 500, 1, True),
        ((500,), 499, 1, False),
        ((500,), 500, 2, False),
        ((500, 500), 500, 2, True),
        ((500, 499), 499, 2, False),
        ((500, 499, 499), 499, 2, True),
        ((300, 800, 700), 400, 3, True),
        ((300, 800, 700), 299, 3, False),
    ],
)
def test_no_progress(before: tuple[int, ...], left: int, patience: int, stop: bool) -> None:
    rule = NoProgress(patience=patience)
    rounds = "1 round" if patience == 1 else f"{patience} rounds"
    answer = asked(rule, round_number=len(before) + 1, pages_left=left, pages_left_before=before)
    assert answer == (stops(f"no progress for {rounds}") if stop else GOES_ON)


def test_no_progress_with_a_smaller_alpha_wants_a_larger_step() -> None:
    changes = {"round_number": 2, "pages_left": 900, "pages_left_before": (1000,)}
    assert asked(NoProgress(alpha=1.0, patience=1), **changes) == GOES_ON
    assert asked(NoProgress(alpha=0.9, patience=1), **changes)[0] is MigrationAction.STOP


@given(
    left=st.lists(st.integers(1, 12), min_size=40, max_size=40),
    alpha=st.floats(0.1, 1.0),
    patience=st.integers(1, 3),
)
def test_no_progress_always_ends(left: list[int], alpha: float, patience: int) -> None:
    rule = NoProgress(alpha=alpha, patience=patience)
    ends = [
        number
        for number in range(1, len(left) + 1)
        if asked(
            rule,
            round_number=number,
            pages_left=left[number - 1],
            pages_left_before=tuple(left[: number - 1]),
        )[0]
        is MigrationAction.STOP
    ]
    # 12 is the first minimum and 11 steps lead down to 1, each after at most `patience` rounds.
    assert ends
    assert ends[0] <= 1 + 12 * patience


def test_clark_stops_when_little_is_left() -> None:
    rule = ClarkStop()
    assert asked(rule, pages_left=64) == GOES_ON
    assert asked(rule, pages_left=63) == stops("less than 256 KiB")


def test_clark_stops_when_the_next_round_would_be_too_fast() -> None:
    # 1 Gbit/s: 45 % of what was sent is dirty again, 450 Mbit/s, and 50 more make 500.
    rule = ClarkStop()
    too_fast = stops("dirty rate too high to catch up")
    assert asked(rule, pages_left=45_000) == GOES_ON
    assert asked(rule, pages_left=45_001) == too_fast
    # 100 Mbit/s: the link itself is the limit.
    assert asked(rule, pages_left=50_000, bytes_per_s=12.5e6) == GOES_ON
    assert asked(rule, pages_left=50_001, bytes_per_s=12.5e6) == too_fast
    assert asked(rule, pages_left=100, bytes_per_s=6.25e6) == too_fast


WITHOUT_ROUND_LIMIT = [Deadline(deadline_s=60.0), QemuStop(), NoProgress(), ClarkStop()]


@pytest.mark.parametrize("rule", WITHOUT_ROUND_LIMIT, ids=repr)
def test_rules_without_a_round_limit_stop_when_live_rounds_can_do_no_more(rule: StopRule) -> None:
    assert asked(rule, pages_left=0, bytes_left=0.0) == stops("nothing left")
    assert asked(rule, round_number=2, sent_pages=0) == stops("nothing due")


def test_a_round_that_is_cut_short_at_once_does_not_count_as_one_with_nothing_due() -> None:
    """The rest fits at the present rate, which is above the measured one."""
    cut = {"sent_pages": 0, "unvisited_pages": 91_363, "pages_left": 91_363, "bytes_left": 4e8}
    assert asked(QemuStop(), bytes_per_s=1e8, **cut) == stops("fits 0.3 s of downtime")
    assert asked(NoProgress(), **cut) == GOES_ON


def test_a_deadline_may_be_lifted() -> None:
    lifted = stop_rules.create("qemu", deadline_s="unlimited")
    assert asked(lifted, elapsed_s=1e9) == GOES_ON
    assert stop_rules.create("xen-v2", deadline_s="none") == stop_rules.create("xen-v2")


def test_skipping_everything_is_given_as_many_rounds_as_the_longest_history() -> None:
    rule = Deadline(deadline_s=60.0)
    stuck = {"sent_pages": 0, "skipped_pages": 10, "pages_left": 10}
    assert asked(rule, pages_left_before=(10,) * 15, **stuck) == GOES_ON
    assert asked(rule, pages_left_before=(10,) * 16, **stuck) == stops("every page skipped")
    assert asked(rule, pages_left_before=(10,) * 8 + (9,) + (10,) * 8, **stuck) == GOES_ON


def test_deadline_stops_by_default_and_must_be_given() -> None:
    assert asked(Deadline(deadline_s=60.0), elapsed_s=60.0) == stops("deadline of 60 s")
    with pytest.raises(ScenarioError, match="deadline_s"):
        stop_rules.create("deadline")


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("fixed-rounds", {"rounds": 0}, "rounds = 0: "),
        ("xen-legacy", {"max_factor": float("nan")}, "max_factor = nan: "),
        ("xen-v2", {"min_pages": -1}, "min_pages = -1: "),
        ("qemu", {"downtime_limit_s": 0}, "downtime_limit_s = 0: "),
        ("qemu", {"deadline_s": -1}, "deadline_s = -1: "),
        ("no-progress", {"alpha": 1.5}, "alpha = 1.5: "),
        ("deadline", {"deadline_s": 5, "at_deadline": "wait"}, "'abort' or 'stop'"),
        ("clark", {"rounds": 3}, "a parameter of stop rule 'clark': "),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        stop_rules.create(name, **parameters)
    assert message in str(error.value)
