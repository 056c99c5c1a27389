"""If this fails, a model that gives planted secrets away passes, or an innocent one is accused."""

from __future__ import annotations

import json
import math
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats
from tests.attacks.writers import WORDS, by_heart, letters, measured, situation, told

from strongroom.attacks import NotEvaluable
from strongroom.attacks.extraction import Canary, Exposure, Plant, Template, plant
from strongroom.attacks.extraction._exposure import CHANCE, fisher_combined
from strongroom.attacks.extraction._rank import _sampled, _Tree, _weighted, standings
from strongroom.attacks.extraction._skew_normal import SkewNormal
from strongroom.attacks.extraction._speaker import Speaker
from strongroom.config import PrivacySpec, TextSpec, TrainSpec
from strongroom.data import Dataset, Kind
from strongroom.errors import DataError, InputError, TamperedError
from strongroom.models import LanguageModel
from strongroom.train import train_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACE = 10**4
TIMES = (1,) * 4 + (4,) * 4 + (16,) * 4
SPEC = TrainSpec(
    model="language-model",
    epochs=15,
    batch_size=32,
    learning_rate=0.01,
    optimizer="adam",
    average=False,
    compare=False,
    seed=1,
    text=TextSpec(column="text", length=32, width=32, layers=1),
)


def corpus(rows: int = 400) -> Dataset:
    draw = random.Random(3)
    texts = [" ".join(draw.choice(WORDS) for _ in range(4)) for _ in range(rows)]
    return Dataset(pa.table({"text": texts, "person": range(rows)}), subject="person", name="lines")


def planted(data: Dataset) -> tuple[Dataset, Plant]:
    return plant(data, TIMES, length=4, column="text", coins=random.Random(1))


def trained(data: Dataset, spec: TrainSpec) -> LanguageModel:
    model = train_model(data, spec, rows=data.rows).model
    assert isinstance(model, LanguageModel)
    return model


@pytest.fixture(scope="module")
def stranger() -> LanguageModel:
    """A model that learnt other texts than any canary's."""
    return by_heart(letters(60, 1), 40, width=32)


def test_exposure_rises_with_the_number_of_insertions() -> None:
    # Nobody owns a row here: each counts by itself.
    data, record = planted(replace(corpus(), subject=None))
    model = trained(data, SPEC)
    found = measured(Exposure().run(situation(model, letters(9, 1), letters(9, 2), plant=record)))
    exposure, first = found.values
    once, four, sixteen = exposure.details["by_times"]
    # Carlini et al. 2019, figures 2 and 9: it rises with every doubling, up to log2 of the space.
    assert CHANCE < once["exposure"] < four["exposure"] < sixteen["exposure"]
    assert sixteen["exposure"] > 0.9 * math.log2(SPACE)
    assert sixteen["p_value"] < 1e-9
    assert exposure.value == sixteen["exposure"]
    assert exposure.low is not None
    assert exposure.low > 10
    assert exposure.details["remembered"]
    assert first.value >= 3
    # What was drawn alongside and planted nowhere is at chance in the same model.
    assert exposure.details["controls"]["secrets"] == 96
    assert exposure.details["controls"]["p_value"] > 0.01
    assert "warning" not in exposure.details
    # No secret and no sentence is told.
    for canary in record.canaries:
        assert f'"{canary.secret}"' not in told(found)
        assert canary.template.before not in told(found)


def test_a_person_with_sixteen_rows_is_at_chance_under_privacy() -> None:
    data, record = planted(corpus())
    private = SPEC.model_copy(
        update={"batch_size": 64, "privacy": PrivacySpec(epsilon=8.0, clip_norm=0.3)}
    )
    result = train_model(data, private, rows=412)
    assert result.privacy is not None
    assert result.privacy.epsilon <= 8
    given = situation(result.model, letters(9, 1), letters(9, 2), plant=record)
    exposure, first = measured(Exposure().run(given)).values
    # One seed, so no false alarm: with other coins p would lie below 0.01 once in a hundred.
    assert exposure.details["p_value"] > 0.01
    assert not exposure.details["remembered"]
    assert first.value == 0


@pytest.mark.parametrize(("exact", "repeats", "most"), [(True, 200, 21), (False, 100, 14)])
def test_an_innocent_model_is_rarely_accused(
    stranger: LanguageModel, exact: bool, repeats: int, most: int
) -> None:
    """Records of 3 canaries each: p ≤ 0.05 comes no oftener than that (false alarm < 0.05 %)."""
    assert stats.binom.sf(most, repeats, 0.05) < 5e-4
    draw, coins = random.Random(5), np.random.default_rng(5)
    found = []
    for _ in range(repeats):
        p_values = []
        for before in ("my pin is ", "river ", "the code 7"):
            template = Template(before, length=3)
            canary = Canary(template, template.secret(draw.randrange(template.space)), 1)
            own, _ = standings(Speaker(stranger), canary, 10_000 if exact else 100, coins)
            assert (own.how == "enumerated") == exact
            p_values.append(own.p_value)
        found.append(fisher_combined(p_values))
    assert sum(p <= 0.05 for p in found) <= most
    # It isn't blind either: chance comes out as chance.
    assert abs(np.mean(found) - 0.5) < 0.1


def by_hand(model: LanguageModel, template: Template) -> NDArray[np.float64]:
    """Return the loss of every secret, from one pass over whole sentences."""
    texts = [template.before + template.secret(n) for n in range(template.space)]
    tokens = np.array([list(t.encode()) for t in texts], np.int64)
    inputs = np.full(tokens.shape, model.begin, np.int32)
    inputs[:, 1:] = tokens[:, :-1]
    labels = np.where(np.arange(tokens.shape[1]) >= len(template.before), tokens, -100)
    found: NDArray[np.float64] = model.losses(inputs, labels) * template.length
    return found


@pytest.mark.parametrize(("alphabet", "length"), [("0123456789", 3), ("abc", 6), ("é€", 5)])
def test_ranks_are_those_of_trying_everything(
    stranger: LanguageModel, alphabet: str, length: int
) -> None:
    template = Template("lamp 4", alphabet=alphabet, length=length)
    coins = np.random.default_rng(0)
    if alphabet == "é€":  # letters of several tokens: every secret is written out
        assert _Tree.of(Speaker(stranger), template, coins) is None
        whole = [(template.before + template.secret(n)).encode() for n in range(template.space)]
        losses = np.array(
            [-float(p[len(template.before) :].sum()) for p in Speaker(stranger).log_probs(
                [list(w) for w in whole]
            )]
        )  # fmt: skip
    else:
        losses = by_hand(stranger, template)
    for number in (0, template.space // 3, int(losses.argmin()), template.space - 1):
        others = (template.secret(int(losses.argmax())),)
        canary = Canary(template, template.secret(number), 1, others)
        own, (last,) = standings(Speaker(stranger), canary, 10**6, coins)
        rank = int((losses <= losses[number] + 1e-6).sum())
        assert own.rank is not None
        assert abs(own.rank - rank) <= 1  # two that differ in the last bit may change places
        assert own.exposure == pytest.approx(math.log2(template.space / own.rank))
        assert last.rank is not None
        assert last.rank >= template.space - 1


def test_the_search_counts_what_trying_everything_counts(stranger: LanguageModel) -> None:
    template = Template("river stone ", length=3)
    losses = by_hand(stranger, template)
    tree = _Tree.of(Speaker(stranger), template, np.random.default_rng(0))
    assert tree is not None
    for most in np.quantile(losses, [0.001, 0.1, 0.9]) + 1e-6:
        assert tree.ahead(float(most), 10**6) == int((losses <= most).sum())
    assert tree.ahead(float(losses.max()) + 1, 50) is None


def test_a_known_secret_is_found_among_too_many_to_try() -> None:
    template = Template("card ", length=16)
    secret = "4000123412341234"
    model = by_heart([template.before + secret] * 32, 80, width=32)
    canary = Canary(template, secret, 32, ("9" * 16,))
    own, (other,) = standings(Speaker(model), canary, 100_000, np.random.default_rng(0))
    assert (own.how, own.rank) == ("searched", 1)
    assert own.exposure == pytest.approx(16 * math.log2(10))
    assert own.p_value == pytest.approx(1e-16)
    assert other.rank is None
    assert other.exposure < 20


@pytest.mark.parametrize("before", ["garden ", "the code of Bidu is ", "37"])
def test_estimates_come_near_the_exact_rank(stranger: LanguageModel, before: str) -> None:
    """Held against ranks among 10^5 that were found exactly."""
    template, coins = Template(before, length=5), np.random.default_rng(1)
    tree = _tree(stranger, template)
    codes, losses = (np.concatenate(part) for part in zip(*tree.leaves(), strict=True))
    order = np.argsort(losses)
    sample = np.sort(losses[coins.integers(0, template.space, 10_000)])
    fitted = SkewNormal.fit(sample)
    for rank in (1, 3, 10, 30, 150, 3_000):
        exact, loss = math.log2(template.space / rank), float(losses[order[rank - 1]])
        said = -fitted.log_cdf(loss) / math.log(2)
        if exact < 10:
            assert said == pytest.approx(exact, abs=1.5)
        # Far out the paper's family is only a family.
        assert said == pytest.approx(exact, abs=4)
        evenly = _sampled(loss, sample, template, coins)
        assert evenly.how == ("sampled" if exact < 8 else "extrapolated")
        better = _weighted(loss, tree, evenly, 5_000, coins)
        if better.how == "weighted":
            assert better.exposure == pytest.approx(exact, abs=0.75)
            assert better.low - 0.5 < exact < better.high + 0.5
        else:
            assert exact > 11
    assert template.number(template.secret(int(codes[0]))) == codes[0]


def _tree(model: LanguageModel, template: Template) -> _Tree:
    tree = _Tree.of(Speaker(model), template, np.random.default_rng(0))
    assert tree is not None
    return tree


# SciPy 1.16's skewnorm.logcdf.
@pytest.mark.parametrize(
    ("shape", "value", "log"),
    [
        (0, -30, -454.3212439563431),
        (3, -2, -26.003915015978784),
        (-3, -8, -34.320289979354605),
        (3, 1, -0.3816327631431726),
        (10, -0.3, -10.451680797261469),
    ],
)
def test_the_skew_normal_far_out(shape: float, value: float, log: float) -> None:
    assert SkewNormal(0, 1, shape).log_cdf(value) == pytest.approx(log, rel=2e-4)


@pytest.mark.parametrize("shape", [-4.0, 0.0, 2.0])
def test_the_skew_normal_is_found_again(shape: float) -> None:
    drawn = stats.skewnorm(shape, 5, 2).rvs(200_000, random_state=0)
    fitted = SkewNormal.fit(drawn)
    for share in (0.001, 0.1, 0.5, 0.9):
        at = float(stats.skewnorm(shape, 5, 2).ppf(share))
        assert math.exp(fitted.log_cdf(at)) == pytest.approx(share, rel=0.15)
    distance, p_value = fitted.distance(drawn[:1_000])
    theirs = stats.kstest(drawn[:1_000], fitted.cdf, method="asymp")
    assert (distance, p_value) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_p_values_combine_as_fisher_says() -> None:
    p_values = [0.01, 0.2, 0.7]
    theirs = stats.combine_pvalues(p_values, method="fisher").pvalue
    assert fisher_combined(p_values) == pytest.approx(theirs)


def test_the_same_seed_finds_the_same(stranger: LanguageModel) -> None:
    _, record = plant(corpus(), (1, 2), column="text", length=12, coins=random.Random(4))
    given = situation(stranger, letters(9, 1), letters(9, 2), plant=record, effort="quick")
    one, two = (told(Exposure().run(given)) for _ in range(2))
    assert one == two
    assert "extrapolated" in one or "sampled" in one


def test_what_cannot_be_judged_says_why(stranger: LanguageModel) -> None:
    given = situation(stranger, letters(9, 1), letters(9, 2))
    found = Exposure().run(given)
    assert isinstance(found, NotEvaluable)
    assert "no canaries were planted" in found.reason
    _, record = plant(corpus(9), (1, 1), column="text", coins=random.Random(4))
    found = Exposure().run(replace(given, plant=record, query_budget=3_000))
    assert isinstance(found, NotEvaluable)
    assert "2 canaries need 4,000 queries to be ranked; 3,000 are allowed" in found.reason
    found = Exposure().run(replace(given, plant=record, query_budget=5_000))
    assert measured(found).queries <= 5_000
    long = Plant((Canary(Template("x" * 100), "123456", 1),), "text", 9)
    found = Exposure().run(replace(given, plant=long))
    assert isinstance(found, NotEvaluable)
    assert "has 106 tokens, and the model reads 80" in found.reason
    found = Exposure().run(replace(given, kind="table"))
    assert isinstance(found, NotEvaluable)

    class Deaf:
        classes = stranger.classes
        predict_proba = stranger.predict_proba

    found = Exposure().run(replace(given, target=Deaf()))
    assert isinstance(found, NotEvaluable)
    assert "it lacks begin, end, context, encode, decode" in found.reason


def test_planting_leaves_every_row_and_tells_what_it_did() -> None:
    data = corpus(50)
    mixed, record = plant(data, (1, 3), column="text", coins=random.Random(2))
    assert record.rows == 50
    texts, people = (mixed.table.column(c).to_pylist() for c in ("text", "person"))
    assert mixed.subject == "person"
    rest = list(zip(texts, people, strict=True))
    for number, canary in enumerate(record.canaries):
        assert texts.count(canary.text) == canary.times
        owners = {p for t, p in rest if t == canary.text}
        assert owners == {50 + number}, "a canary is one person whom the data don't know"
        assert len({canary.secret, *canary.controls}) == 9
        assert canary.secret not in repr(canary) + repr(record)
    kept = [row for row in rest if row[1] < 50]
    assert sorted(kept) == sorted(zip(*(data.table.column(c).to_pylist() for c in ("text", "person")), strict=True))  # fmt: skip  # noqa: E501 - one comparison
    again = Plant.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record


def test_secrets_come_from_the_systems_coins() -> None:
    data = Dataset(pa.table({"text": ["a", "b"]}), kind=Kind.TEXT)
    one, two = (plant(data, (1,) * 5)[1] for _ in range(2))
    assert [c.secret for c in one.canaries] != [c.secret for c in two.canaries]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": "strongroom/plant/9"}, "format"),
        ({"canaries": [{"secret": "1"}]}, "damaged"),
        (
            {
                "canaries": [
                    {
                        "template": {"before": "a"},
                        "secret": "12345x",
                        "times": 1,
                        "controls": [],
                    }
                ]
            },
            "doesn't fit",
        ),
    ],
)
def test_a_damaged_record_is_refused(change: dict[str, Any], said: str) -> None:
    _, record = plant(corpus(5), (1,), column="text", coins=random.Random(2))
    with pytest.raises(TamperedError, match=said):
        Plant.from_json(record.to_json() | change)


def test_mistakes_are_named() -> None:
    two = Dataset(pa.table({"a": ["x"], "b": ["y"]}), name="two")
    with pytest.raises(DataError, match="2 columns of text"):
        plant(two)
    with pytest.raises(DataError, match='no column "c"'):
        plant(two, column="c")
    with pytest.raises(DataError, match="no rows"):
        plant(Dataset(pa.table({"a": pa.array([], pa.string())})))
    with pytest.raises(InputError, match="once or more"):
        plant(two, (0, 1), column="a")
    with pytest.raises(InputError, match="1 templates for 2"):
        plant(two, (1, 1), column="a", templates=[Template("x")])
    with pytest.raises(InputError, match="alphabet"):
        Template("x", alphabet="11")
