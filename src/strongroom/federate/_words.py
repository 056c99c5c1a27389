"""A recipe in words, for the people who are asked to agree to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strongroom.federate._recipe import Recipe

_STRATEGIES = {"fedavg": "FedAvg", "fedprox": "FedProx", "fedadam": "FedAdam",
               "scaffold": "SCAFFOLD"}  # fmt: skip
_UNITS = {"example": "each row", "person": "each person", "site": "the whole site"}
_FEW = 6


def in_a_line(recipe: Recipe) -> str:
    """Return what it is about in a line."""
    if recipe.task == "evaluate":
        sites = len(recipe.sites)
        return f'"{recipe.project}": measures a {recipe.train.model} on test rows of {sites} sites'
    private = f", ε = {recipe.privacy.epsilon:g}" if recipe.privacy else ", no privacy"
    secure = ", secure sum" if recipe.secure else ""
    return (
        f'"{recipe.project}": {recipe.rounds} rounds of {recipe.train.model} with '
        f"{len(recipe.sites)} sites{private}{secure}"
    )


def in_words(recipe: Recipe) -> list[tuple[str, str]]:
    """Return what it asks and what it means, line by line: (about what, what)."""
    train, strategy = recipe.train, recipe.strategy
    columns = list(recipe.features)
    more = f" and {len(columns) - _FEW} more" if len(columns) > _FEW else ""
    target = recipe.model.get("target") or "nothing"
    if recipe.task == "evaluate":
        return [
            ("for", recipe.project),
            ("measures", f"a {train.model} that predicts {target}, on the test rows"),
            ("reads", ", ".join(columns[:_FEW]) + more),
            ("with", ", ".join(recipe.sites) + f"; at least {recipe.min_sites}"),
            ("who sees", "the coordinator sees how many rows there are and how many are right"),
            ("privacy", "none: the counts are exact"),
        ]
    trees = recipe.task == "trees"
    passes = 1 if trees else recipe.local_epochs
    each = "" if passes == 1 else f"{passes:g} passes over the rows in "
    how = f"{_STRATEGIES[strategy.name]}, {train.optimizer}"
    how = "histograms of residuals" if trees else how
    return [
        ("for", recipe.project),
        ("trains", f"{train.model}, to predict {target}"),
        ("reads", ", ".join(columns[:_FEW]) + more),
        ("how long", f"{recipe.rounds} rounds; {each or 'one pass over the rows in '}each"),
        ("with", ", ".join(recipe.sites) + f"; at least {recipe.min_sites} in a round"),
        ("by", f"{how}, {_rule(recipe)}"),
        ("who sees", _seen(recipe)),
        ("privacy", _private(recipe)),
    ]


def _rule(recipe: Recipe) -> str:
    rule = recipe.rule
    if rule.name == "mean":
        return f"the mean weighted {'by rows' if recipe.weighting == 'rows' else 'alike'}"
    return f"{rule.name} against {rule.liars} liars"


def _seen(recipe: Recipe) -> str:
    if recipe.secure is None:
        return "the coordinator sees this site's update of each round"
    return f"nobody sees this site's update: only sums of {recipe.secure.threshold} or more sites"


def _private(recipe: Recipe) -> str:
    privacy = recipe.privacy
    if privacy is None:
        return "none: the model may remember single rows"
    noise = "its own noise" if privacy.noise == "own" else "its part of the shared noise"
    return (
        f"ε = {privacy.epsilon:g} at δ = {privacy.delta:g} for {_UNITS[privacy.unit]}, from this "
        f"site's budget; the site clips and adds {noise}"
    )
