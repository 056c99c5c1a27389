"""Train the name model: `python -m training.names.train --data FOLDER`.

Reads openly licensed corpora below FOLDER (see `README.md`), generates sentences from templates,
and writes one safetensors file. The same seed gives the same file on the same machine.
"""

from __future__ import annotations

import argparse
import random
import re
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from safetensors.numpy import save_file

from strongroom.discover.names import _layout as at
from strongroom.discover.names._model import WEIGHTS
from training.names import lexicon
from training.names.code import plain_code
from training.names.conventions import parted
from training.names.corpora import read_corpora
from training.names.features import Example, Words, example, policies
from training.names.network import Network, batch
from training.names.prose import marked_prose
from training.names.replacing import with_other_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.names.sentence import Sentence

_WORD = re.compile(r"[^\W\d_]+|[^\w\s]|_")
_CODE = 2500  # stretches
_TOKENS = 1000  # per step
_SNAPSHOTS = 100  # steps of the last epoch between networks that are averaged (Izmailov 2018)
_VOCABULARY = 16_000
_SURE = 0.9  # what a half-trained network must be to settle an open label
_EAGER = 1.6  # how much likelier than learnt a name is taken to be: a miss costs more than a doubt
_QUIET = 0.01  # a token is quiet if it names something less often than this


def gather(folder: Path, templates: int, seed: int) -> list[Sentence]:
    """Return everything there is to learn from."""
    found = [*read_corpora(folder), *marked_prose(folder, seed)]
    found += list(with_other_names(found, seed))
    found += plain_code(_CODE, seed)
    if templates:
        from training.names.templates import generate

        for language, share in (
            ("en", 0.6),
            ("de", 0.1),
            ("fr", 0.1),
            ("es", 0.1),
            ("it", 0.05),
            ("nl", 0.05),
        ):
            found += generate(int(templates * share), seed, language)
    return [parted(one) for one in found]


def vocabulary(sentences: Sequence[Sentence]) -> list[str]:
    """Return words that get a row of their own, in small letters: the most frequent."""
    counts: Counter[str] = Counter()
    for one in sentences:
        counts.update(_WORD.findall(one.text.lower()))
    return [w for w, n in counts.most_common(_VOCABULARY) if n > 2]


def steps(examples: Sequence[Example], rng: random.Random) -> Iterator[list[Example]]:
    """Yield batches of about equally many tokens, in random order."""
    order = list(range(len(examples)))
    rng.shuffle(order)
    found: list[Example] = []
    size = 0
    for i in order:
        found.append(examples[i])
        size += len(examples[i].words)
        if size >= _TOKENS:
            yield found
            found, size = [], 0
    if found:
        yield found


def train(
    examples: Sequence[Example], words: Words, vocabulary: int, epochs: int, seed: int
) -> Network:
    """Return a trained network."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    network = Network(vocabulary)
    dense = [p for name, p in network.named_parameters() if not name.startswith("embed")]
    # Few of the embedding's rows are met in a step; the others stay as they are.
    optimisers = (
        torch.optim.Adam(dense, lr=2e-3),
        torch.optim.SparseAdam([network.embed.weight], lr=2e-3),
    )
    total = epochs * sum(len(e.words) for e in examples) / _TOKENS
    schedules = [
        torch.optim.lr_scheduler.LambdaLR(
            one, lambda step: min(1.0, step / 400) * max(0.02, 1 - step / total)
        )
        for one in optimisers
    ]
    meant = torch.from_numpy(policies())
    averaged = torch.optim.swa_utils.AveragedModel(network)
    for epoch in range(epochs):
        if epoch == epochs // 2:
            print(f"{settle(network, examples, words)} open labels settled", flush=True)
        began, losses = time.monotonic(), []
        network.train()
        for some in steps(examples, rng):
            inputs, labels, policy = batch(some, words.rows)
            scores, gate = network(*inputs)
            loss = loss_of(scores, gate, labels, meant[policy, labels], inputs[-1])
            network.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(dense, 1.0)
            for one, schedule in zip(optimisers, schedules, strict=True):
                one.step()
                schedule.step()
            losses.append(loss.item())
            if epoch == epochs - 1 and len(losses) % _SNAPSHOTS == 0:
                averaged.update_parameters(network)
        print(
            f"epoch {epoch}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s",
            flush=True,
        )
    averaged.update_parameters(network)
    return cast("Network", averaged.module).eval()


@torch.no_grad()
def settle(network: Network, examples: Sequence[Example], words: Words) -> int:
    """Let a half-trained network say what it is sure of where nobody knows; return how often."""
    open_ones = [e for e in examples if (e.labels == at.LABELS).any()]
    settled = 0
    network.eval()
    for first in range(0, len(open_ones), 64):
        some = open_ones[first : first + 64]
        inputs, labels, _ = batch(some, words.rows)
        chance, best = torch.softmax(network(*inputs)[0], 1).max(1)
        sure = (labels == at.LABELS) & (chance > _SURE)
        made = torch.where(sure, best, labels).numpy()
        settled += int(sure.sum())
        begin = 0
        for one in some:
            one.labels[:] = made[begin : begin + len(one.labels)]
            begin += len(one.labels) + max(at.REACH, at.TAPS)
    return settled


def loss_of(
    scores: torch.Tensor,
    gate: torch.Tensor,
    labels: torch.Tensor,
    meant: torch.Tensor,
    real: torch.Tensor,
) -> torch.Tensor:
    """Return how surprising the labels are: any that the source may have meant will do."""
    logs = torch.log_softmax(scores, 1)
    surprise = -torch.logsumexp(logs + meant, 1)
    named = 1 - logs[:, 0].detach().exp()
    loud = torch.where(
        (labels > 0) & (labels < at.LABELS),
        torch.ones_like(named),
        named * (meant[:, 1:] > -torch.inf).any(1),
    )
    missed = torch.nn.functional.binary_cross_entropy_with_logits(gate, loud, reduction="none")
    return ((surprise + 0.2 * missed) * real).sum() / real.sum()


def save(network: Network, table: dict[str, np.ndarray], path: Path) -> None:
    """Write the model; the gate opens where a name is likelier than `_QUIET`."""
    arrays = {**table, **network.arrays()}
    arrays["gate_bias"] = arrays["gate_bias"] - np.float32(np.log(_QUIET / (1 - _QUIET)))
    arrays["third_bias"][0] -= np.float32(_EAGER)
    path.parent.mkdir(exist_ok=True)
    save_file(arrays, path)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    parser.add_argument("--templates", type=int, default=48_000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    sentences = gather(options.data, options.templates, options.seed)
    chosen = vocabulary(sentences)
    table = lexicon.build(chosen)
    words = Words(table)
    examples = [e for e in (example(s, words) for s in sentences) if len(e.words)]
    print(
        f"{len(examples)} sentences, {sum(len(e.words) for e in examples)} tokens, "
        f"{len(words.rows)} distinct words, {len(chosen)} with rows",
        flush=True,
    )
    network = train(examples, words, len(chosen), options.epochs, options.seed)
    save(network, table, options.out)


if __name__ == "__main__":
    main()
