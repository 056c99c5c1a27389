"""Messages: what is read is what was written, and nothing else is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strongroom.federate import Kind, Message, MessageError

ARRAYS: dict[str, np.ndarray[Any, Any]] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([], dtype=np.uint64),
    "c": np.array(7, dtype=np.int64),
}
MESSAGE = Message(Kind.TRAIN, "0f" * 16, 3, "n", {"weight": 2.5, "text": "ε"}, ARRAYS)


def test_what_is_written_is_read() -> None:
    read = Message.decode(MESSAGE.encode())
    assert (read.kind, read.job, read.round, read.nonce) == ("train", "0f" * 16, 3, "n")
    assert read.facts == MESSAGE.facts
    assert set(read.arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert read.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(read.arrays[name], array)
    assert read.encode() == MESSAGE.encode()


@pytest.mark.parametrize(
    "array",
    [np.array(["x"], dtype=object), np.array([True]), np.array([1j]), np.array([np.nan]),
     np.array([np.inf], dtype=np.float32)],
)  # fmt: skip
def test_what_may_not_leave(array: np.ndarray) -> None:
    with pytest.raises(MessageError):
        Message(Kind.TRAIN, arrays={"a": array}).encode()


def test_numbers_that_are_not_finite_are_refused_when_read() -> None:
    good = Message(Kind.TRAIN, arrays={"a": np.array([1.5], dtype=np.float32)}).encode()
    bad = good[:-4] + np.array([np.nan], dtype="<f4").tobytes()
    with pytest.raises(MessageError, match="finite"):
        Message.decode(bad)


def test_a_limit() -> None:
    with pytest.raises(MessageError, match="allowed"):
        Message.decode(MESSAGE.encode(), most=10)


@given(st.integers(0, len(MESSAGE.encode()) - 1))
def test_every_prefix_is_refused(cut: int) -> None:
    with pytest.raises(MessageError):
        Message.decode(MESSAGE.encode()[:cut])


@given(st.integers(0, len(MESSAGE.encode()) - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_read_as_what_it_says(place: int, change: int) -> None:
    data = bytearray(MESSAGE.encode())
    data[place] ^= change
    try:
        read = Message.decode(bytes(data))
    except MessageError:
        return
    assert read.encode() != MESSAGE.encode()


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(MessageError):
        Message.decode(data)
    with pytest.raises(MessageError):
        Message.decode(b"SRMSG1\n" + data)


def test_an_answer_belongs_to_its_request() -> None:
    answer = MESSAGE.answer({"done": True})
    assert answer.answers(MESSAGE)
    assert MESSAGE.refuse("no").answers(MESSAGE)
    assert not Message(Kind.TRAIN, "0f" * 16, 3, "other").answers(MESSAGE)
    assert not Message(Kind.KEYS, "0f" * 16, 3, "n").answers(MESSAGE)


def test_a_required_array() -> None:
    assert MESSAGE.require("a", "float32", (2, None)).shape == (2, 3)
    for name, kind, shape in [("z", "float32", (2, 3)), ("a", "float64", (2, 3)),
                              ("a", "float32", (6,)), ("a", "float32", (2, 4))]:  # fmt: skip
        with pytest.raises(MessageError):
            MESSAGE.require(name, kind, shape)
