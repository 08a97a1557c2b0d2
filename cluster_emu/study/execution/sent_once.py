"""What many calls have in common, such as a scenario: pickled once, and unpickled once a process.

A pool pickles every call on its own. Cells of a study come setting by setting, and all cells of a
setting have one scenario, of which pickling and unpickling take longer than all else that is sent.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import cloudpickle

T = TypeVar("T")
R = TypeVar("R")

KEPT = 8
"""So many are kept in pickled form, and in each process unpickled: those of a few settings."""


@dataclass(frozen=True, slots=True, eq=False)
class SentOnce(Generic[T]):
    """A value that goes with many calls; a process that gets it again has it already.

    Args:
        value: the value; nobody changes it.
    """

    value: T

    def __reduce__(self) -> tuple[Callable[[bytes], SentOnce[T]], tuple[bytes]]:
        return _received, (_pickled(self),)


def sent_once(values: list[T]) -> list[SentOnce[T]]:
    """Return values to send; of those that are one object, one."""
    made: dict[int, SentOnce[T]] = {}
    return [made.setdefault(id(value), SentOnce(value)) for value in values]


def with_value(work: Callable[..., R], sent: SentOnce[Any], *rest: Any, **more: Any) -> R:
    """Do some work on a value that was sent."""
    return work(sent.value, *rest, **more)


@lru_cache(maxsize=KEPT)
def _pickled(sent: SentOnce[Any]) -> bytes:
    data: bytes = cloudpickle.dumps(sent.value)
    return data


@lru_cache(maxsize=KEPT)
def _received(data: bytes) -> SentOnce[Any]:
    return SentOnce(pickle.loads(data))
