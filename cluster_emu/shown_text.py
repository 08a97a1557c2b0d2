"""Text from users as it is shown: on terminals, in messages, notebooks and pictures."""

from __future__ import annotations

import unicodedata

_KEPT = ("Zs",)
"""Categories of Unicode that `str.isprintable` refuses although they only take up space."""


def visible(text: str) -> str:
    r"""Return a text in which no letter acts on the terminal or page that shows it.

    Control characters, line breaks, marks of the direction of writing, and other characters that
    have no shape of their own become escapes: ``\x1b``, ``\n``, ``\u202e``. A text without them is
    returned as it is.
    """
    if text.isprintable():
        return text
    return "".join(letter if _has_shape(letter) else _escape(letter) for letter in text)


def _has_shape(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) in _KEPT


def _escape(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
