"""If this fails, an attack falls over a poor target, or measures what nobody can judge.

What any attack of the seam `strongroom.attacks` must hold, ours and a stranger's: pass its class to
`conforms`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from strongroom.attacks import (
    BUILTIN,
    Attack,
    Measured,
    NotEvaluable,
    RocResult,
    Rows,
    Situation,
    about,
    load_attack,
)
from strongroom.attacks._situation import EFFORTS, KINDS
from strongroom.audit import METRICS
from strongroom.config import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SPEC = TrainSpec(model="mlp", hidden=(4,), epochs=2, batch_size=8, average=False)


class Target:
    """A `Model` that answers every row by one rule."""

    classes = ("no", "yes")

    def __init__(self, answer: Callable[[NDArray[Any]], NDArray[np.float32]]) -> None:
        self._answer = answer

    def predict_proba(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Model`."""
        return self._answer(batch)


def _constant(batch: NDArray[Any]) -> NDArray[np.float32]:
    return np.full((len(batch), 2), 0.5, np.float32)


def _certain(batch: NDArray[Any]) -> NDArray[np.float32]:
    return np.tile(np.asarray([1, 0], np.float32), (len(batch), 1))


def _nothing(batch: NDArray[Any]) -> NDArray[np.float32]:
    return np.full((len(batch), 2), np.nan, np.float32)


TARGETS = {"constant": _constant, "certain": _certain, "NaN": _nothing}


def rows(count: int, seed: int) -> Rows:
    coins = np.random.default_rng(seed)
    inputs = coins.normal(size=(count, 3)).astype(np.float32)
    return Rows(inputs, coins.integers(0, 2, count))


def situation(answer: str, count: int) -> Situation:
    members, others = rows(count, 1), rows(count, 2)
    tables = [
        pa.table({"a": r.inputs[:, 0], "b": r.inputs[:, 1], "c": r.inputs[:, 2], "y": r.labels})
        for r in (members, others)
    ]
    return Situation(
        Target(TARGETS[answer]),
        members,
        others,
        SPEC,
        effort="quick",
        member_table=tables[0],
        table=tables[1],
        labels=others.labels,
        shadows=4,
        most_rows=50,
        most_evasion_rows=5,
    )


def conforms(attack: Attack, name: str) -> None:
    """Check what every attack must hold."""
    said = about(attack)
    assert attack.name == name
    assert set(said.kinds) <= set(KINDS)
    assert set(said.presets) <= set(EFFORTS)
    assert said.metrics, "an attack names what it measures, so that what it couldn't is named too"
    room = name.split(".", maxsplit=1)[0]
    for metric in said.metrics:
        assert metric.split(".")[0] == room
    if "table" not in said.kinds:
        return
    for answer in TARGETS:
        for count in (0, 5, 60):
            result = attack.run(situation(answer, count))
            if isinstance(result, NotEvaluable):
                assert len(result.reason.split()) > 3, "a reason is a sentence for people"
            elif isinstance(result, Measured):
                assert {v.metric for v in result.values} <= set(said.metrics)
            elif isinstance(result, RocResult):
                assert 0 <= result.auc <= 1


@pytest.mark.parametrize("name", BUILTIN)
def test_ours_conform(name: str) -> None:
    attack = load_attack(name)
    conforms(attack, name)
    assert set(about(attack).metrics) <= set(METRICS)


@pytest.mark.parametrize("name", [n for n in BUILTIN if n.startswith("membership.")])
def test_a_model_that_says_the_same_of_everybody_is_not_accused(name: str) -> None:
    """Every score is a tie: there is nothing to go by, or no better than chance."""
    if "table" not in about(load_attack(name)).kinds:
        pytest.skip("not of tables")
    result = load_attack(name).run(replace(situation("constant", 60), shadows=8))
    if isinstance(result, RocResult):
        assert result.auc_low <= 0.5
