"""If this fails, somebody can make a site fail, or talk, by asking it strange things."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.federate.one_site import SIZE, Asker, people, recipe, site

from strongroom.federate import Kind, Message, MessageError, SecureSpec, SitePrivacySpec
from strongroom.federate.site._exit import check_leaving

if TYPE_CHECKING:
    from strongroom.federate import Recipe

SECRETS = [f"person {i}" for i in range(300)]
PARAMETERS = np.zeros(SIZE, np.float32)
KEYED = {"group": ["a", "b", "c"], "keys": {"a": "x"}, "scale": 300}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.sampled_from(
    ["recipe", "group", "keys", "scale", "model", "outcome", "sites", "why", "rows", ""]
)
facts = st.dictionaries(names | st.text(max_size=8), values, max_size=4)
arrays = st.dictionaries(
    st.sampled_from(["parameters", "control", "keys", "shares", "signatures", "masked", "x"]),
    st.one_of(
        st.just(PARAMETERS),
        st.sampled_from(["float32", "float64", "uint8", "uint32", "int64"]).flatmap(
            lambda kind: st.lists(st.integers(0, 3), max_size=3).map(
                lambda shape: np.ones(shape, kind)
            )
        ),
    ),
    max_size=3,
)
kinds = st.sampled_from(list(Kind))
rounds = st.integers(0, 6) | st.integers(0, 2**31 - 1)


def jobs() -> list[Recipe]:
    own = SitePrivacySpec(epsilon=2)
    return [
        recipe(),
        recipe(privacy=own),
        recipe(secure=SecureSpec(threshold=2)),
        recipe(secure=SecureSpec(threshold=3), privacy=own.model_copy(update={"noise": "shared"})),
    ]


JOBS = jobs()


def asked(request: Message, home: Any) -> Message:  # noqa: ANN401 - a site
    """Ask, and check what must hold for every answer."""
    answer: Message = home.answer(request)
    assert answer.answers(request)
    check_leaving(answer, SIZE)
    data = answer.encode()
    assert Message.decode(data).facts == answer.facts
    assert not any(secret.encode() in data for secret in SECRETS)
    return answer


@settings(max_examples=150, deadline=None)
@given(kind=kinds, number=rounds, facts=facts, arrays=arrays, which=st.integers(0, 3),
       known=st.booleans(), fresh=st.booleans())  # fmt: skip
def test_every_request_has_an_answer(
    kind: Kind, number: int, facts: dict[str, Any], arrays: dict[str, Any], which: int,
    *, known: bool, fresh: bool,
) -> None:  # fmt: skip
    home = HOME[0]
    job = JOBS[which].job if known else secrets.token_hex(16)
    nonce = secrets.token_hex(16) if fresh else "0" * 31
    request = Message(kind, job, number, nonce, facts, arrays)
    try:
        request = Message.decode(request.encode())
    except MessageError:
        return  # nothing that could come over a wire
    asked(request, home)


HOME: list[Any] = []


@pytest.fixture(autouse=True, scope="module")
def _home() -> None:
    home = site()
    for job in JOBS:
        Asker(home, job).propose()
    HOME.append(home)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_recipe_with_anything_in_any_place(data: st.DataObject) -> None:
    home = HOME[0]
    document = recipe().model_dump(mode="json")
    for _ in range(data.draw(st.integers(1, 3))):
        place = document
        while True:
            name = data.draw(st.sampled_from(sorted(place)))
            if isinstance(place[name], dict) and place[name] and data.draw(st.booleans()):
                place = place[name]
                continue
            place[name] = data.draw(values)
            break
    request = Message(Kind.PROPOSE, str(document.get("job")), 0, secrets.token_hex(16),
                      {"recipe": document})  # fmt: skip
    try:
        request = Message.decode(request.encode())
    except MessageError:
        return
    answer = asked(request, home)
    if answer.kind is Kind.PROPOSE:
        asked(Message(Kind.STOP, request.job, 0, secrets.token_hex(16)), home)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(kinds, st.integers(0, 3)), max_size=12), st.integers(0, 3))
def test_kinds_in_any_order(steps: list[tuple[Kind, int]], which: int) -> None:
    job = JOBS[which].model_copy(update={"job": secrets.token_hex(16)})
    home = site(data=SMALL)
    proposal = {"recipe": job.model_dump(mode="json")}
    rounds: list[int] = []
    for kind, number in [(Kind.PROPOSE, 0), *steps]:
        known = proposal if kind is Kind.PROPOSE else KEYED if kind is Kind.TRAIN else {}
        arrays = {"parameters": PARAMETERS} if kind in (Kind.TRAIN, Kind.EVALUATE) else {}
        nonce = secrets.token_hex(16)
        answer = asked(Message(kind, job.job, number, nonce, known, arrays), home)
        if answer.kind is Kind.TRAIN:
            rounds.append(number)
    # Rounds never go back, and none is there that the job doesn't have.
    assert rounds == sorted(rounds)
    assert all(1 <= number <= job.rounds for number in rounds)


SMALL = people(20)


def test_columns_with_strange_names() -> None:
    data = people(5)
    odd = data.table.append_column("\x00 person\ud7ff\u202e", pa.array(range(5)))
    home = site(data=data.with_table(odd))
    answer = asked(Message(Kind.DESCRIBE, "", 0, secrets.token_hex(16)), home)
    assert answer.kind is Kind.DESCRIBE
