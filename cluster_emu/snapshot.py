"""Copies of a whole object graph, with memory that is shared between its arrays still shared.

Pickle alone copies an array and a view of it apart, and refuses memory views. Columns of a model
are read and written through both, so a copy made in that way would lose every write through one of
them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from typing import Any, TypeVar

import cloudpickle
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
T = TypeVar("T")


def dumps(root: object) -> bytes:
    """Return an object and everything it refers to as bytes, which `pickle.loads` reads.

    The class of `root` may define `__reduce_ex__` by this function: that method is not called.

    Raises:
        pickle.PicklingError: if something in it cannot be copied.
        TypeError: likewise.
    """
    file = io.BytesIO()
    _Pickler(file, root).dump(root)
    return file.getvalue()


def copied(root: T) -> T:
    """Return a copy of an object and everything it refers to, at once.

    The memory of arrays is copied once, where `dumps` and `pickle.loads` would copy it three times.

    Raises:
        pickle.PicklingError: if something in it cannot be copied.
        TypeError: likewise.
    """
    file = io.BytesIO()
    arrays: list[pickle.PickleBuffer] = []
    _Pickler(file, root, arrays.append).dump(root)
    memory = [each.raw() for each in arrays]
    copies = [bytes(each) if each.readonly else bytearray(each) for each in memory]
    copy: T = pickle.loads(file.getbuffer(), buffers=copies)
    return copy


class _Pickler(cloudpickle.Pickler):
    """Pickles closures, too, which wait for their time in a model's event loop."""

    def __init__(
        self,
        file: io.BytesIO,
        root: object,
        keep: Callable[[pickle.PickleBuffer], None] | None = None,
    ) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL, buffer_callback=keep)
        self._root = root

    def reducer_override(self, obj: Any) -> Any:
        """Return how to make an object again, `NotImplemented` where pickle knows."""
        if obj is self._root:
            return object.__reduce_ex__(obj, pickle.HIGHEST_PROTOCOL)
        if isinstance(obj, memoryview):
            return memoryview, (_whole_array(obj),)
        if type(obj) is np.ndarray and isinstance(obj.base, np.ndarray) and obj.size:
            return _view, _place_in_memory(obj)
        return super().reducer_override(obj)


def _whole_array(view: memoryview) -> Array:
    array = view.obj
    if not isinstance(array, np.ndarray) or array.nbytes != view.nbytes:
        raise pickle.PicklingError("a memory view of something else than one whole array")
    return array


Place = tuple[Array, int, tuple[int, ...], tuple[int, ...], np.dtype[Any], bool]
"""The array that owns the memory, the offset in it, shape, strides, type, whether it is written."""


def _place_in_memory(view: Array) -> Place:
    owner = view
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    offset = view.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    return owner, offset, view.shape, view.strides, view.dtype, view.flags.writeable


def _view(*place: Any) -> Array:
    """Return the view of an array that stands at that `Place` in its memory."""
    owner, offset, shape, strides, dtype, writeable = place
    memory = owner.ravel(order="K")
    view: Array = np.ndarray(shape, dtype, buffer=memory, offset=offset, strides=strides)
    view.flags.writeable = writeable
    return view
