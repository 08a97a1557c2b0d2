"""Names of files from names that a user gave to scenarios, studies and parts."""

from __future__ import annotations

import hashlib

MOST_BYTES = 200
"""Bytes of a name; file systems allow 255, of which an ending and a temporary mark take some."""

_KEPT = frozenset(" ._-+=,()@~")
"""What a name may have besides letters and digits, though not at its start or end."""
_AT_NO_END = frozenset(" .~-")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))]
)
"""Names that Windows takes for devices, also with an ending."""
_DIGEST_DIGITS = 16


def file_name(name: str) -> str:
    """Return the name of a file, without its ending, for something that a user has named.

    It names a file in the folder that it is joined to, never another place. Two names have two file
    names. Letters, digits and some signs stay. All else, and a dot, dash or blank at an end,
    becomes ``%`` and its bytes in UTF-8, as in URLs: ``../x`` becomes ``%2E.%2Fx``. A long name is
    cut and ends with a hash of the whole.
    """
    last = len(name) - 1
    escaped = "".join(
        letter if _is_kept(letter, at_end=place in (0, last)) else _percent(letter)
        for place, letter in enumerate(name)
    )
    if escaped.partition(".")[0].rstrip().lower() in _DEVICES:
        escaped = _percent(escaped[0]) + escaped[1:]
    if len(escaped.encode()) > MOST_BYTES:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_DIGITS]
        start = escaped.encode()[: MOST_BYTES - _DIGEST_DIGITS - 1].decode("utf-8", "ignore")
        return f"{start}%{digest}"
    return escaped or "%"


def is_file_name(name: str) -> bool:
    """Return whether a name that a file gives is one of an entry of the same folder."""
    return name not in ("", ".", "..") and not set(name) & set("/\\\0")


def _is_kept(letter: str, *, at_end: bool) -> bool:
    if letter.isalnum():
        return True
    return letter in _KEPT and not (at_end and letter in _AT_NO_END)


def _percent(letter: str) -> str:
    return "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogatepass"))
