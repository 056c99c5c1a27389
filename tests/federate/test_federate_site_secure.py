"""If this fails, what sites put into secure sums isn't what they trained, or is given out twice."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import stats
from tests.federate.one_site import SGD, SIZE, Asker, Disk, recipe, site

from strongroom.federate import Kind, Message, RuleSpec, SecureSpec, SitePrivacySpec
from strongroom.federate._model import Blueprint
from strongroom.federate._shared import SharedNoise
from strongroom.federate.secure import PHASES, Quantiser, ServerRound
from strongroom.privacy import EntryState, MemoryLedger, PrivacyStatement
from strongroom.vault import SigningKey, VerifyKey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from strongroom.federate import Recipe

NAMES = ("a", "b", "c")
KEYS = {name: SigningKey(name.encode() * 32).public.to_text() for name in NAMES}
GROUP = {"group": list(NAMES), "keys": KEYS, "scale": 300}
SECURE = SecureSpec(threshold=2)
ALL = SecureSpec(threshold=3)
ZERO = np.zeros(SIZE, np.float32)
SHARED = SitePrivacySpec(epsilon=2, delta=1e-5, clip_norm=3.0, noise="shared")


class Together:
    """The sites a, b and c in one job, and the server's side of its sums."""

    def __init__(self, job: Recipe, **about: Any) -> None:  # noqa: ANN401
        self.job, self._about = job, about
        self.askers = {name: Asker(site(name, **about), job) for name in NAMES}
        for asker in self.askers.values():
            asker.propose()

    def train(self, number: int, parameters: NDArray[np.float32] = ZERO) -> None:
        for asker in self.askers.values():
            answer = asker.good(Kind.TRAIN, number, facts=GROUP, arrays={"parameters": parameters})
            assert answer.facts == {"ready": True}
            assert not answer.arrays

    def total(self, number: int, absent: tuple[str, ...] = ()) -> NDArray[np.int64]:
        """Go through all phases; `absent` sites are not there for the sum itself."""
        assert self.job.secure is not None
        keys = {name: VerifyKey.parse(text) for name, text in KEYS.items()}
        server = ServerRound(self.job.secure, keys, job=self.job.job, round=number, length=SIZE + 1)
        for phase in PHASES:
            answers = {
                name: self.askers[name].send(request)
                for name, request in server.requests(phase).items()
                if not (name in absent and phase is Kind.SUBMIT)
            }
            server.take(phase, answers)
        return server.total()


def clear_updates(job: Recipe) -> dict[str, NDArray[np.float32]]:
    """What the same sites would answer without secure sums."""
    plain = job.model_copy(update={"secure": None, "privacy": None})
    found = {}
    for name in NAMES:
        asker = Asker(site(name), plain)
        asker.propose()
        found[name] = asker.train(1, ZERO).arrays["update"]
    return found


@pytest.mark.parametrize("absent", [(), ("b",)])
def test_the_secure_sum_is_that_of_the_updates_in_the_clear_to_the_bit(
    absent: tuple[str, ...],
) -> None:
    together = Together(recipe(secure=SECURE, local_epochs=3))
    together.train(1)
    quantiser = Quantiser(SECURE, 3)
    clear = [
        quantiser.encode(update, 1.0)
        for name, update in clear_updates(together.job).items()
        if name not in absent
    ]
    np.testing.assert_array_equal(together.total(1, absent), np.sum(clear, axis=0))


def test_a_round_has_one_sum() -> None:
    together = Together(recipe(secure=SECURE))
    together.train(1)
    # A coordinator that was killed before anything was revealed may begin again.
    together.train(1)
    together.total(1)
    for asker in together.askers.values():
        why = asker.why(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
        assert "no second one" in why
    together.train(2)
    together.total(2)


def test_where_groups_are_drawn_a_vector_is_submitted_once() -> None:
    # Else a server could put it into the sum of another group of the same round.
    job = recipe(
        secure=SecureSpec(threshold=3), sites=(*NAMES, "d", "e", "f"),
        rule=RuleSpec(name="median", groups=2),
    )  # fmt: skip
    together = Together(job)
    together.train(1)
    send = together.askers["b"].send
    together.askers["b"].send = lambda request: (  # type: ignore[method-assign]
        request.refuse("killed") if request.kind is Kind.CONFIRM else send(request)
    )
    with pytest.raises(Exception, match="only 2 of the 3"):
        together.total(1)
    for asker in together.askers.values():
        why = asker.why(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
        assert "no second one" in why


def test_a_round_has_one_sum_after_a_crash_too() -> None:
    disk = Disk()
    job = recipe(secure=SECURE)
    together = Together(job)
    asker = together.askers["a"] = Asker(site("a", checkpointer=disk), job)
    asker.propose()
    together.train(1)
    before = disk.kept[job.job]
    first = together.total(1)
    again = Asker(site("a", checkpointer=disk), job)
    again.propose()
    why = again.why(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
    assert "no second one" in why
    assert "without a round" in again.why(Kind.UNMASK, 1)
    # Killed before it revealed anything, it gives the same vector with fresh masks.
    disk.kept[job.job] = before
    other = Together(job)
    other.askers["a"] = Asker(site("a", checkpointer=disk), job)
    other.askers["a"].propose()
    other.train(1)
    np.testing.assert_array_equal(other.total(1), first)


def test_a_disk_that_is_full_when_a_share_would_be_revealed() -> None:
    disk = Disk()
    together = Together(recipe(secure=ALL))
    asker = together.askers["a"] = Asker(site("a", checkpointer=disk), together.job)
    asker.propose()
    together.train(1)
    send = asker.send
    seen: list[Message] = []
    again: list[Message] = []

    def full(request: Message) -> Message:
        disk.full = request.kind is Kind.UNMASK
        seen.append(send(request))
        if disk.full:
            again.append(send(replace(request, nonce=secrets.token_hex(16))))
        return seen[-1]

    asker.send = full  # type: ignore[method-assign]
    with pytest.raises(Exception, match="only 2 of the 3"):
        together.total(1)
    assert seen[-1].kind is Kind.REFUSED
    assert "No space" in seen[-1].facts["why"]
    # Asked again while it is still full, it doesn't give the share away either.
    assert "No space" in again[-1].facts["why"]
    assert not disk.kept[together.job.job][0]["facts"].tobytes().count(b'"revealed": true')


FALSE: list[tuple[str, dict[str, Any]]] = [
    ("without group and keys", {"group": None}),
    ("without group and keys", {"keys": []}),
    ("doesn't invite", {"group": ["a", "b", "z"]}),
    ("names a site twice", {"group": ["a", "b", "b"]}),
    ("not this one", {"group": ["b", "c"]}),
    ("a sum of 1 sites", {"group": ["a"]}),
    ("without a key", {"keys": {"a": KEYS["a"], "b": KEYS["b"]}}),
    ("without a key", {"keys": KEYS | {"c": "ed25519:AAAA"}}),
    ("without a key", {"keys": KEYS | {"c": 5}}),
    ("not the one pinned", {"keys": KEYS | {"b": KEYS["c"]}}),
    ('without "scale"', {"scale": 0}),
    ('without "scale"', {"scale": True}),
    ('without "scale"', {"scale": "300"}),
]  # fmt: skip


@pytest.mark.parametrize(("why", "told"), FALSE)
def test_a_server_that_names_others(why: str, told: dict[str, Any]) -> None:
    asker = Asker(site(policy={"peers": {"b": KEYS["b"]}}), recipe(secure=SECURE))
    asker.propose()
    assert why in asker.why(Kind.TRAIN, 1, facts=GROUP | told, arrays={"parameters": ZERO})


def test_fewer_sites_than_the_policy_wants() -> None:
    asker = Asker(site(policy={"min_sites": 3}), recipe(secure=ALL, min_sites=3))
    asker.propose()
    why = asker.why(Kind.TRAIN, 1, facts=GROUP | {"group": ["a", "b"]}, arrays={"parameters": ZERO})
    assert "where 3 are the least" in why


def test_a_key_that_changes_between_rounds() -> None:
    asker = Asker(site(), recipe(secure=SECURE))
    asker.propose()
    asker.good(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
    other = GROUP | {"keys": KEYS | {"b": KEYS["c"]}}
    why = asker.why(Kind.TRAIN, 2, facts=other, arrays={"parameters": ZERO})
    assert "of earlier rounds" in why


def test_the_statement_says_whose_keys_were_pinned() -> None:
    asker = Asker(site(policy={"peers": {"b": KEYS["b"]}}), recipe(secure=SECURE))
    asker.propose()
    asker.good(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
    told = asker.good(Kind.FINISH, 1).facts["statement"]
    predicate = json.loads(base64.b64decode(told["payload"]))["predicate"]
    assert {name: peer["pinned"] for name, peer in predicate["peers"].items()} == {
        "a": True,
        "b": True,
        "c": False,
    }
    assert "sums of at least 2" in predicate["trusted"][0]


def test_an_update_above_the_bound_is_told_and_not_cut() -> None:
    asker = Asker(site(), recipe(secure=SECURE.model_copy(update={"bound": 0.01})))
    asker.propose()
    why = asker.why(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
    assert "above the bound" in why


# --- noise of all sites together


def shared_job(**changes: Any) -> Recipe:  # noqa: ANN401
    plain: dict[str, Any] = {"secure": ALL, "privacy": SHARED, "rounds": 4}
    return recipe(**(plain | changes))


def sums(job: Recipe, scale: float, rounds: int) -> NDArray[np.float64]:
    """Return the noise in the sums of several rounds of the same parameters."""
    together = Together(job)
    noise = SharedNoise.of(job, SIZE)
    assert noise is not None
    found = []
    for number in range(1, rounds + 1):
        together.train(number)
        total, weight = noise.decode(together.total(number), scale)
        found.append(total)
    assert weight == pytest.approx(3 * scale)
    return np.array(found)


def test_rows_are_hidden_by_the_noise_of_all_sites() -> None:
    job = shared_job(rounds=30)
    found = sums(job, 300, 30)
    # Gradients of these rows have norm 2 at most: nothing is clipped.
    exact = 300 * np.sum(list(clear_updates(job).values()), axis=0, dtype=np.float64)
    noise = SharedNoise.of(job, SIZE)
    assert noise is not None
    mechanism = noise.mechanism
    assert mechanism.contributors == 3 - ALL.colluders
    step = SGD.learning_rate * SHARED.clip_norm / mechanism.resolution
    deviation = np.sqrt(3) * mechanism.scale * step
    chi = float(np.square((found - exact) / deviation).sum())
    assert 1e-4 < stats.chi2.cdf(chi, found.size) < 1 - 1e-4
    # So much, where fewer may be trusted, as one site alone would have needed in all.
    needed = mechanism.noise_multiplier * SGD.learning_rate * SHARED.clip_norm
    assert deviation * np.sqrt(mechanism.contributors / 3) >= needed


def test_sites_are_hidden_by_the_noise_of_all_sites() -> None:
    privacy = SHARED.model_copy(update={"unit": "site", "clip_norm": 0.2})
    job = shared_job(privacy=privacy, weighting="equal", local_epochs=3, rounds=30)
    found = sums(job, 1.0, 30)
    updates = clear_updates(job)
    norms = {name: float(np.linalg.norm(update)) for name, update in updates.items()}
    assert min(norms.values()) > 0.4
    exact = np.sum([u * (0.2 / norms[n]) for n, u in updates.items()], axis=0)
    noise = SharedNoise.of(job, SIZE)
    assert noise is not None
    deviation = np.sqrt(3) * noise.mechanism.scale * 0.2 / noise.mechanism.resolution
    chi = float(np.square((found - exact) / deviation).sum())
    assert 1e-4 < stats.chi2.cdf(chi, found.size) < 1 - 1e-4


def test_shared_noise_is_paid_for_and_said_to_be_shared() -> None:
    ledger = MemoryLedger()
    job = shared_job()
    asker = Asker(site(ledger=ledger), job)
    asker.propose()
    asker.good(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
    (entry,) = ledger.entries("people.csv")
    assert entry.state is EntryState.RESERVED
    assert entry.spend.events[0]["type"] == "distributed_discrete_gaussian"
    assert entry.spend.epsilon <= 2
    told = asker.good(Kind.FINISH, 1).facts["statement"]
    predicate = json.loads(base64.b64decode(told["payload"]))["predicate"]
    statement = PrivacyStatement.from_json(predicate["privacy"])
    assert statement.epsilon == entry.spend.epsilon
    assert "every sum" in statement.covered[0]
    assert any("share of the noise" in text for text in predicate["trusted"])
    assert not any("own noise" in text for text in predicate["trusted"])


def test_a_repeated_round_has_the_same_noise() -> None:
    job, ledger, disk = shared_job(), MemoryLedger(), Disk()
    asker = Asker(site(ledger=ledger, checkpointer=disk), job)
    asker.propose()
    vectors = []
    for _ in range(2):
        asker.good(Kind.TRAIN, 1, facts=GROUP, arrays={"parameters": ZERO})
        vectors.append(disk.kept[job.job][0]["vector"])
        asker = Asker(site(ledger=ledger, checkpointer=disk), job)
        asker.propose()
    np.testing.assert_array_equal(vectors[0], vectors[1])
    other = GROUP | {"scale": 400}
    why = asker.why(Kind.TRAIN, 1, facts=other, arrays={"parameters": ZERO})
    assert "asked before" in why


@pytest.mark.parametrize(
    "changes",
    [
        {"weighting": "equal"},
        {"local_epochs": 2},
        {"train": SGD.model_copy(update={"optimizer": "adam"})},
        {"train": SGD.model_copy(update={"batch_size": 30})},
    ],
)
def test_shared_noise_is_for_one_step_of_all_rows(changes: dict[str, Any]) -> None:
    job = shared_job(**changes)
    asker = Asker(site(), job)
    facts = {"recipe": job.model_dump(mode="json")}
    assert "one clipped sum" in asker.why(Kind.PROPOSE, facts=facts)


def test_decay_is_in_the_sum_once() -> None:
    spec = SGD.model_copy(update={"weight_decay": 0.5})
    little = SHARED.model_copy(update={"epsilon": 50})
    job = shared_job(train=spec, privacy=little, rounds=1)
    together = Together(job)
    parameters = np.linspace(-1, 1, SIZE, dtype=np.float32)
    together.train(1, parameters)
    noise = SharedNoise.of(job, SIZE)
    assert noise is not None
    total, weight = noise.decode(together.total(1), 300)
    expected = []
    for name in NAMES:
        plain = Asker(site(name), job.model_copy(update={"secure": None, "privacy": None}))
        plain.propose()
        expected.append(plain.train(1, parameters).arrays["update"])
    np.testing.assert_allclose(total / weight, np.mean(expected, axis=0), atol=5e-3)


def test_the_blueprint_is_the_size_of_the_sum() -> None:
    assert Blueprint.of(recipe()).size == SIZE
