"""The contract that every registered strategy must keep."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest

from cluster_emu.errors import ScenarioError, UnknownNameError
from cluster_emu.strategies import (
    Decision,
    DemandPaging,
    HistoryMajority,
    Mode,
    Qemu,
    Strategy,
    TimeSeries,
    strategies,
)

EXPECTED = [
    "history-majority",
    "hybrid",
    "ma",
    "matrix-bitmap",
    "post-copy",
    "pre-copy",
    "qemu",
    "stop-and-copy",
    "time-series",
    "xen-legacy",
    "xen-v2",
]
VARIANTS = [
    ("history-majority", {"history": 16, "to_send": "literal", "first_round": "full"}),
    ("matrix-bitmap", {"peeks": 16, "theta": 15}),
    ("qemu", {"clear_granularity": "page"}),
    ("time-series", {"history": 1, "threshold": 1}),
    ("time-series", {"history": 15, "window": "exclusive", "sticky_last": True}),
]
ALL = [strategies.create(name) for name in strategies.names()]
ALL += [strategies.create(name, **parameters) for name, parameters in VARIANTS]

every_strategy = pytest.mark.parametrize("strategy", ALL, ids=repr)


def test_every_method_is_registered() -> None:
    assert set(EXPECTED) <= set(strategies.names())


@every_strategy
def test_says_what_it_is(strategy: Strategy) -> None:
    assert type(strategy) is strategies.factory(strategy.name)
    assert strategy.summary
    assert "\n" not in strategy.summary
    assert len(strategy.summary) < 80
    assert strategy.source
    assert strategy.mode in Mode


@every_strategy
def test_is_a_plain_value(strategy: Strategy) -> None:
    parameters = {key: getattr(strategy, key) for key in strategies.parameters(strategy.name)}
    again = strategies.create(strategy.name, **parameters)
    assert again == strategy
    assert hash(again) == hash(strategy)
    assert pickle.loads(pickle.dumps(strategy)) == strategy
    assert dataclasses.replace(strategy) == strategy


@every_strategy
def test_is_frozen(strategy: Strategy) -> None:
    for field in dataclasses.fields(strategy):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(strategy, field.name, 1)


@every_strategy
@pytest.mark.parametrize("round_number", [1, 2, 30])
def test_table_is_one_decision_per_code(strategy: Strategy, round_number: int) -> None:
    table = strategy.table(round_number)
    assert table.shape == (2, 2**strategy.code_bits)
    assert table.dtype == np.int8
    assert (table[0] == Decision.NOT_DUE).all()
    assert np.isin(table, list(Decision)).all()
    live = strategy.mode in (Mode.PRE_COPY, Mode.HYBRID)
    assert (Decision.SEND in table) is live


@every_strategy
def test_table_is_shared_and_cannot_be_written(strategy: Strategy) -> None:
    table = strategy.table(2)
    assert strategy.table(3) is table
    with pytest.raises(ValueError, match="read-only"):
        table[1, 0] = Decision.SKIP


@every_strategy
def test_constants_are_in_range(strategy: Strategy) -> None:
    assert 1 <= strategy.code_bits <= 16
    assert 1 <= strategy.history <= strategy.code_bits
    assert strategy.peeks in (1, strategy.code_bits)
    assert strategy.to_send in ("sticky", "literal")
    assert strategy.clear_granularity in ("round", "chunk", "page")
    assert strategy.chunk_pages >= 1
    assert (strategy.live_rounds >= 1) is (strategy.mode is Mode.HYBRID)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("history-majority", {"history": 1}, "history = 1: "),
        ("history-majority", {"history": 17}, "history = 17: "),
        ("history-majority", {"to_send": "lost"}, "'sticky' or 'literal'"),
        ("history-majority", {"threshold": 3}, "a parameter of strategy 'history-majority': his"),
        ("time-series", {"history": 3}, "threshold = 4 (the default): allowed is 1 to 3"),
        ("time-series", {"threshold": 0}, "threshold = 0: "),
        (
            "time-series",
            {"history": 16, "window": "exclusive"},
            "an exclusive window is at most 15",
        ),
        ("matrix-bitmap", {"peeks": 2, "theta": 2}, "theta = 2: allowed is 0 to 1"),
        ("matrix-bitmap", {"peeks": 0}, "peeks = 0: "),
        ("xen-legacy", {"peek_batch_pages": 0}, "peek_batch_pages = 0: "),
        ("qemu", {"clear_granularity": "bit"}, "'round', 'chunk' or 'page'"),
        ("post-copy", {"ballooned_share": 1.0}, "ballooned_share = 1.0: "),
        ("post-copy", {"ballooned_share": float("nan")}, "ballooned_share = nan: "),
        ("post-copy", {"touches_per_write": 0.5}, "touches_per_write = 0.5: "),
        ("hybrid", {"live_rounds": 0}, "live_rounds = 0: "),
        ("hybrid", {"pivots": 0}, "pivots = 0: "),
        ("stop-and-copy", {"history": 3}, "a parameter of strategy 'stop-and-copy': none"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(
    name: str, parameters: dict[str, object], message: str
) -> None:
    with pytest.raises(ScenarioError) as error:
        strategies.create(name, **parameters)
    assert message in str(error.value)


def test_a_near_miss_of_a_name_gets_a_hint() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'time-series'"):
        strategies.create("time-serie")


def test_what_sets_methods_apart_besides_their_tables() -> None:
    qemu = Qemu()
    assert (qemu.clear_granularity, qemu.chunk_pages * 4096, qemu.cyclic) == ("chunk", 2**30, True)
    assert strategies.create("xen-legacy").peek_batch_pages == 1024
    assert HistoryMajority().to_send == "sticky"
    assert HistoryMajority(to_send="literal").to_send == "literal"
    assert TimeSeries(window="exclusive").code_bits == TimeSeries().code_bits + 1
    assert TimeSeries(window="exclusive").history == TimeSeries().history


def test_post_copy_and_hybrid_share_their_parameters() -> None:
    shared = {field.name for field in dataclasses.fields(DemandPaging)}
    assert shared == {"bubbling", "pivots", "ballooned_share", "preempt", "touches_per_write"}
    assert set(strategies.parameters("post-copy")) == shared
    assert set(strategies.parameters("hybrid")) == shared | {"live_rounds"}
