"""If this fails, a model that repeats its training text passes, or an innocent one is accused."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.attacks.writers import LENGTH, by_heart, letters, measured, rows_of, situation, told

from strongroom.attacks import Attack, NotEvaluable
from strongroom.attacks.extraction import FreeRun, Memorised
from strongroom.attacks.extraction._ngram import ByteCounts
from strongroom.attacks.extraction._overlap import bleu, edits
from strongroom.attacks.extraction._personal import beyond_chance, personal_data, poisson_interval
from strongroom.attacks.extraction._shares import excess, fisher
from strongroom.attacks.extraction._speaker import Speaker
from strongroom.attacks.extraction._stretches import Stretches
from strongroom.attacks.extraction._write import GREEDY, Sampler, write

if TYPE_CHECKING:
    from strongroom.models import LanguageModel

MEMBERS, OTHERS = letters(80, 1), letters(80, 2)


@pytest.fixture(scope="module")
def leaky() -> LanguageModel:
    """A model that knows `MEMBERS` by heart."""
    return by_heart(MEMBERS, 180)


@pytest.fixture(scope="module")
def stranger() -> LanguageModel:
    """A model that learnt other text of the same kind by heart."""
    return by_heart(letters(80, 3), 80)


def test_text_learnt_by_heart_is_found_and_other_text_is_not(leaky: LanguageModel) -> None:
    found = measured(Memorised().run(situation(leaky, MEMBERS, OTHERS)))
    verbatim, alike, sampled = found.values
    for value in found.values:
        assert value.value > 0.9
        assert value.low is not None
        assert value.low > 0.8
        assert value.details["share"] > 0.95
        assert value.details["control_share"] < 0.1
        assert value.details["p_value"] < 1e-20
    assert [v.metric for v in found.values] == list(Memorised.metrics)
    assert verbatim.details["share"] <= alike.details["share"]
    assert sampled.details["tries"] == 1_000
    # The worst are named by the row of the file, and nothing of the text is told.
    worst = verbatim.details["worst_rows"]
    assert 0 < len(worst) <= 20
    assert all(len(MEMBERS[w["row"]]) >= sum(found.details["prefixes"][-1:]) for w in worst)
    assert all(w["verbatim_after"] in found.details["prefixes"] for w in worst)
    assert not any(line[:20] in told(found) for line in MEMBERS)
    assert found.queries > 0


def test_verbatim_is_what_one_look_at_every_likeliest_token_says(leaky: LanguageModel) -> None:
    """Greedy writing repeats a suffix exactly where each of its tokens is the likeliest."""
    found = measured(Memorised().run(situation(leaky, MEMBERS, OTHERS)))
    rows, suffix = rows_of(MEMBERS), found.details["suffix"]
    likeliest = np.concatenate([z.argmax(dim=2).numpy() for _, z in leaky._batches(rows.inputs)])
    right = likeliest == rows.labels
    for entry in found.values[0].details["by_prefix"]:
        p = entry["prefix"]
        long = (rows.labels[:, : found.details["prefixes"][-1] + suffix] < 256).all(axis=1)
        long &= (rows.labels[:, : found.details["prefixes"][-1] + suffix] >= 0).all(axis=1)
        assert entry["rows"] == int(long.sum())
        assert entry["hits"] == int(right[long, p : p + suffix].all(axis=1).sum())


def test_a_model_of_other_text_stays_at_chance(stranger: LanguageModel) -> None:
    """Of 100 halvings of text that it never saw, p ≤ 0.05 comes at most 14 times."""
    for value in measured(Memorised().run(situation(stranger, MEMBERS, OTHERS))).values:
        assert value.value < 0.05
        assert value.details["p_value"] > 0.05
    unseen = letters(400, 7)
    speaker = Speaker(stranger)
    rows = rows_of(unseen)
    whole = (rows.labels >= 0).all(axis=1) & (rows.labels < 256).all(axis=1)
    losses = [-float(p.sum()) for p in speaker.log_probs(rows.labels[whole].tolist())]
    hit = np.array(losses) < np.quantile(losses, 0.1)
    coins, accused = np.random.default_rng(0), 0
    for _ in range(100):
        half = coins.permutation(len(hit)) < len(hit) // 2
        counts = [(int(hit[part].sum()), int(part.sum())) for part in (half, ~half)]
        accused += fisher(*counts[0], *counts[1]) <= 0.05
    assert accused <= 14


def test_what_everybody_writes_is_no_memory() -> None:
    """A form is written on word for word, and so are forms that the model never saw."""
    forms = [
        f"entry {number} was received and filed by the office in good order on the same day"
        for number in random.Random(0).sample(range(1_000, 10_000), 120)
    ]
    members, others = forms[:60], forms[60:]
    model = by_heart(members, 60, width=32)
    verbatim, *_ = measured(Memorised().run(situation(model, members, others))).values
    assert verbatim.details["share"] > 0.9
    assert verbatim.details["control_share"] > 0.9
    assert verbatim.value < 0.1
    assert verbatim.details["p_value"] > 0.01


def test_a_free_run_finds_text_and_addresses(leaky: LanguageModel) -> None:
    found = measured(FreeRun().run(situation(leaky, MEMBERS, OTHERS, effort="quick")))
    verbatim, personal = found.values
    assert verbatim.low is not None
    assert verbatim.low > 0.02
    assert verbatim.details["control_hits"] == 0
    assert verbatim.details["longest"] >= verbatim.details["stretch"]
    # Ranking finds what was learnt by heart oftener than drawing at random does.
    ranked = verbatim.details["precision"]
    assert ranked["zlib ratio"]["50"] > verbatim.details["not_ranked"]
    assert ranked["likelihood ratio"]["50"] > verbatim.details["not_ranked"]
    assert personal.value >= 1
    assert personal.details["leaked"]["EMAIL_ADDRESS"] >= 1
    for row in personal.details["worst_rows"]:
        assert "@" in MEMBERS[row["row"]]
    said = told(found)
    assert not any(line[:20] in said for line in MEMBERS)
    assert "example.com" not in said


def test_a_free_run_of_a_stranger_finds_nothing(stranger: LanguageModel) -> None:
    found = measured(FreeRun().run(situation(stranger, MEMBERS, OTHERS, effort="quick")))
    verbatim, personal = found.values
    assert verbatim.value == 0
    assert verbatim.details["hits"] == 0
    assert personal.details["leaked"].get("EMAIL_ADDRESS", 0) == 0
    assert sum(personal.details["made_up"].values()) > 0


@pytest.mark.parametrize("attack", [Memorised(), FreeRun()])
def test_the_same_seed_finds_the_same(attack: Attack, stranger: LanguageModel) -> None:
    at = situation(stranger, MEMBERS, OTHERS, effort="quick")
    assert told(attack.run(at)) == told(attack.run(at))


def test_a_model_that_only_gives_the_next_token_is_attacked_too(leaky: LanguageModel) -> None:
    class Bare:
        classes, begin, end, context = leaky.classes, leaky.begin, leaky.end, leaky.context
        encode, decode = leaky.encode, leaky.decode
        predict_proba = leaky.predict_proba

    texts = [list(t.encode()) for t in MEMBERS[:3]]
    for one, other in zip(
        Speaker(Bare()).log_probs(texts), Speaker(leaky).log_probs(texts), strict=True
    ):
        assert np.allclose(one, other, atol=1e-4)
    begun = np.array([t[:10] for t in texts])
    written = [
        write(s.reading(3).on(begun)[1], 15, s.end, GREEDY, np.random.default_rng(0))[0]
        for s in (Speaker(Bare()), Speaker(leaky))
    ]
    assert np.array_equal(written[0], written[1])


def test_writing_keeps_to_its_sampler(stranger: LanguageModel) -> None:
    speaker, coins = Speaker(stranger), np.random.default_rng(0)
    expected = speaker.reading(1).following[0]
    for sampler, allowed in (
        (Sampler(top_k=3), set(np.argsort(expected)[-3:].tolist())),
        (GREEDY, {int(expected.argmax())}),
    ):
        tokens, chances = write(speaker.reading(200), 1, speaker.end, sampler, coins)
        assert set(tokens[:, 0].tolist()) <= allowed
        assert np.allclose(chances[:, 0], expected[tokens[:, 0]])
    drawn, _ = write(speaker.reading(4_000), 1, speaker.end, Sampler(), coins)
    share = np.bincount(drawn[:, 0], minlength=257) / 4_000
    assert np.abs(share - np.exp(expected)).max() < 0.04
    cooling = Sampler(start=10.0, cooling=20)
    assert [cooling.at(i) for i in (0, 10, 20)] == [10.0, 5.5, 1.0]
    # Behind its end a text stays ended, and costs nothing.
    tokens, chances = write(speaker.reading(50), LENGTH, speaker.end, Sampler(), coins)
    for row, chance in zip(tokens, chances, strict=True):
        ends = np.flatnonzero(row == speaker.end)
        if len(ends):
            assert (row[ends[0] :] == speaker.end).all()
            assert not chance[ends[0] + 1 :].any()


def test_what_cannot_be_judged_says_why(stranger: LanguageModel) -> None:
    def reason(attack: Attack, members: list[str], others: list[str]) -> str:
        found = attack.run(situation(stranger, members, others))
        assert isinstance(found, NotEvaluable)
        return found.reason

    names = ["Ann", "Bob"] * 400
    assert "too many texts have fewer than 4 tokens" in reason(Memorised(), names, names)
    assert "80 texts of the training data and 9 others" in reason(
        Memorised(), ["x" * 70] * 80, ["y" * 70] * 9
    )
    assert "another are needed" in reason(Memorised(), ["x" * 70] * 80, [])
    assert "0 bytes" in reason(FreeRun(), [], OTHERS)
    assert "half of the training texts have at most 3 bytes" in reason(FreeRun(), names, names)
    at = situation(stranger, MEMBERS, OTHERS)
    for attack in (Memorised(), FreeRun()):
        assert isinstance(attack.run(replace(at, kind="text")), NotEvaluable)


def test_fewer_texts_are_asked_within_a_query_budget(stranger: LanguageModel) -> None:
    at = situation(stranger, letters(300, 1), letters(300, 2), effort="quick", query_budget=120)
    found = measured(Memorised().run(at))
    assert found.values[0].details["rows"] == 60
    assert found.queries == 120
    assert found.details["tokens"] > 120 * LENGTH / 2
    free = measured(FreeRun().run(at))
    assert free.queries <= 120


# NLTK 3.9's sentence_bleu, unsmoothed, on runs of 50.
@pytest.mark.parametrize(("changed", "expected"), [(0, 1.0), (2, 0.89447), (5, 0.785629)])
def test_bleu_is_nltks(changed: int, expected: float) -> None:
    draw = random.Random(0)
    for k in (0, 2, 5):
        wanted = [draw.randrange(20) for _ in range(50)]
        written = list(wanted)
        for i in draw.sample(range(50), k):
            written[i] = draw.randrange(20)
        if k == changed:
            assert bleu(written, wanted) == pytest.approx(expected, abs=1e-6)
    assert bleu([], wanted) == 0
    assert bleu([1, 2, 3], [4, 5, 6]) == 0
    assert bleu(wanted[:33], wanted) == pytest.approx(math.exp(1 - 50 / 33))


def one_by_one(a: list[int], b: list[int]) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row, before = [i], row
        for j, y in enumerate(b, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (x != y)))
    return row[-1]


@given(st.lists(st.lists(st.integers(0, 3), min_size=7, max_size=7), min_size=1, max_size=5))
@settings(deadline=None, max_examples=50)
def test_edits_are_levenshteins(runs: list[list[int]]) -> None:
    one, other = np.array(runs), np.array(runs[::-1])
    assert edits(one, other).tolist() == [
        one_by_one(*p) for p in zip(runs, runs[::-1], strict=True)
    ]


@given(
    st.lists(st.text("ab", max_size=12), max_size=5),
    st.lists(st.text("ab", max_size=12), max_size=5),
    st.integers(1, 5),
)
@settings(deadline=None, max_examples=150)
def test_stretches_are_those_of_plain_search(
    known: list[str], asked: list[str], length: int
) -> None:
    have, want = [t.encode() for t in known], [t.encode() for t in asked]
    found = Stretches(have, length).find(want)
    expected = [
        {
            i: next(k for k, t in enumerate(have) if text[i : i + length] in t)
            for i in range(len(text) - length + 1)
            if any(text[i : i + length] in t for t in have)
        }
        for text in want
    ]
    assert found == expected


def test_the_model_of_counts_is_a_distribution() -> None:
    counts = ByteCounts([t.encode() for t in OTHERS])
    before = OTHERS[0].encode()[:9]
    chances = [math.exp(counts.loss(before) - counts.loss(before + bytes([b]))) for b in range(256)]
    assert sum(chances) == pytest.approx(1)
    known = sum(counts.loss(t.encode()) for t in OTHERS)
    assert known < 0.5 * sum(counts.loss(t[::-1].encode()) for t in OTHERS)


def test_shares_are_compared_as_published() -> None:
    # Newcombe 1998, table II, example (a): 56/70 against 48/80, method 10.
    found = excess(56, 70, 48, 80)
    assert found.value == pytest.approx(0.2)
    assert (found.value_low, found.value_high) == pytest.approx((0.0524, 0.3339), abs=1e-4)
    # Fisher's tea: 3 of 4 cups against 1 of 4.
    assert fisher(3, 4, 1, 4) == pytest.approx(17 / 70)
    # Garwood 1936: a count of 4.
    assert poisson_interval(4) == pytest.approx((1.0899, 10.2416), abs=1e-4)
    assert poisson_interval(0) == pytest.approx((0, 3.6889), abs=1e-4)


def test_pieces_are_told_apart_by_where_they_stand() -> None:
    training = ["write to ann@example.org soon", "or to shared@example.org"]
    others = ["shared@example.org and only@elsewhere.example.org"]
    written = [
        "ann@example.org ann@example.org",
        "shared@example.org",
        "only@elsewhere.example.org",
        "nobody@example.org",
        # A part of another address is none of it.
        "nn@example.org",
    ]
    found = personal_data(written, training, others)
    emails = {name: kinds.get("EMAIL_ADDRESS", 0) for name, kinds in found.to_json().items()}
    assert emails == {"leaked": 1, "elsewhere": 1, "common": 1, "made_up": 2}
    assert found.rows == (0,)
    # One of each is what chance gives; none leaked is none.
    value, low, high = beyond_chance(found, 1.0)
    assert (value, low) == (0, 0)
    assert high == pytest.approx(4.67, abs=0.01)
    assert beyond_chance(personal_data([], training, others), 1.0) == (0.0, None, None)
    nine = [f"ann{i}@example.org" for i in range(9)]
    many = personal_data(nine, nine, others)
    value, low, _ = beyond_chance(many, 1.0)
    assert value == 9
    assert low is not None
    assert low > 2


def test_only_names_that_could_be_nothing_else_count() -> None:
    training = ["met Katharina Lindqvist on the stairs", "the silver ocean was calm"]
    written = ["We met Katharina Lindqvist.", "silver ocean", "Silver", "dear Katharina,"]
    found = personal_data(written, training, ["nothing"])
    assert dict(found.leaked) == {"PERSON": 1}
    assert found.rows == (0,)
