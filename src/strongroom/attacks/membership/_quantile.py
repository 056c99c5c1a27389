"""QMIA: is the model surer of this record than of most records that look like it?

After Bertran et al., "Scalable Membership Inference Attacks via Quantile Regression", NeurIPS 2023.
No reference models: one small network learns, from records that the target never saw, how the
target's confidence is spread given the record's features and label. It is given by its median and
its 90 % quantile, and a record's score is how many such steps it lies above the median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strongroom.attacks._results import NotEvaluable
from strongroom.attacks._situation import Pool
from strongroom.attacks.membership._judging import judge
from strongroom.attacks.membership._look import METRICS, Looked, look
from strongroom.progress import SILENT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.attacks._results import RocResult
    from strongroom.attacks._situation import Rows, Situation
    from strongroom.progress import Progress

_KNOWLEDGE = (
    "the record with its true label, the model's probabilities for it, and other records of the "
    "same population that the model never saw"
)
_FEWEST = 200
_WIDEST = 4_096  # inputs wider than that are seen through a fixed random projection
_HIDDEN = 64
_EPOCHS = 40
_BATCH = 128
_RATE = 3e-3
_DECAY = 1e-3
_HIGH = 0.9
_HELD_OUT = 0.1


def quantile_scores(
    features: NDArray[np.floating],
    signal: NDArray[np.floating],
    known_features: NDArray[np.floating],
    known_signal: NDArray[np.floating],
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> NDArray[np.float64]:
    """Return how far each row's signal lies above its predicted median, in predicted spreads.

    Args:
        features: float [n, d], of the rows under attack.
        signal: [n], the target's, log(p / (1 - p)) of the true label.
        known_features: float [m, d], of rows that the target never saw.
        known_signal: [m], the target's.
        seed: of weights and batches.
        progress: told of epochs.
    """
    import torch  # only this attack of the room needs it

    centre, scale = float(np.mean(known_signal)), float(np.std(known_signal)) + 1e-9
    mean, spread = known_features.mean(axis=0), known_features.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)

    def tensor(rows: NDArray[np.floating]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray((rows - mean) / spread, np.float32))

    x = tensor(known_features)
    y = torch.from_numpy(((known_signal - centre) / scale).astype(np.float32))
    coins = torch.Generator().manual_seed(seed)
    network = _network(x.shape[1], coins)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    order = torch.randperm(len(x), generator=coins)
    held, learnt = order[: round(_HELD_OUT * len(x))], order[round(_HELD_OUT * len(x)) :]
    best, kept = float("inf"), network.state_dict()
    for epoch in range(_EPOCHS):
        shuffled = learnt[torch.randperm(len(learnt), generator=coins)]
        for batch in torch.split(shuffled, _BATCH):
            optimizer.zero_grad()
            _pinball(network(x[batch]), y[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            loss = float(_pinball(network(x[held]), y[held]))
        if loss < best:
            best, kept = loss, {k: v.clone() for k, v in network.state_dict().items()}
        progress.step(epoch + 1, _EPOCHS)
    network.load_state_dict(kept)
    with torch.no_grad():
        median, step = _quantiles(network(tensor(features))).T.double().numpy()
    found: NDArray[np.float64] = ((signal - centre) / scale - median) / step
    return found


def _network(width: int, coins: Any) -> Any:  # noqa: ANN401 - torch is brought when needed
    import torch

    linear = (torch.nn.Linear(width, _HIDDEN), torch.nn.Linear(_HIDDEN, 2))
    for layer in linear:
        bound = layer.in_features**-0.5
        torch.nn.init.uniform_(layer.weight, -bound, bound, generator=coins)
        torch.nn.init.zeros_(layer.bias)
    return torch.nn.Sequential(linear[0], torch.nn.ReLU(), linear[1])


def _quantiles(out: Any) -> Any:  # noqa: ANN401 - torch is brought when needed
    """Return the median and the step to the high quantile, which is above it by construction."""
    import torch

    step = torch.nn.functional.softplus(out[:, 1]) + 1e-2
    return torch.stack([out[:, 0], step], dim=1)


def _pinball(out: Any, y: Any) -> Any:  # noqa: ANN401 - torch is brought when needed
    """Return the pinball loss at both quantiles; at the wrong side of a quantile errors cost more.

    The median learns from its own error alone: the high quantile's would pull it along.
    """
    import torch

    both = _quantiles(out)
    low, high = y - both[:, 0], y - (both[:, 0].detach() + both[:, 1])
    return (
        torch.maximum(0.5 * low, -0.5 * low).mean()
        + torch.maximum(_HIGH * high, (_HIGH - 1) * high).mean()
    )


def features_of(rows: Rows, classes: int, seed: int = 0) -> NDArray[np.float32]:
    """Return float32 [n, d]: inputs laid flat, through a random projection if wide, and labels."""
    flat = rows.inputs.reshape(len(rows), -1).astype(np.float32)
    if flat.shape[1] > _WIDEST:
        coins = np.random.default_rng(seed)
        projection = coins.normal(size=(flat.shape[1], _WIDEST // 8)).astype(np.float32)
        flat = flat @ (projection / np.float32(flat.shape[1] ** 0.5))
    return np.concatenate([flat, np.eye(classes, dtype=np.float32)[rows.labels]], axis=1)


class Quantile:
    """`quantile_scores` behind the attack seam."""

    name = "membership.quantile"
    metrics = METRICS
    kinds = ("table", "image")
    presets = ("standard", "full")

    def run(self, situation: Situation) -> RocResult | NotEvaluable:
        """Learn from half of the non-members; attack the members and the other half."""
        if getattr(situation.target, "fixed", False):
            return NotEvaluable("only the model's answers are known, not what the rows hold")
        looked = look(situation, references=False)
        if isinstance(looked, NotEvaluable):
            return looked
        pool = looked.pool
        outside = np.random.default_rng(situation.seed).permutation(
            np.arange(pool.members, len(pool.rows))
        )
        known, others = outside[: len(outside) // 2], np.sort(outside[len(outside) // 2 :])
        if len(known) < _FEWEST:
            return NotEvaluable(
                f"too few non-members: {len(outside)}, at least {2 * _FEWEST} are needed, half of "
                "them to learn what the model says of records that it never saw"
            )
        attacked = np.concatenate([np.arange(pool.members), others])
        features = features_of(pool.rows, len(situation.target.classes), situation.seed)
        scores = quantile_scores(
            features[attacked],
            looked.target[attacked],
            features[known],
            looked.target[known],
            seed=situation.seed,
            progress=situation.progress,
        )
        judged = Looked.alone(
            looked.target[attacked],
            Pool(pool.rows.take(attacked), pool.members),
            looked.queries,
            looked.details,
        )
        return judge(judged, scores, _KNOWLEDGE, {"nonmembers_learnt_from": len(known)})
