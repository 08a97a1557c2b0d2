"""JSON that others wrote: an object that gives a key twice says two things, so it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster_emu.errors import ScenarioError


def check_keys(content: bytes, file: Path) -> None:
    """Check that no object of a JSON document gives a key twice.

    What is no JSON passes; the parser that reads the document says so.

    Raises:
        ScenarioError: naming the file and the key.
    """

    def once(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ScenarioError("key", key, "every key of an object once", file=file)
            seen.add(key)

    try:
        json.loads(content, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return
