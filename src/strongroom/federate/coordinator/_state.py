"""What a coordinator keeps after every round, so that one that was killed goes on there."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.errors import InputError, TamperedError
from strongroom.vault import canonical_json, strict_json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate._recipe import Recipe
    from strongroom.train import Checkpointer

_FACTS = "facts"
_STRATEGY = "strategy."


@dataclass
class JobState:
    """A job between two rounds.

    Attributes:
        parameters: float64 [d].
        summed: float64 [d], of the parameters after each round of the last half.
        counted: how many those are.
        strategy: what the strategy remembers.
        done: the last round that is over.
        begun: the last round that sites were asked to train for.
        rounds: what is known of each round, as JSON values.
        members: name to what a site agreed to, as JSON values.
        refusals: who said no, when and why.
        seconds: that all runs of the job took so far.
    """

    parameters: NDArray[np.float64]
    summed: NDArray[np.float64]
    counted: int = 0
    strategy: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    done: int = 0
    begun: int = 0
    rounds: list[dict[str, Any]] = field(default_factory=list)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0


_ARRAYS = ("parameters", "summed", "strategy")


def save(store: Checkpointer, recipe: Recipe, state: JobState) -> None:
    """Keep the state; the store seals it and replaces what was kept, whole or not at all."""
    plain = {k: v for k, v in asdict(state).items() if k not in _ARRAYS}
    content = canonical_json({**plain, "recipe": recipe.digest()})
    arrays: dict[str, NDArray[Any]] = {
        _FACTS: np.frombuffer(content, np.uint8),
        "parameters": state.parameters,
        "summed": state.summed,
        **{_STRATEGY + k: v for k, v in state.strategy.items()},
    }
    store.save(arrays, state.done)


def load(store: Checkpointer, recipe: Recipe, size: int) -> JobState | None:
    """Return the state that was kept, or None.

    Raises:
        InputError: another job's state is there.
        TamperedError: it can't be this job's.
    """
    kept = store.load()
    if kept is None:
        return None
    arrays, _ = kept
    try:
        facts = strict_json(arrays.pop(_FACTS).tobytes())
        if facts.pop("recipe") != recipe.digest():
            raise InputError(
                "another job stands unfinished here",
                hint="finish it with its own recipe, or clear it first: its rounds are lost then",
            )
        state = JobState(
            arrays["parameters"].astype(np.float64),
            arrays["summed"].astype(np.float64),
            strategy={
                k.removeprefix(_STRATEGY): v for k, v in arrays.items() if k.startswith(_STRATEGY)
            },
            **facts,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TamperedError("the state of the federated job can't be read") from error
    if state.parameters.shape != (size,):
        raise TamperedError("the state of the federated job is another model's")
    return state
