"""If this fails, the model that ships isn't the one that was trained, or it learnt wrong marks."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.discover.plain_names import Twin, split  # noqa: E402
from training.names.conventions import parted  # noqa: E402
from training.names.features import OPEN, UNSURE, Words, example, policies  # noqa: E402
from training.names.network import Network, batch  # noqa: E402
from training.names.prose import LEFT_OUT, NOBODY, UNKNOWN  # noqa: E402
from training.names.sentence import Sentence  # noqa: E402

from strongroom.discover.names import _layout as at  # noqa: E402
from strongroom.discover.names._model import folding  # noqa: E402


def table(*words: str) -> dict[str, np.ndarray]:
    """Return a small table in which every word has a row of its own, a list and a cluster."""
    from strongroom.discover.names._kernels_words import word_hashes

    data = [w.encode() for w in words]
    bounds = np.cumsum([0, *map(len, data)])
    keys = word_hashes(np.frombuffer(b"".join(data), np.uint8), bounds, folding(), folded=False)
    order = np.argsort(keys)
    places = order.astype(np.int64)
    return {
        "words": keys[order],
        "lists": (1 << (places % 20)).astype(np.uint32),
        "clusters": (places % 3).astype(np.uint16),
        "paths": np.array([0, 37, 201], np.uint8),
        "rates": np.where(places % 2, 255, places % 64).astype(np.uint8),
        "numbers": (places + 1).astype(np.uint16),
    }


TEXT = "Frau Jürgen Müller, 45, lives\nat 12 Main Street (Boston)."


def test_the_network_and_its_arrays_say_the_same() -> None:
    known = table("frau", "müller", "lives", "at", "main", "street", "boston", ",", "(")
    words = Words(known)
    one = example(Sentence(TEXT, ()), words)
    torch.manual_seed(3)
    network = Network(len(known["words"])).eval()
    inputs, _, _ = batch([one, one], words.rows)
    scores, gate = network(*inputs)
    n = len(one.words)
    twin = Twin({**known, **network.arrays()})
    chances = twin.chances(TEXT, split(TEXT))
    second = n + max(at.REACH, at.TAPS)
    for first in (0, second):  # neighbours in a batch don't see each other
        ours = torch.log_softmax(scores[first : first + n], 1).detach().numpy()
        assert np.allclose(ours, chances, atol=0.02)
        assert np.allclose(gate[first : first + n].detach().numpy(), twin.gate, atol=0.02)


def test_labels_lie_on_the_tokens_of_their_spans() -> None:
    start = TEXT.index("Jürgen")
    spans = ((start, start + len("Jürgen Müller"), "PERSON"), (start + 15, start + 17, "AGE"))
    one = example(Sentence(TEXT, spans), Words(table("x")))
    labels = dict(zip([TEXT[s:e] for s, e, *_ in split(TEXT)], one.labels.tolist(), strict=True))
    person, age = (1 + 4 * at.ENTITIES.index(e) for e in ("PERSON", "AGE"))
    assert labels["Jürgen"] == person + at.BEGIN
    assert labels["Müller"] == person + at.END
    assert labels["45"] == age + at.SINGLE
    assert labels["Frau"] == labels["lives"] == 0


def test_what_a_source_is_silent_about_may_be_anything() -> None:
    meant = np.isfinite(policies())
    date = 1 + 4 * at.ENTITIES.index("DATE_TIME")
    tweets = 1 + list(UNSURE).index("btc")
    assert meant[0, 0].tolist() == [True] + [False] * (at.LABELS - 1)
    assert meant[tweets, 0, date]
    assert not meant[tweets, 0, 1]
    person = slice(1 + 4 * at.ENTITIES.index("PERSON"), 5 + 4 * at.ENTITIES.index("PERSON"))
    for entity, place in zip(OPEN, range(at.LABELS, at.LABELS + len(OPEN)), strict=True):
        assert meant[:, place, person].all() == (entity != NOBODY) == meant[:, place, person].any()
        assert np.delete(meant[:, place], np.r_[person], axis=1).all()
    one = example(Sentence("Ada met Bo", ((0, 3, UNKNOWN), (8, 10, LEFT_OUT))), Words(table("x")))
    assert one.labels.tolist() == [at.LABELS, 0, at.LABELS + 1]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Ann\n12 Main Street, Apt 4\nBoston, MA 02101",
         "12 Main Street|Apt 4|Boston=GPE|MA=GPE|02101"),
        ("Hauptstraße 12\n80331 München\nGermany", "Hauptstraße 12|80331|München=GPE|Germany=GPE"),
        ("Send it to 12 Main Street\nBoston, MA 02101", "12 Main Street\nBoston, MA 02101"),
        ("at 12 Main Street, Boston, MA 02101", "12 Main Street, Boston, MA 02101"),
        ("at 12 Main Street, Boston", "12 Main Street|Boston=GPE"),
        ("at 846 Hauptstraße 12, Wien", "846|Hauptstraße 12|Wien=GPE"),
        ("Unit 12 Box 7\nAPO AP 96278", "Unit 12 Box 7\nAPO AP 96278"),
    ],
)  # fmt: skip
def test_addresses_are_marked_as_the_product_marks_them(text: str, parts: str) -> None:
    first = parts.split("|", 1)[0].split("=", maxsplit=1)[0]
    sentence = parted(Sentence(text, ((text.index(first), len(text), "STREET_ADDRESS"),)))
    marked = [
        text[start:end] + ("" if entity == "STREET_ADDRESS" else f"={entity}")
        for start, end, entity in sorted(sentence.spans)
    ]
    assert marked == parts.split("|")
