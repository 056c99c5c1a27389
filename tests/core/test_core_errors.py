"""If this fails, people see a mistake of theirs without its place or its mend, or a traceback."""

from __future__ import annotations

import inspect

import pytest

from strongroom import errors
from strongroom.errors import (
    BudgetExceededError,
    InputError,
    MissingExtraError,
    RefusedError,
    StrongroomError,
    did_you_mean,
)
from strongroom.progress import SILENT

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, StrongroomError)
]


def test_an_error_says_what_where_and_how_each_on_its_line() -> None:
    error = InputError("unknown thing", where="a.toml:3", hint="use another")
    assert str(error).splitlines() == ["unknown thing", "  --> a.toml:3", "hint: use another"]


def test_lines_that_nobody_gave_are_left_out() -> None:
    assert str(InputError("unknown thing")) == "unknown thing"
    assert "-->" not in str(InputError("unknown thing", hint="use another"))


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_exit_code_tells_a_refusal_from_bad_input(kind: type[StrongroomError]) -> None:
    assert kind.exit_code == (1 if issubclass(kind, RefusedError) else 2)
    assert kind.__doc__


def test_overspending_is_a_refusal_of_the_policy() -> None:
    assert BudgetExceededError("no").exit_code == 1


def test_a_missing_package_names_the_extra_that_brings_it() -> None:
    error = MissingExtraError("torch", "train")
    assert "torch" in error.what
    assert error.hint == 'pip install "strongroom[train]"'


def test_a_near_word_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("epsillon", ["delta", "epsilon"]) == 'did you mean "epsilon"?'
    assert did_you_mean("zzz", ["delta", "epsilon"]) is None
    assert did_you_mean("epsilon", []) is None


def test_nobody_need_listen_to_progress() -> None:
    SILENT.step(1, 2, "half")
