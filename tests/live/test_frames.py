"""Frames survive the way to the page, and hold what JSON can hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from cluster_emu.live.frames import ALIGNMENT, Frame, to_json


def test_a_frame_is_read_as_it_was_packed() -> None:
    arrays = {
        "bytes": np.array([0, 255, 7], dtype=np.uint8),
        "whole": np.array([-1, 2**31 - 1], dtype=np.int32),
        "rates": np.array([0.5, 1e9, -3.0], dtype=np.float32),
        "exact": np.array([math.pi]),
        "none": np.zeros(0, dtype=np.int32),
    }
    frame = Frame({"time_s": 1.25, "text": "naïve <b>"}, arrays)

    read = Frame.unpack(frame.pack())

    assert read.header == frame.header
    assert list(read.arrays) == list(arrays)
    for name, array in arrays.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)


def test_arrays_begin_where_a_typed_array_may() -> None:
    data = Frame(
        {"x": "é"}, {"a": np.ones(3, dtype=np.uint8), "b": np.ones(2, dtype=np.float64)}
    ).pack()
    header = int.from_bytes(data[4:8], "little")

    assert header % ALIGNMENT == 0
    assert len(data) == 8 + header + 8 + 16
    assert np.frombuffer(data, "<f8", 2, 8 + header + 8).tolist() == [1.0, 1.0]


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(ValueError, match="'x' of int64"):
        Frame({}, {"x": np.array([1])}).pack()


def test_bytes_that_are_no_frame_are_refused() -> None:
    with pytest.raises(ValueError, match="CEF1"):
        Frame.unpack(b"GIF89a..")


def test_numbers_that_json_lacks_are_null() -> None:
    text = to_json({1: [math.nan, math.inf, np.float64(2.5), np.int64(3)], "a": np.arange(2)})

    assert json.loads(text) == {"1": [None, None, 2.5, 3], "a": [0, 1]}
