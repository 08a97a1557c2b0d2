"""Parts that are not of this package: what a cell's result depends on beside its version.

A policy of a script, or of another distribution, may be edited while its name stays. So the name of
a cell has, for each such part that it uses, a hash of the text of the modules that define it.
"""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

from cluster_emu.metrics.catalogue import Metric, metric_catalogue
from cluster_emu.plugins import families, is_own

DIGITS = 20

ADDRESS = re.compile(r" at 0x[0-9a-f]+")
"""Where an object is in memory, in its representation."""

PLAIN = (bool, int, float, str, bytes, tuple, type(None))


@dataclass(frozen=True, slots=True)
class ForeignPart:
    """A part that this package does not have.

    Args:
        name: its registered name.
        code: the text of what defines it.
        identity: the distribution that declares it, if one does, and a hash of the code.
        always: whether every run uses it, as it does a metric.
    """

    name: str
    code: str
    identity: str
    always: bool = False


class ForeignParts:
    """The parts that this package does not have, as they are when this is made."""

    def __init__(self) -> None:
        self._parts = {
            f"{family} {name}": _foreign(name, part, registry.declared_by(name))
            for family, registry in families().items()
            for name, part in registry.foreign().items()
        }
        for metric in metric_catalogue:
            declared_by = metric_catalogue.declared_by(metric.name)
            if declared_by or not (metric.value is None or is_own(metric.value)):
                part = _foreign(metric.name, metric.value, declared_by, metric)
                self._parts[f"metrics {metric.name}"] = part

    def used_in(self, text: str) -> dict[str, str]:
        """Return what the parts are that a text, or the code of one of these parts, names.

        Args:
            text: a scenario.
        """
        found: dict[str, str] = {}
        texts = [text, *(part.code for part in self._parts.values() if part.always)]
        while texts:
            one = texts.pop()
            for key, part in self._parts.items():
                if key not in found and (part.always or _names(one, part.name)):
                    found[key] = part.identity
                    texts.append(part.code)
        return found


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _foreign(name: str, part: Any, declared_by: str, metric: Metric | None = None) -> ForeignPart:
    code = "\n".join([*_code(part), *([] if metric is None else [_settled(metric)])])
    digest = hashlib.sha256(code.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return ForeignPart(name, code, f"{declared_by} {digest}".strip(), metric is not None)


def _code(part: Any) -> Iterator[str]:
    """Yield the text of the modules of a part and of those that it inherits from."""
    if not isinstance(part, type | FunctionType):
        yield _settled(part)
        part = getattr(part, "func", type(part))  # of a partial function
    seen: set[ModuleType | None] = set()
    for each in part.__mro__ if isinstance(part, type) else (part,):
        module = sys.modules.get(each.__module__)
        top = each.__module__.partition(".")[0]
        if module in seen or is_own(each) or (top in sys.stdlib_module_names and top != "__main__"):
            continue
        text = None if module is None else _source(module)
        if text is None:
            yield "\n".join(_loaded(each))
        else:
            seen.add(module)
            yield text


def _source(what: Any) -> str | None:
    try:
        return inspect.getsource(what)
    except (OSError, TypeError):
        return None


def _loaded(part: Any) -> Iterator[str]:
    """Yield what is known of a part without a file, such as one of a notebook."""
    try:
        yield _settled(inspect.signature(part))
    except (TypeError, ValueError):
        yield part.__qualname__
    for name, value in sorted(vars(part).items()) if isinstance(part, type) else [("", part)]:
        inner = getattr(value, "__func__", getattr(value, "fget", value))
        if isinstance(inner, FunctionType):
            yield f"{name} {_source(inner) or _compiled(inner.__code__)}"
        elif isinstance(value, PLAIN) and name not in ("__module__", "__firstlineno__"):
            yield f"{name} {value!r}"


def _compiled(code: CodeType) -> str:
    constants = [
        _compiled(each)
        if isinstance(each, CodeType)
        else repr(sorted(map(repr, each)))  # the order of a set differs between processes
        if isinstance(each, frozenset)
        else repr(each)
        for each in code.co_consts
    ]
    return f"{code.co_code.hex()} {code.co_names} {constants}"


def _settled(value: object) -> str:
    """Return a representation that is the same in every process."""
    return ADDRESS.sub("", repr(value))
