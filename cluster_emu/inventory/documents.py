"""The files of a dump, and lenient access to what is in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError
from cluster_emu.input_files import MIB, is_too_deep, read_input
from cluster_emu.scenario.names import LONGEST_NAME
from cluster_emu.shown_text import visible

MOST_DUMP_BYTES = 1024 * MIB
MOST_SHOWN = 6

_JSON = re.compile(r"\s*(?:\{|\[\s*(?:[\[{\"\]\d-]|true\b|false\b|null\b|$))")
_WORD = re.compile(r"[A-Za-z0-9_.:/-]{1,60}")


@dataclass(frozen=True)
class DumpFile:
    """A file of a dump.

    Args:
        path: where it is.
        text: what is in it.
    """

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> DumpFile:
        """Read a file in UTF-8.

        Raises:
            ScenarioError: if it cannot be read, is empty, or is no text.
        """
        try:
            text = read_input(path, MOST_DUMP_BYTES).decode("utf-8-sig")
        except OSError as error:
            reason = error.strerror or "unreadable"
            raise ScenarioError("file", str(path), f"a readable file ({reason})") from error
        except UnicodeDecodeError as error:
            raise ScenarioError("file", str(path), f"text in UTF-8 ({error.reason})") from error
        if not text.strip():
            raise ScenarioError("file", str(path), "a file with something in it")
        return cls(path, text)

    @property
    def looks_like_json(self) -> bool:
        """Whether the text begins as JSON does."""
        return _JSON.match(self.text) is not None

    @property
    def looks_like_xml(self) -> bool:
        """Whether the text begins as XML does."""
        return self.text.lstrip()[:1] == "<"

    @property
    def described(self) -> str:
        """What the file looks like; an error must not show what is in it, such as a password."""
        if self.looks_like_json:
            return "JSON of another kind"
        return "XML" if self.looks_like_xml else "text that is not JSON"

    def json(self) -> list[Any]:
        """Return the JSON documents of the file, one after the other.

        Raises:
            ScenarioError: if it is not JSON, or too deep.
        """
        decoder = json.JSONDecoder(strict=False)  # control characters in texts are escaped later
        found: list[Any] = []
        place = 0
        try:
            while (place := _after_space(self.text, place)) < len(self.text):
                document, place = decoder.raw_decode(self.text, place)
                found.append(document)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            raise self.error("content", where, f"JSON ({error.msg})") from error
        except (RecursionError, ValueError) as error:
            raise self.error("content", "JSON that is too deep or large", "plain JSON") from error
        if any(is_too_deep(document) for document in found):
            raise self.error("content", "JSON that is too deep", "plain JSON")
        return found

    def error(self, field: str, value: object, allowed: str) -> ScenarioError:
        """Return an error about something in this file."""
        return ScenarioError(field, value, allowed, file=self.path)


def _after_space(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place


def at(data: Any, *path: str) -> Any:
    """Return what is in nested tables under these keys, None where there is no such thing."""
    for key in path:
        if not isinstance(data, dict):
            return None
        data = data.get(key)
    return data


def table(data: Any, *path: str) -> dict[str, Any]:
    """Return the table under these keys, an empty one where there is none."""
    found = at(data, *path)
    return found if isinstance(found, dict) else {}


def tables(data: Any, *path: str) -> Iterator[dict[str, Any]]:
    """Yield the tables in the list under these keys."""
    found = at(data, *path)
    for item in found if isinstance(found, list) else ():
        if isinstance(item, dict):
            yield item


def text(data: Any, *path: str) -> str:
    """Return the text under these keys, empty where there is none; control characters escaped."""
    found = at(data, *path)
    return plain(found) if isinstance(found, str) else ""


def plain(value: str) -> str:
    """Return a text as a name: printable, without space around it, not too long."""
    shown = visible(value.strip())
    if not shown.isprintable():  # such as a narrow space
        shown = "".join(letter if letter.isprintable() else "?" for letter in shown)
    return shown if len(shown) <= LONGEST_NAME else shown[: LONGEST_NAME - 3] + "..."


def word(data: Any, *path: str) -> str:
    """Return the one word under these keys, such as a reason; empty where there is other text."""
    found = text(data, *path)
    return found if _WORD.fullmatch(found) else ""


def flag(data: Any, *path: str) -> bool | None:
    """Return the truth value under these keys, also where it is written as text."""
    found = at(data, *path)
    if isinstance(found, bool):
        return found
    if isinstance(found, str) and found.strip().lower() in ("true", "false", "yes", "no"):
        return found.strip().lower() in ("true", "yes")
    return {0: False, 1: True}.get(found) if isinstance(found, int) else None


def labels(data: Any, *path: str) -> dict[str, str]:
    """Return a table of texts, such as labels."""
    found = table(data, *path)
    return {str(key): value for key, value in found.items() if isinstance(value, str)}


def named(values: list[str]) -> str:
    """Return the first names of a list, and how many more there are."""
    more = f" and {len(values) - MOST_SHOWN} more" if len(values) > MOST_SHOWN else ""
    return ", ".join(values[:MOST_SHOWN]) + more
