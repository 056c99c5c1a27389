"""The receiver of updates: makes them from members, reads them, and counts what it got."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._intervals import share_interval
from strongroom.attacks._results import Measured, NotEvaluable, Value
from strongroom.attacks._situation import Rows
from strongroom.attacks.reconstruction._candidates import likeliest, most_candidates
from strongroom.attacks.reconstruction._criteria import (
    ENOUGH_TOKENS,
    Columns,
    Pictures,
    token_recall,
)
from strongroom.attacks.reconstruction._features import feature_layer, match_features
from strongroom.attacks.reconstruction._first_layer import first_linear
from strongroom.attacks.reconstruction._invert import way_of
from strongroom.attacks.reconstruction._labels import labels_of
from strongroom.attacks.reconstruction._linear_layer import drawn_to_mean, one_row, several_rows
from strongroom.attacks.reconstruction._matching import match_gradients
from strongroom.attacks.reconstruction._network import network_of
from strongroom.attacks.reconstruction._tokens import tokens_of, vocabulary_of
from strongroom.attacks.reconstruction._updates import Protection, send_update

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import nn

    from strongroom.attacks._situation import Pool, Situation
    from strongroom.attacks.reconstruction._criteria import Criterion
    from strongroom.attacks.reconstruction._invert import Way

BATCH = 8
_UPDATES = {"quick": 40, "standard": 100, "full": 200}
_SEARCHED = {"quick": 8, "standard": 20, "full": 40}
_TOGETHER = 8
_STEPS = {"quick": 100, "standard": 200, "full": 400}
_SEARCHES = ("features", "matching")
_GUESSES = 8
_CANDIDATES = 1_000
_PICTURE = 4  # axes of a batch of images
_WHO = (
    "white-box: the attacker is the server of a federation that trains this network; it holds the "
    "parameters and sees the update of one row"
)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of n guesses.

    Attributes:
        recovered: bool [n].
        quality: how good each is, float64 [n], by the criterion's measure.
        more: further means.
    """

    recovered: NDArray[np.bool_]
    quality: NDArray[np.float64]
    more: dict[str, float]

    @property
    def share(self) -> float:
        """The share of rows that were recovered."""
        return float(self.recovered.mean())


@dataclass(frozen=True, eq=False)
class Server:
    """The attacker, with what it holds.

    Attributes:
        network: what is trained.
        members: rows that updates are made of.
        others: rows of the same population, which it knows.
        way: how it reads updates.
        criterion: when a row is recovered; None for tokens.
        protection: how owners make updates private, if they do.
        situation: for its seed, effort and progress.
    """

    network: nn.Module
    members: Rows
    others: Rows
    way: Way
    criterion: Criterion | None
    protection: Protection | None
    situation: Situation

    @classmethod
    def of(cls, situation: Situation, pool: Pool) -> Server | NotEvaluable:
        """Look at the network, and choose how to read its updates."""
        found = network_of(situation.target, pool.rows.inputs)
        if isinstance(found, NotEvaluable):
            return found
        network, inputs = found
        rows = Rows(inputs, pool.rows.labels)
        members = rows.take(np.flatnonzero(pool.member))
        others = rows.take(np.flatnonzero(~pool.member))
        update = send_update(network, inputs[:1], rows.labels[:1], trained=_trained(situation))
        way = way_of(network, update, inputs.shape[1:], inputs.dtype)
        criterion: Criterion | None = None
        if way != "tokens" and not np.issubdtype(inputs.dtype, np.floating):
            return NotEvaluable(
                "tokens are read off the embedding's gradient, and training doesn't move the "
                "embedding of this network"
            )
        if way != "tokens" and inputs.ndim == _PICTURE:
            criterion = Pictures(float(inputs.max()) - float(inputs.min()))
        elif way != "tokens":
            criterion = Columns.of(situation.encoder, others.inputs)
        protection = Protection.of(situation.statement)
        return cls(network, members, others, way, criterion, protection, situation)

    def measure(self, metric: str) -> Measured:
        """Read updates of members: of one row each, then of 8."""
        count = (_SEARCHED if self.way in _SEARCHES else _UPDATES)[self.situation.effort]
        coins = np.random.default_rng(self.situation.seed)
        rows = self.members.take(coins.permutation(len(self.members))[:count])
        bare = outcome = self._single(rows, None)
        details: dict[str, Any] = {"way": self.way, "updates": len(rows)}
        who = _WHO
        if self.protection is not None:
            outcome = self._single(rows, self.protection)
            who += ", clipped and noised by its owner"
            details |= {
                "unprotected": bare.share,
                "clip_norm": self.protection.clip_norm,
                "noise_multiplier": self.protection.noise_multiplier,
            }
        if self.way not in _SEARCHES and len(rows) >= BATCH:
            details[f"batch_of_{BATCH}"] = self._batches(rows).share
        baseline = self._baseline(rows)
        quality = self.criterion.name if self.criterion else "token_recall"
        words = self.criterion.words if self.criterion else "at least 90 % of its tokens are found"
        details |= {
            "baseline": baseline.share,
            quality: float(outcome.quality.mean()),
            f"baseline_{quality}": float(baseline.quality.mean()),
            "recovered_means": words,
            **outcome.more,
        }
        low, high = share_interval(int(outcome.recovered.sum()), len(rows))
        value = Value(metric, outcome.share, low, high, "Clopper-Pearson", details=details)
        return Measured(values=(value,), knowledge=who)

    def _updates(
        self, rows: Rows, size: int, protection: Protection | None
    ) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[np.float32]]]]:
        """Give the places of each batch and its update."""
        coins = np.random.default_rng([self.situation.seed, size])
        trained = _trained(self.situation)
        for begin in range(0, len(rows) - size + 1, size):
            places = np.arange(begin, begin + size)
            some = rows.take(places)
            yield (
                places,
                send_update(
                    self.network,
                    some.inputs,
                    some.labels,
                    protection=protection,
                    coins=coins,
                    trained=trained,
                ),
            )
            self.situation.progress.step(begin + size, len(rows), "reading updates")

    def _single(self, rows: Rows, protection: Protection | None) -> Outcome:
        if self.criterion is None:
            return self._tokens(rows, 1, protection)
        guesses = (
            self._searched(rows, protection)
            if self.way in _SEARCHES
            else np.concatenate([found for _, found in self._read(rows, 1, protection)])
        )
        found = self._rate(guesses, rows)
        if protection is None:
            return found
        # Where noise drowns what could be read, an attacker still compares with rows it knows.
        likely = self._rate(self._likeliest(rows, protection), rows)
        shown = {f"likeliest_{self.criterion.name}": float(likely.quality.mean())}
        better = max(found, likely, key=_better)
        return replace(better, more={**better.more, **shown})

    def _likeliest(self, rows: Rows, protection: Protection) -> NDArray[np.float32]:
        most = min(_CANDIDATES, most_candidates(self.network))
        known = self.others.sample(most, self.situation.seed)
        places = likeliest(
            self.network,
            [update for _, update in self._updates(rows, 1, protection)],
            known.inputs,
            known.labels,
            protection,
            trained=_trained(self.situation),
        )
        found: NDArray[np.float32] = known.inputs[places]
        return found

    def _read(
        self, rows: Rows, size: int, protection: Protection | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Give the places of each batch and the rows that were read off its update."""
        shape = rows.inputs.shape[1:]
        layer = first_linear(self.network, shape)
        assert layer is not None  # noqa: S101 - `way_of` has found it
        coins = np.random.default_rng(self.situation.seed)
        known = self.others.inputs.reshape(len(self.others), -1).astype(np.float64)
        mean, variance = known.mean(axis=0), known.var(axis=0)
        for places, update in self._updates(rows, size, protection):
            weight, bias = update[layer.weight], update[layer.bias]
            if size > 1:
                found = layer.inputs(several_rows(weight, bias, size, coins))
            else:
                found = layer.inputs(one_row(weight, bias)[None])
                if protection is not None:
                    noise = protection.deviation
                    found = drawn_to_mean(found, mean, variance, bias, noise, layer.scale)
            yield places, found.astype(np.float32).reshape(-1, *shape)

    def _searched(self, rows: Rows, protection: Protection | None) -> NDArray[np.float32]:
        inputs = self.others.inputs
        updates = [update for _, update in self._updates(rows, 1, protection)]
        bounds = float(inputs.min()), float(inputs.max())
        layer = feature_layer(self.network, updates[0], inputs.shape[1:])
        steps, progress = _STEPS[self.situation.effort], self.situation.progress
        read = [labels_of(self.network, update, 1) for update in updates]
        # Where the last layer doesn't tell, the attacker is given the label.
        labels = np.array([rows.labels[i] if y is None else y[0] for i, y in enumerate(read)])
        found = []
        for begin in range(0, len(updates), _TOGETHER):
            some = slice(begin, begin + _TOGETHER)
            if self.way == "features" and layer is not None:
                start = inputs.mean(axis=0)
                x, _ = match_features(
                    self.network,
                    updates[some],
                    layer,
                    start,
                    bounds,
                    steps=steps,
                    progress=progress,
                )
                found.append(x)
                continue
            x, _ = match_gradients(
                self.network,
                updates[some],
                labels[some, None],
                inputs.shape[1:],
                bounds,
                steps=steps,
                seed=self.situation.seed,
                trained=_trained(self.situation),
                progress=progress,
            )
            found.append(x[:, 0])
        return np.concatenate(found)

    def _batches(self, rows: Rows) -> Outcome:
        """Read batches of 8, protected where the target is; of each row the best guess counts."""
        if self.criterion is None:
            return self._tokens(rows, BATCH, self.protection)
        quality = []
        for places, found in self._read(rows, BATCH, self.protection):
            truth = rows.inputs[places]
            best = np.full(len(places), -np.inf)
            for guess in found:
                each = self.criterion.quality(np.broadcast_to(guess, truth.shape), truth)
                best = np.maximum(best, each)
            quality.append(best)
        best = np.concatenate(quality)
        return Outcome(self.criterion.enough(best), best, {})

    def _tokens(self, rows: Rows, size: int, protection: Protection | None) -> Outcome:
        recall = []
        odds = self._odds() if protection else None
        for places, update in self._updates(rows, size, protection):
            noise = protection.deviation / size if protection else 0.0
            tokens = tokens_of(self.network, update, noise=noise, odds=odds)
            assert tokens is not None  # noqa: S101 - `way_of` has found an embedding
            recall += [token_recall(tokens.ranked, rows.inputs[places])] * size
        found = np.array(recall)
        return Outcome(found >= ENOUGH_TOKENS, found, {})

    def _odds(self) -> NDArray[np.float64]:
        """Return the logarithm of the odds that a row holds a token, by the rows it knows."""
        vocabulary = vocabulary_of(self.network)
        counts = np.zeros(vocabulary)
        for row in self.others.inputs:
            present = np.unique(row)
            counts[present[(present >= 0) & (present < vocabulary)]] += 1
        total = len(self.others)
        found: NDArray[np.float64] = np.log((counts + 0.5) / (total - counts + 0.5))
        return found

    def _baseline(self, rows: Rows) -> Outcome:
        """Guess without an update: the mean row, another row of the label, the commonest tokens."""
        known = self.others
        if self.criterion is None:
            common = np.argsort(-self._odds(), kind="stable")
            found = np.array([token_recall(common, row) for row in rows.inputs])
            return Outcome(found >= ENOUGH_TOKENS, found, {})
        coins = np.random.default_rng(self.situation.seed)
        mean = known.inputs.mean(axis=0, dtype=np.float64)
        tried = [self._rate(np.broadcast_to(mean, rows.inputs.shape), rows)]
        alike = [np.flatnonzero(known.labels == label) for label in rows.labels]
        for _ in range(_GUESSES):
            places = [int(coins.choice(a if len(a) else len(known))) for a in alike]
            tried.append(self._rate(known.inputs[places], rows))
        return max(tried, key=_better)

    def _rate(self, guesses: NDArray[Any], rows: Rows) -> Outcome:
        assert self.criterion is not None  # noqa: S101 - not for tokens
        quality = self.criterion.quality(guesses, rows.inputs)
        more = {}
        if isinstance(self.criterion, Pictures):
            more["ssim"] = float(self.criterion.structure(guesses, rows.inputs).mean())
        return Outcome(self.criterion.enough(quality), quality, more)


def _better(outcome: Outcome) -> tuple[float, float]:
    return outcome.share, float(outcome.quality.mean())


def _trained(situation: Situation) -> Any:  # noqa: ANN401 - parameters, or None for all
    trainable = getattr(situation.target, "trainable", None)
    return list(trainable()) if callable(trainable) else None
