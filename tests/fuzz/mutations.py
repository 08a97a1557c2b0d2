"""Changes to an input: of its values, keys and shape, of its text, and of its bytes."""

from __future__ import annotations

import codecs
import copy
import gzip
from random import Random
from typing import Any

from tests.fuzz import hostile

Place = tuple[Any, ...]
"""The keys and indices that lead to a value in nested tables and lists."""


def places(data: Any, limit: int = 2000) -> list[Place]:
    """Return where there are values, the top left out; tables and lists count as values, too."""
    found: list[Place] = []
    todo: list[tuple[Place, Any]] = [((), data)]
    while todo and len(found) < limit:
        place, value = todo.pop()
        if place:
            found.append(place)
        items = value.items() if isinstance(value, dict) else ()
        items = enumerate(value) if isinstance(value, list) else items
        todo += [((*place, key), each) for key, each in items]
    return found


def at(data: Any, place: Place) -> Any:
    """Return the value at a place."""
    for key in place:
        data = data[key]
    return data


def mutate_tree(random: Random, data: Any) -> str:
    """Change one thing in nested tables and lists; return what, in words."""
    known = places(data)
    if not known:
        return "nothing to change"
    place = random.choice(known)
    parent, key = at(data, place[:-1]), place[-1]
    where = ".".join(str(each) for each in place)
    good = parent[key]
    draw = random.random()
    if draw < 0.35:
        is_number = isinstance(good, int | float) and random.random() < 0.6
        parent[key] = hostile.number(random) if is_number else hostile.value(random)
        return f"{where} = {short(parent[key])}"
    if draw < 0.65:
        parent[key] = hostile.neighbour(random, good)
        return f"{where} = {short(parent[key])} instead of {short(good)}"
    if draw < 0.75:
        del parent[key]
        return f"without {where}"
    if draw < 0.85:
        other = random.choice(known)
        try:
            parent[key] = copy.deepcopy(at(data, other))
        except (KeyError, IndexError, TypeError, RecursionError):
            return "nothing changed"
        return f"{where} = what is at {'.'.join(map(str, other))}"
    if isinstance(parent, dict):
        name = random.choice((*hostile.KEYS, str(key) + "s", str(key).upper(), str(key)[:-1]))
        if draw < 0.92:
            parent[name] = parent.pop(key)
            return f"{where} is called {short(name)}"
        parent[name] = hostile.value(random)
        return f"{short(name)} = {short(parent[name])} beside {where}"
    parent.insert(random.randrange(len(parent) + 1), copy.deepcopy(good))
    return f"{where} twice"


def short(value: Any) -> str:
    """Return a value in at most 120 characters; one that is nested too deep is called so."""
    try:
        words = ascii(value)
    except (RecursionError, ValueError):
        return "a deep nest or a number of very many digits"
    return words if len(words) <= 120 else words[:117] + "..."


INSERTED = (
    b"\x00",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\xc3\x28",
    b"\x1b[2J",
    codecs.BOM_UTF8,
    b"\r",
    b"\xe2\x80\xae",
    b"[" * 3000,
    b"{a=" * 3000,
    b'"' * 3,
    b"\\",
    b"9" * 5000,
    "²".encode(),
    b"a.b.c.d.e = 1\n",
    b"a." * 3000 + b"a = 1\n",
    b"[[a]]\n",
    b"# comment\n",
    b"=1+1",
    b"1e999999999",
    b"-",
    b"nan",
)


def mutate_bytes(random: Random, content: bytes) -> tuple[bytes, str]:
    """Change the text or the bytes of a file; return them and what was changed, in words."""
    kinds = (_flip, _cut, _truncate, _insert, _repeat_line, _swap_lines, _replace_word, _recode)
    weights = (3, 3, 2, 4, 2, 1, 4, 1)
    return random.choices(kinds, weights=weights)[0](random, content)


def _flip(random: Random, content: bytes) -> tuple[bytes, str]:
    changed = bytearray(content or b"\n")
    places = [random.randrange(len(changed)) for _ in range(random.choice((1, 1, 4)))]
    for place in places:
        changed[place] ^= 1 << random.randrange(8)
    return bytes(changed), f"bits flipped in bytes {places}"


def _cut(random: Random, content: bytes) -> tuple[bytes, str]:
    start = random.randrange(len(content) + 1)
    end = min(len(content), start + random.choice((1, 2, 8, 64, 1000)))
    return content[:start] + content[end:], f"without bytes {start} to {end}"


def _truncate(random: Random, content: bytes) -> tuple[bytes, str]:
    end = random.choice((0, 1, len(content) // 2, max(0, len(content) - 1)))
    return content[:end], f"only the first {end} bytes"


def _insert(random: Random, content: bytes) -> tuple[bytes, str]:
    piece, start = random.choice(INSERTED), random.randrange(len(content) + 1)
    if random.random() < 0.5:  # at the start of a line
        start = content.rfind(b"\n", 0, start) + 1
    return content[:start] + piece + content[start:], f"{short(piece)} at byte {start}"


def _repeat_line(random: Random, content: bytes) -> tuple[bytes, str]:
    lines = content.splitlines(keepends=True) or [b"\n"]
    place = random.randrange(len(lines))
    lines[place] *= random.choice((2, 2, 300))
    return b"".join(lines), f"line {place + 1} again"


def _swap_lines(random: Random, content: bytes) -> tuple[bytes, str]:
    lines = content.splitlines(keepends=True) or [b"\n"]
    one, other = random.randrange(len(lines)), random.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return b"".join(lines), f"lines {one + 1} and {other + 1} swapped"


def _replace_word(random: Random, content: bytes) -> tuple[bytes, str]:
    """Put a hostile value in place of what stands between two delimiters."""
    delimiters = b" \n=,:;<>[]{}\"'"
    starts = [i for i, byte in enumerate(content) if byte in delimiters]
    if not starts:
        return _insert(random, content)
    start = random.choice(starts) + 1
    end = next((i for i in range(start, len(content)) if content[i] in delimiters), len(content))
    value = random.choice((hostile.text(random), hostile.number(random)))
    word = str(value) if not isinstance(value, int) or value.bit_length() < 10_000 else hex(value)
    changed = content[:start] + word.encode("utf-8", "surrogatepass") + content[end:]
    return changed, f"{short(word)} for {short(content[start:end])}"


def _recode(random: Random, content: bytes) -> tuple[bytes, str]:
    text = content.decode("latin-1")
    kind = random.choice(("utf-16", "utf-32", "latin-1 é", "CRLF", "CR", "BOM", "gzip"))
    changed = {
        "utf-16": lambda: text.encode("utf-16"),
        "utf-32": lambda: text.encode("utf-32"),
        "latin-1 é": lambda: content.replace(b"a", b"\xe9", 1),
        "CRLF": lambda: content.replace(b"\n", b"\r\n"),
        "CR": lambda: content.replace(b"\n", b"\r"),
        "BOM": lambda: codecs.BOM_UTF8 * 2 + content,
        "gzip": lambda: gzip.compress(content, mtime=0),
    }[kind]()
    return changed, f"as {kind}"
