"""How many other secrets a model would rather write than the one that was planted.

Carlini et al. 2019, section 4. Where letters are tokens, candidates form a tree, beginnings are
read once, and a branch that is already less likely than the secret is left: so a secret that was
learnt is found among 10^16 as exactly as among 10^6. Only where the search is too long is the rank
estimated: from secrets drawn evenly; in front of those, from secrets that the model itself wrote,
each weighted by how much too often it writes it, which errs to neither side; and where letters
aren't tokens, by the paper's skew-normal distribution, which is seen to say too little far out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strongroom.attacks._intervals import share_interval, special_functions
from strongroom.attacks.extraction._skew_normal import SkewNormal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from strongroom.attacks.extraction._plant import Canary, Template
    from strongroom.attacks.extraction._speaker import Reading, Speaker

How = Literal["enumerated", "searched", "sampled", "weighted", "extrapolated"]

_TRIED = 32
_SAMPLES = 10_000
FEWEST_TEXTS = 1_000
_ENOUGH = 30  # sampled secrets that are likelier, for a share of them
_WRITTEN = 5_000  # secrets that the model writes itself
_REFITS = 200
_TIE = 1e-4  # nats; what differs by less counts as likelier, against the attacker
_MOST_LISTED = 1_000_000
_Z95 = 1.96


class TooManyError(Exception):
    """A search would ask for more tokens than it may; never leaves this file."""


@dataclass(frozen=True)
class Standing:
    """Where one secret stands among all that are possible.

    Attributes:
        exposure: log2 of how many times fewer guesses are needed than without the model.
        low, high: 95 % interval of it; the same where it is exact.
        p_value: the chance to stand so far in front if the model knows nothing of it; exact.
        rank: its place by the model's likelihood, from 1; None where it was estimated.
        how: the rank was found.
        fit: of the skew-normal distribution, if it was needed, JSON values.
    """

    exposure: float
    low: float
    high: float
    p_value: float
    rank: int | None
    how: How
    fit: Mapping[str, Any] = field(default_factory=dict)


def standings(
    speaker: Speaker, canary: Canary, budget: int, coins: np.random.Generator
) -> tuple[Standing, list[Standing]]:
    """Return where a canary's secret stands, and its controls'.

    Args:
        speaker: the model.
        canary: whose sentence fits into what the model reads.
        budget: of tokens that may be asked for.
        coins: for samples.
    """
    template = canary.template
    tree = _Tree.of(speaker, template, coins)
    if tree is not None and tree.cost <= budget and template.space <= _MOST_LISTED:
        losses = np.empty(template.space, np.float32)
        for codes, values in tree.leaves():
            losses[codes] = values
        own = losses[template.number(canary.secret)]
        others = [losses[template.number(secret)] for secret in canary.controls]
        ordered = np.sort(losses)
        return _listed(own, ordered), [_listed(loss, ordered) for loss in others]
    own, *others = _losses(speaker, template, [canary.secret, *canary.controls])
    if template.space * template.length <= budget and template.space <= _MOST_LISTED:
        everything = [template.secret(n) for n in range(template.space)]
        ordered = np.sort(_losses(speaker, template, everything))
        return _listed(own, ordered), [_listed(loss, ordered) for loss in others]
    most = max(FEWEST_TEXTS, min(_SAMPLES, budget // (2 * template.length)))
    sample = np.sort(_losses(speaker, template, _drawn(template, most, coins)))
    controls = [_sampled(loss, sample, template, coins) for loss in others]
    if tree is not None and (sample <= own + _TIE).mean() * template.space <= budget / 2:
        ahead = tree.ahead(own + _TIE, budget // 2)
        if ahead is not None:
            return _ranked(max(1, ahead), template.space, "searched"), controls
    standing = _sampled(own, sample, template, coins)
    if tree is not None and standing.how == "extrapolated":
        standing = _weighted(own, tree, standing, min(_WRITTEN, most), coins)
    return standing, controls


@dataclass(frozen=True)
class _Tree:
    """All secrets of a sentence, where each letter is one token whatever stands around it."""

    speaker: Speaker
    before: NDArray[np.int32]
    letters: NDArray[np.int32]
    length: int

    @classmethod
    def of(cls, speaker: Speaker, template: Template, coins: np.random.Generator) -> _Tree | None:
        alone = [template.before + letter for letter in template.alphabet]
        drawn = _drawn(template, _TRIED, coins)
        before, *read = speaker.encode(
            [template.before, *alone, *(template.before + secret for secret in drawn)]
        )
        ends = [tokens[len(before) :] for tokens in read[: len(alone)]]
        if any(len(end) != 1 for end in ends):
            return None
        code = {letter: end[0] for letter, end in zip(template.alphabet, ends, strict=True)}
        spelt = [before + [code[letter] for letter in secret] for secret in drawn]
        if spelt != read[len(alone) :]:
            return None
        letters = np.array([end[0] for end in ends], np.int32)
        return cls(speaker, np.array(before, np.int32), letters, template.length)

    @property
    def cost(self) -> int:
        """How many tokens are read to see every secret."""
        width = len(self.letters)
        inner = sum(width**depth for depth in range(1, self.length))
        return int(len(self.before) + inner)

    def leaves(
        self, most: float = math.inf, budget: float = math.inf
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Give numbers and losses of secrets, part by part, of all whose loss is at most `most`.

        Raises:
            TooManyError: more than `budget` tokens would have to be read.
        """
        speaker, width = self.speaker, len(self.letters)
        step, spent = speaker.rows_at_once(1), speaker.tokens
        start = _read(speaker, self.before)
        # Depth first, so that only a few readings are held: (of parents, whose children, …).
        zero = np.zeros(1, np.int64)
        waiting: list[_Branch] = [_Branch(start, None, zero, zero, np.zeros(1, np.float32), 0)]
        while waiting:
            branch = waiting.pop()
            reading = branch.reading
            if branch.letter is not None:
                if speaker.tokens - spent + len(branch.letter) > budget:
                    raise TooManyError
                given = self.letters[branch.letter][:, None]
                _, reading = reading.take(branch.parents).on(given)
            losses = branch.losses[:, None] - reading.following[:, self.letters]
            parents, letters = np.nonzero(losses <= most)
            codes = branch.codes[parents] * width + letters
            kept = losses[parents, letters]
            if branch.depth + 1 == self.length:
                yield codes, kept
                continue
            for i in range(0, len(codes), step):
                part = slice(i, i + step)
                waiting.append(
                    _Branch(
                        reading,
                        letters[part],
                        parents[part],
                        codes[part],
                        kept[part],
                        branch.depth + 1,
                    )
                )

    def written(
        self, count: int, coins: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Let the model write secrets.

        Returns:
            Each one's loss, and the log of the chance that it was to be written, float64 [count].
        """
        losses, chances = np.zeros(count), np.zeros(count)
        step, start = self.speaker.rows_at_once(1), _read(self.speaker, self.before)
        for i in range(0, count, step):
            part = slice(i, min(count, i + step))
            reading = start.take(np.zeros(part.stop - i, np.int64))
            for _ in range(self.length):
                expected = reading.following[:, self.letters].astype(np.float64)
                own = expected - special_functions().logsumexp(expected, axis=1, keepdims=True)
                chosen = (own + coins.gumbel(size=own.shape)).argmax(axis=1)[:, None]
                losses[part] -= np.take_along_axis(expected, chosen, axis=1)[:, 0]
                chances[part] += np.take_along_axis(own, chosen, axis=1)[:, 0]
                _, reading = reading.on(self.letters[chosen])
        return losses, chances

    def ahead(self, most: float, budget: int) -> int | None:
        """Return how many secrets have a loss of at most `most`; None: too many to count."""
        try:
            return sum(len(codes) for codes, _ in self.leaves(most, budget))
        except TooManyError:
            return None


@dataclass(frozen=True)
class _Branch:
    reading: Reading
    letter: NDArray[np.int64] | None
    parents: NDArray[np.int64]
    codes: NDArray[np.int64]
    losses: NDArray[np.float32]
    depth: int


def _read(speaker: Speaker, tokens: NDArray[np.int32]) -> Reading:
    """Return the reading behind tokens [t], of one text."""
    reading = speaker.reading()
    return reading.on(tokens[None])[1] if len(tokens) else reading


def _losses(speaker: Speaker, template: Template, secrets: list[str]) -> NDArray[np.float32]:
    """Return how unlikely each secret is behind its sentence's beginning, in nats.

    Whatever the tokeniser makes of it: what all have in common is read once.
    """
    rows = speaker.encode([template.before + secret for secret in secrets])
    (alone,) = speaker.encode([template.before])
    common = _common([alone, *rows])
    start = _read(speaker, np.array(alone[:common], np.int32))
    found = np.zeros(len(rows), np.float32)
    lengths = np.array([len(row) - common for row in rows])
    for length in np.unique(lengths[lengths > 0]):
        same = np.flatnonzero(lengths == length)
        step = speaker.rows_at_once(int(length))
        for i in range(0, len(same), step):
            part = same[i : i + step]
            tokens = np.array([rows[j][common:] for j in part], np.int32)
            chances, _ = start.take(np.zeros(len(part), np.int64)).on(tokens)
            found[part] = -chances.sum(axis=1, dtype=np.float64)
    return found


def _common(rows: list[list[int]]) -> int:
    """Return how many tokens all rows begin with."""
    first, last = min(rows), max(rows)
    pairs = zip(first, last, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))


def _drawn(template: Template, count: int, coins: np.random.Generator) -> list[str]:
    letters = coins.integers(0, len(template.alphabet), (count, template.length))
    return ["".join(template.alphabet[i] for i in row) for row in letters]


def _listed(loss: float, ordered: NDArray[np.float32]) -> Standing:
    """Return the standing among all losses, rising; ties count as likelier."""
    rank = int(np.searchsorted(ordered, loss, "right"))
    return _ranked(max(1, rank), len(ordered), "enumerated")


def _ranked(rank: int, space: int, how: How) -> Standing:
    exposure = math.log2(space) - math.log2(rank)
    return Standing(exposure, exposure, exposure, rank / space, rank, how)


def _weighted(
    loss: float, tree: _Tree, evenly: Standing, count: int, coins: np.random.Generator
) -> Standing:
    """Return the standing by secrets that the model wrote, if enough of them are likelier.

    The mean of 1 / (chance to be written) over those that are is the rank, whatever the chances.
    """
    losses, chances = tree.written(count, coins)
    weights = np.where(losses <= loss + _TIE, np.exp(-chances), 0.0)
    if np.count_nonzero(weights) < _ENOUGH:
        return evenly
    rank = max(1.0, float(weights.mean()))
    spread = _Z95 * float(weights.std()) / rank / count**0.5
    most = tree.length * math.log2(len(tree.letters))
    middle, half = most - math.log2(rank), spread / math.log(2)
    low, high = max(0.0, middle - half), min(most, middle + half)
    return Standing(middle, low, high, evenly.p_value, None, "weighted")


def _sampled(
    loss: float, sample: NDArray[np.float32], template: Template, coins: np.random.Generator
) -> Standing:
    """Return the standing among a sample of losses, rising."""
    most, count = math.log2(template.space), len(sample)
    ahead = int(np.searchsorted(sample, loss, "right"))
    p_value = (ahead + 1) / (count + 1)  # exact: the secret is one more draw from the same space
    if ahead >= _ENOUGH:
        low, high = share_interval(ahead, count)
        return Standing(
            -math.log2(ahead / count), -math.log2(high), -math.log2(low), p_value, None, "sampled"
        )
    fitted = SkewNormal.fit(sample)
    refits = [
        SkewNormal.fit(sample[coins.integers(0, count, count)]).log_cdf(loss)
        for _ in range(_REFITS)
    ]
    middle, low, high = (
        min(most, -value / math.log(2))
        for value in (fitted.log_cdf(loss), *np.quantile(refits, [0.975, 0.025]))
    )
    distance, fits = fitted.distance(sample)
    fit = {"samples": count, "distance": distance, "p_value": fits, "shape": fitted.shape}
    return Standing(middle, low, high, p_value, None, "extrapolated", fit)
