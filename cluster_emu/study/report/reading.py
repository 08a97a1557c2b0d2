"""Reports read back from the JSON that was saved."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from cluster_emu.errors import ScenarioError
from cluster_emu.field_errors import from_validation
from cluster_emu.input_files import MOST_JSON_BYTES, read_input
from cluster_emu.json_input import check_keys

T = TypeVar("T")


def read_report(kind: type[T], path: Path) -> T:
    """Return the report in a JSON file.

    Args:
        kind: which report it is, such as `ComparisonReport`.
        path: the file.

    Raises:
        ScenarioError: if the file is not there, is no JSON or not such a report; it names the file
            and the key.
    """
    try:
        content = read_input(path, MOST_JSON_BYTES)
        check_keys(content, path)
        return TypeAdapter(kind).validate_json(content)
    except ValidationError as error:
        raise from_validation(error, kind).at(file=path) from error
    except OSError as error:
        allowed = f"a file that can be read ({error.strerror})"
        raise ScenarioError("file", path.name, allowed, file=path) from error
