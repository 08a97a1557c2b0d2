"""Each encoder by itself, and chains of them: sizes worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_emu.encoding import Coder, Content, Encoding, PageSizes, Stage, encoders
from cluster_emu.errors import ScenarioError
from cluster_emu.rng import RandomStreams

PAGE = 4096
HEADER = 8
RAW = PAGE + HEADER


def content(pages: int, seed: int = 1) -> Content:
    return Content(pages, PAGE, RandomStreams(seed), 0, 0)


def coder(name: str, pages: int, **parameters: Any) -> Coder:
    return encoders.create(name, **parameters).coder(content(pages))


def chain(pages: int, *given: tuple[str, dict[str, Any]]) -> Encoding:
    return Encoding(PAGE, HEADER, [coder(name, pages, **more) for name, more in given])


def bytes_of(sizes: PageSizes) -> list[int]:
    units = [1] * sizes.count if sizes.units is None else sizes.units.tolist()
    return [int(unit * sizes.unit_bytes) for unit in units]


def live(encoding: Encoding, pages: list[int], round_number: int) -> list[int]:
    return bytes_of(encoding.sizes(np.array(pages), Stage.LIVE, round_number))


def ids(*pages: int) -> np.ndarray:
    return np.array(pages, dtype=np.int64)


@pytest.mark.parametrize("name", encoders.names())
def test_every_encoder_says_what_it_is(name: str) -> None:
    made = encoders.create(name)
    assert made.name == name
    assert made.summary
    assert made.source


@pytest.mark.parametrize(
    ("name", "parameter", "value"),
    [
        ("zero-page", "share", 1.1),
        ("compression", "ratio", 0.0),
        ("compression", "cpu_bytes_per_s", 0.0),
        ("xbzrle", "cache_bytes", 0),
        ("xbzrle", "delta_share", 0.6),
        ("xbzrle", "overflow", -0.1),
    ],
)
def test_a_parameter_out_of_bounds_is_named(name: str, parameter: str, value: float) -> None:
    with pytest.raises(ScenarioError, match=parameter):
        encoders.create(name, **{parameter: value})


# --- zero pages ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_a_share_of_the_pages_takes_a_header_and_one_byte(share: float) -> None:
    sizes = live(chain(1000, ("zero-page", {"share": share})), list(range(1000)), 1)
    assert sizes.count(HEADER + 1) == 1000 * share
    assert sizes.count(RAW) == 1000 * (1 - share)


def test_a_page_is_zero_until_it_is_written() -> None:
    encoding = chain(4, ("zero-page", {"share": 1.0}))
    assert live(encoding, [0, 1, 2, 3], 1) == [9, 9, 9, 9]
    encoding.were_sent(ids(0, 1, 2, 3), 1)
    encoding.were_written(ids(2, 0))
    assert live(encoding, [0, 1, 2, 3], 2) == [RAW, 9, RAW, 9]
    encoding.were_sent(ids(0, 2), 2)
    for stage in Stage:
        assert bytes_of(encoding.sizes(ids(0, 1), stage, 3)) == [RAW, 9]


def test_zero_pages_belong_to_the_vm_and_the_seed() -> None:
    made = encoders.create("zero-page", share=0.5)
    pages = np.arange(200)
    first, again, other = (
        made.coder(content(200, seed)).payload_bytes(pages, Stage.LIVE, 1).tolist()
        for seed in (1, 1, 2)
    )
    assert first == again != other


# --- compression ---------------------------------------------------------------------------------


def test_compression_takes_its_ratio_in_whole_bytes_and_its_time() -> None:
    encoding = chain(3, ("compression", {"ratio": 0.3, "cpu_bytes_per_s": 1e6}))
    sizes = encoding.sizes(ids(0, 1, 2), Stage.LIVE, 1)
    assert bytes_of(sizes) == [HEADER + math.ceil(0.3 * PAGE)] * 3
    assert sizes.total_cpu_s == pytest.approx(3 * PAGE / 1e6)
    assert sizes.cpu_s_of(np.array([True, False])) == pytest.approx(PAGE / 1e6)


@pytest.mark.parametrize("channels", [1, 4])
def test_cores_put_out_wire_bytes_at_their_rate_times_the_ratio(channels: int) -> None:
    sizes = chain(5, ("compression", {"ratio": 0.5, "cpu_bytes_per_s": 1e6})).sizes(
        np.arange(5), Stage.LIVE, 1
    )
    expected = channels * 1e6 * (HEADER + PAGE / 2) / PAGE
    assert sizes.encoded_bytes_per_s(channels) == pytest.approx(expected)


# --- xbzrle --------------------------------------------------------------------------------------

ONE_BYTE = {"delta_share": 0.5 / PAGE, "overflow": 0.0}
"""Every difference has one byte: uniform from 0 to 1, rounded up."""
HIT = HEADER + 3 + 1


def test_a_page_sent_from_round_two_on_is_a_hit_the_next_time() -> None:
    encoding = chain(4, ("xbzrle", ONE_BYTE))
    encoding.were_sent(ids(0, 1, 2, 3), 1)
    assert live(encoding, [0, 1, 2], 2) == [RAW, RAW, RAW]  # round 1 leaves nothing in the cache
    encoding.were_sent(ids(0, 2), 2)
    assert live(encoding, [0, 1, 2], 3) == [HIT, RAW, HIT]
    assert bytes_of(encoding.sizes(ids(0, 1), Stage.STOPPED, 3)) == [HIT, RAW]
    assert bytes_of(encoding.sizes(ids(0, 1), Stage.POST_COPY, 3)) == [RAW, RAW]


def test_two_pages_of_one_place_take_turns_after_two_rounds() -> None:
    # Two places: pages 0, 2 and 4 share one. Round by round: sent, and which of the three hit then.
    encoding = chain(6, ("xbzrle", {**ONE_BYTE, "cache_bytes": 2 * PAGE}))
    encoding.were_sent(ids(4, 0), 2)  # empty: the one sent first has it
    assert live(encoding, [0, 2, 4], 3) == [RAW, RAW, HIT]
    encoding.were_sent(ids(2), 3)  # page 4 was put there 1 round ago
    assert live(encoding, [0, 2, 4], 4) == [RAW, RAW, HIT]
    encoding.were_sent(ids(0, 4), 4)  # hit in this round: page 4 stays
    assert live(encoding, [0, 2, 4], 5) == [RAW, RAW, HIT]
    encoding.were_sent(ids(2, 0), 6)  # hit 2 rounds ago: page 2 has it
    assert live(encoding, [0, 2, 4], 7) == [RAW, HIT, RAW]


def test_differences_have_the_mean_share_and_some_overflow() -> None:
    pages = np.arange(20_000)
    encoding = chain(
        20_000, ("xbzrle", {"delta_share": 0.2, "overflow": 0.1, "cache_bytes": 2**30})
    )
    encoding.were_sent(pages, 2)
    sizes = np.array(bytes_of(encoding.sizes(pages, Stage.LIVE, 3)))
    assert np.mean(sizes == RAW) == pytest.approx(0.1, abs=0.01)
    deltas = sizes[sizes != RAW] - HEADER - 3
    assert deltas.mean() == pytest.approx(0.2 * PAGE, rel=0.02)
    assert (deltas.min(), deltas.max()) == (1, math.ceil(0.4 * PAGE))


def test_a_difference_is_the_same_however_often_it_is_asked_for() -> None:
    encoding = chain(50, ("xbzrle", {}))
    encoding.were_sent(np.arange(50), 2)
    third = live(encoding, list(range(50)), 3)
    fourth = live(encoding, list(range(50)), 4)
    assert third == live(encoding, list(range(50)), 3) != fourth
    assert live(encoding, [7, 3], 4) == [fourth[7], fourth[3]]


# --- chains --------------------------------------------------------------------------------------


def test_the_first_encoder_that_takes_a_page_decides() -> None:
    encoding = chain(
        4,
        ("zero-page", {"share": 0.0}),
        ("xbzrle", ONE_BYTE),
        ("compression", {"ratio": 0.5, "cpu_bytes_per_s": 1e6}),
    )
    encoding.were_sent(ids(1), 2)
    sizes = encoding.sizes(ids(0, 1), Stage.LIVE, 3)
    assert bytes_of(sizes) == [HEADER + PAGE // 2, HIT]
    assert sizes.total_cpu_s == pytest.approx(PAGE / 1e6)


def test_an_overflow_is_left_to_the_next_encoder() -> None:
    encoding = chain(2, ("xbzrle", {"overflow": 1.0}), ("compression", {"ratio": 0.5}))
    encoding.were_sent(ids(0), 2)
    assert live(encoding, [0], 3) == [HEADER + PAGE // 2]


def test_without_encoders_every_page_has_any_size_one_likes() -> None:
    sizes = Encoding(1000.25, 0.5).sizes(np.arange(3), Stage.LIVE, 1)
    assert (sizes.units, sizes.total_bytes, sizes.total_cpu_s) == (None, 3 * 1000.75, 0.0)
    assert sizes.encoded_bytes_per_s(1) == math.inf


def test_encoders_need_whole_bytes() -> None:
    with pytest.raises(ValueError, match=r"header of 0\.5 bytes"):
        Encoding(PAGE, 0.5, [coder("zero-page", 1)])


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=8),
    sent=st.floats(0, 50),
    same=st.booleans(),
)
def test_whole_pages_are_those_whose_last_byte_was_sent(
    sizes: list[int], sent: float, same: bool
) -> None:
    if same:
        sizes = [sizes[0]] * len(sizes)
        given_sizes = PageSizes(len(sizes), float(sizes[0]))
    else:
        given_sizes = PageSizes(len(sizes), 1.0, np.array(sizes))
    ends = np.cumsum(sizes)
    assert given_sizes.whole_pages_in(sent) == np.count_nonzero(ends <= sent)
