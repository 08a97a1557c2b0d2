"""Random streams: one per consumer, none shared, and the same for the same seed."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest

from cluster_emu.rng import ANY_KEYS, RandomStreams, Stream, non_negative_key, spawn_key

PACKAGE = Path(__file__).parents[1] / "cluster_emu"


def may_meet(a: tuple[int | str, ...], b: tuple[int | str, ...]) -> bool:
    """Return whether some key fits both patterns."""
    open_a, open_b = a[-1] == ANY_KEYS, b[-1] == ANY_KEYS
    a, b = (pattern[:-1] if pattern[-1] == ANY_KEYS else pattern for pattern in (a, b))
    same_length = len(a) == len(b) or (len(a) < len(b) and open_a) or (len(b) < len(a) and open_b)
    both_fixed = (
        (x, y) for x, y in zip(a, b, strict=False) if isinstance(x, int) and isinstance(y, int)
    )
    return same_length and all(x == y for x, y in both_fixed)


def test_no_key_fits_two_streams() -> None:
    shared = [(a, b) for a, b in combinations(Stream, 2) if may_meet(a.value, b.value)]
    assert shared == []


@pytest.mark.parametrize(
    ("a", "b", "meet"),
    [
        ((5, "vm", "migration"), (5, "vm", 2), True),
        ((3, "vm", 0), (3, "vm", 1), False),
        ((3, "vm"), (3, "vm", 0), False),
        ((9, "fault", ANY_KEYS), (9, "fault", "link", 1), True),
    ],
)
def test_the_check_of_patterns_bites(
    a: tuple[int | str, ...], b: tuple[int | str, ...], meet: bool
) -> None:
    assert may_meet(a, b) is may_meet(b, a) is meet


def test_every_stream_has_one_consumer() -> None:
    used_in = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for name in re.findall(r"\bStream\.([A-Z_]+)", path.read_text("utf-8")):
            used_in[name].add(path.relative_to(PACKAGE).as_posix())
    del used_in["PLUG_IN"]  # named in docstrings; other distributions use it

    assert set(used_in) == {stream.name for stream in Stream} - {"PLUG_IN"}
    assert {name: files for name, files in used_in.items() if len(files) > 1} == {}


def test_nothing_else_makes_generators() -> None:
    makers = re.compile(r"default_rng|PCG64\(|np\.random\.(seed|RandomState)")
    found = [p.name for p in PACKAGE.rglob("*.py") if makers.search(p.read_text("utf-8"))]
    assert found == ["rng.py"]


def keys_of(stream: Stream, first: int) -> tuple[int, ...]:
    names = [part for part in stream.value if isinstance(part, str)]
    return tuple(range(first, first + len(names)))


def test_streams_with_different_keys_differ_and_equal_ones_do_not() -> None:
    draws = {
        (seed, stream, keys_of(stream, first)): RandomStreams(seed)
        .generator(stream, *keys_of(stream, first))
        .random()
        for seed in (0, 1)
        for stream in Stream
        for first in (0, 1, 2)
    }
    assert len(set(draws.values())) == len(draws)
    for (seed, stream, keys), draw in draws.items():
        assert RandomStreams(seed).generator(stream, *keys).random() == draw


def test_a_key_is_the_pattern_with_its_names_filled_in() -> None:
    assert spawn_key(Stream.WORKING_SETS, 7, 4) == (3, 7, 1, 4)
    assert spawn_key(Stream.FAULTS, 2, 5, 6) == (9, 2, 5, 6)


@pytest.mark.parametrize("keys", [(), (1,), (1, 2, 3)])
def test_a_wrong_number_of_keys_is_refused(keys: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="stream WRITES takes vm, migration"):
        RandomStreams(0).generator(Stream.WRITES, *keys)


def test_negative_numbers_have_keys_of_their_own() -> None:
    keys = [non_negative_key(number) for number in range(-5, 6)]
    assert min(keys) == 0
    assert len(set(keys)) == len(keys)
