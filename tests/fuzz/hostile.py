"""Values that break programs: limits of numbers, words with a meaning elsewhere, deep nests."""

from __future__ import annotations

import math
import string
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from random import Random
from typing import Any

WHOLE = (0, 1, -1, 2, 3, 7, 16, 17, 255, 256, 300, 2**31 - 1, 2**31, 2**32, 2**53 + 1)
HUGE_WHOLE = (2**60, 2**62, 2**63 - 1, 2**63, 2**64, 10**20, 10**38, -(2**63), 3 * 10**8, 10**400)
FRACTIONS = (0.0, -0.0, 0.5, 0.999999999999, 1.0, 1.5, -0.5, 2.0, 3.7, 10.0, 100.0)
TINY = (5e-324, 1e-310, 1e-300, 1e-100, 1e-18, 1e-12, 1e-9, 1e-6, 1e-3)
HUGE = (1e9, 1e12, 1e15, 1e18, 1e20, 1e30, 1e100, 1e300, 1.7e308, -1e300)
NO_NUMBERS = (math.nan, math.inf, -math.inf, True, False)

QUANTITIES = (
    "1e999999999 s",
    "1e400 s",
    "1e-999999999 s",
    "1e308 TiB",
    "1e999999999",
    "-1e999999999 GiB",
    "9" * 400,
    "9" * 5000 + " B",
    "1_0",
    "1_0 s",
    "0x10",
    "0b1",
    "²",
    "5² s",
    "٣ s",
    "१०",
    "½ GiB",
    "Ⅷ",
    "1,5 s",
    "1 s s",
    "s",
    " 5  s ",
    "5s",
    "5 µs",
    "+5 s",
    "--5",
    "5 Gbit",
    "1/0",
    "NaN",
    "nan s",
    "inf",
    "Infinity s",
    "-0 s",
    "1e-320 bit/s",
    "1e-12 s",
    "1 us",
    "1000000 d",
    "true",
)
WORDS = (
    "",
    " ",
    ".",
    "..",
    "none",
    "unlimited",
    "None",
    "null",
    "all",
    "[/]",
    "[red]",
    "[red]x[/red]",
    "[link=file:///etc/passwd]x",
    "\x1b]0;title\x07\x1b[2J",
    "\x1b[31mred\x1b[0m",
    "a\x00b",
    "a\rb",
    "\x7f\x80\x9b31m",
    "line\nline",
    "\u202eright to left",
    "\ufeff",
    "e\u0301",
    "💥",
    "=1+1",
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1",
    "-1",
    "../../outside",
    "/tmp/outside-of-all",
    "a/b",
    "a\\b",
    "~",
    "${HOME}",
    "$(touch PWNED)",
    "`touch PWNED`",
    "__import__('os').system('touch PWNED')",
    "{0.__class__}",
    "%s%n%d",
    "{}",
    "[]",
    "{",
    "'",
    '"',
    "a,b",
    "a:b=c",
    ":",
    "=",
    ":=",
    "a:=",
    "x" * 256,
    "x" * 5000,
    "é" * 200,
    "self",
    "name",
    "kind",
    "__init__",
    "con",
    "-",
    "--help",
    "\ud7ff",
)
"""Texts that are a path, a format, markup, a formula or code somewhere else."""

KEYS = (
    "name",
    "kind",
    "self",
    "cls",
    "node_for_adding",
    "__class__",
    "model_config",
    "model_fields",
    "",
    " ",
    "a.b",
    "[/]",
    "\x1b[31m",
    "x" * 300,
    "0",
    "-1",
    "count",
    "host",
)
TIMES = (date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time_of_day(12, 30))


def nest(depth: int, *, tables: bool) -> Any:
    """Return a list in a list in a list, or a table in a table."""
    value: Any = {} if tables else []
    for _ in range(depth):
        value = {"a": value} if tables else [value]
    return value


def number(random: Random) -> Any:
    """Return a number at or beyond some limit, or something that is no number at all."""
    kinds = (WHOLE, HUGE_WHOLE, FRACTIONS, TINY, HUGE, NO_NUMBERS)
    return random.choice(random.choices(kinds, weights=(4, 2, 4, 2, 2, 2))[0])


def text(random: Random) -> str:
    """Return a text that means something to some program, or that is made at random."""
    draw = random.random()
    if draw < 0.4:
        return random.choice(WORDS)
    if draw < 0.8:
        return random.choice(QUANTITIES)
    if draw < 0.9:
        return "".join(random.choices(string.printable, k=random.randrange(1, 20)))
    return "".join(chr(random.choice((random.randrange(1, 0xD800), 0x1F600))) for _ in range(8))


def structure(random: Random) -> Any:
    """Return a list, a table or a time where something else is expected."""
    return random.choice(
        (
            [],
            {},
            [[]],
            [{}],
            [None],
            [0, "0", 0.0],
            {"name": "x"},
            {"name": 5},
            {"name": []},
            {"name": {"name": "star"}},
            {"kind": None},
            [number(random)],
            [text(random), number(random)],
            {random.choice(KEYS): number(random)},
            {text(random): text(random)},
            [1] * 1000,
            nest(20, tables=False),
            nest(20, tables=True),
            nest(random.choice((99, 300, 1500)), tables=random.random() < 0.5),
            *TIMES,
        )
    )


def value(random: Random) -> Any:
    """Return anything of the above."""
    return random.choices((number, text, structure), weights=(5, 4, 2))[0](random)


def neighbour(random: Random, good: Any) -> Any:
    """Return a value near a good one: scaled, negated, as text, in a list, twice."""
    if isinstance(good, int | float) and not -1e300 < good < 1e300:
        return number(random)  # its arithmetic overflows
    options: list[Any] = [[good], {"name": good}, str(good), [good, good], None, repr(good)]
    if isinstance(good, bool):
        options += [not good, int(good), str(good).lower()]
    elif isinstance(good, int | float):
        options += [good + 1, good - 1, -good, good * 2, good / 3, float(good), f"{good}"]
        options += [good * 1e6, good * 1e-6, int(good), f"{good} s", f"{good} B", f"{good} bit/s"]
        options += [good * 3, good / 7, good * 0.9999999, random.uniform(0, 2) * good]
    elif isinstance(good, str):
        options += [good.upper(), f" {good} ", good[:-1], good + good, good + ":", good + ":a=1"]
        options += [good + random.choice(WORDS), random.choice(WORDS) + good, f"{good}\x00"]
    elif isinstance(good, list):
        options += [good[:-1], good + good, good * 50, good[0] if good else 0]
    elif isinstance(good, dict):
        options += [list(good), {**good, random.choice(KEYS): value(random)}, {}]
    return random.choice(options)
