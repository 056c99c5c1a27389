"""Which recipe an attacker uses: the target's own where there is one, else a stand-in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from strongroom.attacks.references._bank import KINDS, BankRecipe
from strongroom.attacks.references._fitted import FittedRecipe
from strongroom.attacks.references._forest import ForestRecipe
from strongroom.attacks.references._networks import network_recipe
from strongroom.attacks.references._sharded import ShardedRecipe
from strongroom.attacks.references._surrogate import surrogate_of

if TYPE_CHECKING:
    from strongroom.attacks._results import NotEvaluable
    from strongroom.attacks._situation import Situation
    from strongroom.attacks.references._recipe import Recipe


def recipe_of(situation: Situation) -> Recipe | NotEvaluable:
    """Return how models like the target are trained.

    Our own by the specification that they were trained by; anything with `fit` by that; else a
    stand-in that behaves like the target. (What `train` alone can make is added by `audit`.)
    """
    spec, target = situation.train_spec, situation.target
    if spec is not None and spec.model in KINDS:
        noise = situation.statement.noise_multiplier if situation.statement else None
        if spec.shards > 1:
            one = spec.model_copy(update={"shards": 1})
            each = BankRecipe(one, noise, len(situation.members) // spec.shards)
            return ShardedRecipe(each, spec.shards)
        return BankRecipe(spec, noise, len(situation.members))
    if spec is not None and spec.shards <= 1:
        recipe = network_recipe(spec, situation)
        if recipe is not None:
            return recipe
    if callable(getattr(target, "fit", None)):
        return ForestRecipe.of(target) or FittedRecipe.of(target)
    return surrogate_of(situation)
