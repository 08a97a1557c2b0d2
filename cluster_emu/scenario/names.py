"""The names that hosts, VMs and racks have, and which of them a text means."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import AfterValidator, Field

from cluster_emu.errors import ScenarioError
from cluster_emu.numerals import MOST_WHOLE, whole_number

LONGEST_NAME = 300
MOST_SHOWN = 5
_PATTERN = re.compile(r"[*?\[]")


def _plain_name(name: str) -> str:
    if not name.strip() or not name.isprintable():
        raise ValueError(f"a name of 1 to {LONGEST_NAME} printable characters")
    return name


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_plain_name)]
"""The name of a host, VM or rack: one line of text."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names by number; a number that has no name is shown as such.

    Args:
        hosts: the name of each host, empty for one without; no element where no host has one.
        vms: likewise of each VM.
        racks: likewise of each rack.
    """

    hosts: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    racks: tuple[str, ...] = ()

    def host(self, number: int) -> str:
        """Return what a host is called in a message: ``host 3`` or ``host worker-17``."""
        return f"host {self.of_host(number)}"

    def vm(self, number: int) -> str:
        """Return what a VM is called in a message: ``VM 3`` or ``VM prod/db-3``."""
        return f"VM {self.of_vm(number)}"

    def of_host(self, number: int) -> str:
        """Return the name of a host, or else its number."""
        return _name(self.hosts, number)

    def of_vm(self, number: int) -> str:
        """Return the name of a VM, or else its number."""
        return _name(self.vms, number)

    def of_rack(self, number: int) -> str:
        """Return the name of a rack, or else its number."""
        return _name(self.racks, number)


def _name(names: Sequence[str], number: int) -> str:
    return (names[number] if 0 <= number < len(names) else "") or str(number)


def in_order(groups: Iterable[tuple[int, Sequence[str]]]) -> tuple[str, ...]:
    """Return the names of all members of groups, given as count and names; none if none has one."""
    names: list[str] = []
    some = False
    for count, given in groups:
        some = some or bool(given)
        names += list(given) or [""] * count
    return tuple(names) if some else ()


def check_unlike(field: str, names: Sequence[str]) -> None:
    """Refuse a name that is given twice.

    Raises:
        ValueError: naming it.
    """
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise ValueError(f"{field} with different names ({twice[0]!r} is given twice)")


def numbers_meant(field: str, texts: Iterable[str | int], names: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers that texts mean; each counts once.

    A text is a name, a pattern of names (``rack2-*``), a number, or several of these with commas
    between them. A name comes before a number.

    Args:
        field: what is asked for in an error: ``hosts``, ``vms`` or ``racks``.
        texts: the texts; numbers pass through.
        names: the names by number, see `Names`.

    Raises:
        ScenarioError: if a text is neither; it offers similar names.
    """
    place = {name: number for number, name in enumerate(names) if name}
    found: list[int] = []
    for text in texts:
        if isinstance(text, int):
            found.append(text)
            continue
        words = [text] if text in place else [word.strip(" ") for word in text.split(",")]
        for word in words:
            found += _meant(field, word, place)
    return tuple(dict.fromkeys(found))


def _meant(field: str, word: str, place: dict[str, int]) -> list[int]:
    if word in place:
        return [place[word]]
    if place and _PATTERN.search(word):
        matching = [number for name, number in place.items() if fnmatchcase(name, word)]
        if matching:
            return matching
    number = whole_number(word)
    if number is not None and 0 <= number <= MOST_WHOLE:
        return [number]
    if not place:
        raise ScenarioError(field, word, "whole numbers >= 0 with commas between them")
    near = get_close_matches(word, place, n=1)
    shown = ", ".join(list(place)[:MOST_SHOWN])
    more = f" and {len(place) - MOST_SHOWN} more" if len(place) > MOST_SHOWN else ""
    hint = f"; did you mean {near[0]!r}?" if near else ""
    allowed = f"names, patterns or numbers of {field}, such as {shown}{more}{hint}"
    raise ScenarioError(field, word, allowed)
