"""If this fails, an audit of a served model leaks a key, hammers a server or believes garbage.

It may also lose what was answered when a server falls over. All servers here are real ones, on
127.0.0.1.
"""

from __future__ import annotations

import json
import time
import tomllib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.models.conformance import check_model
from tests.models.serving import ROWS, Json, Server, chance, rows

from strongroom.data import Dataset
from strongroom.errors import ConfigError, DataError, EndpointError, InputError
from strongroom.models import open_model
from strongroom.models.foreign._mapping import _TOP, map_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def mapping(server: Server, **changes: Json) -> dict[str, Any]:
    return {
        "url": f"{server.url}/predict",
        "batch": 8,
        "backoff": 0.01,
        "retries": 2,
        "response": {"probabilities": "predictions[].scores"},
        **changes,
    }


def opened(server: Server, tmp_path: Path, **changes: Json) -> Json:
    path = tmp_path / "endpoint.toml"
    path.write_text("", "utf-8")
    return open_model(path, target="back", mapping=mapping(server, **changes)).model


def test_answers_as_the_model_behind_it_does(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path)
    check_model(model, rows(), rows(9, seed=1))
    inputs, _ = model.read(rows())
    wanted = [chance(row) for row in rows().table.to_pylist()]
    np.testing.assert_allclose(model.predict_proba(inputs)[:, 1], wanted, atol=1e-6)
    sent = server.bodies[-1]["instances"][0]
    assert list(sent) == ["age", "stay", "ward"]
    assert isinstance(sent["age"], int)


def test_a_row_is_paid_for_once(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path)
    inputs, _ = model.read(rows())
    model.predict_proba(inputs)
    asked = model.queries
    assert asked == ROWS + 3  # three of them twice, to see whether answers change
    model.predict_proba(inputs[::-1])
    assert model.queries == asked


def test_toml_lists_and_labels(server: Server, tmp_path: Path) -> None:
    server.answer = lambda body: {  # type: ignore[method-assign]
        "labels": ["yes" if chance(r) > 0.5 else "no" for r in body["x"]["rows"]]
    }
    path = tmp_path / "endpoint.toml"
    path.write_text(
        f'url = "{server.url}/predict"\ncolumns = ["age", "stay", "ward"]\n'
        'classes = ["no", "yes"]\n[request]\nbody = {x = {rows = "$rows"}}\nrow = "list"\n'
        '[response]\nlabel = "labels"\n',
        "utf-8",
    )
    model: Any = open_model(path, target="back").model
    inputs, _ = model.read(rows())
    assert not model.soft
    wanted = [chance(row) > 0.5 for row in rows().table.to_pylist()]
    np.testing.assert_array_equal(model.predict_proba(inputs).argmax(axis=1), wanted)


def test_waits_as_long_as_it_is_told(server: Server, tmp_path: Path) -> None:
    server.before = lambda n, _: (429, {}, {"Retry-After": "1"}) if n == 1 else None
    model = opened(server, tmp_path)
    model.read(rows())
    assert server.times[1] - server.times[0] >= 0.99
    assert model.describe()["retried"] == 1


def test_keeps_to_a_rate(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path, requests_per_second=20, batch=4)
    begun = time.monotonic()
    model.predict_proba(model.read(rows())[0])
    assert len(server.times) == 2 + 5
    assert time.monotonic() - begun >= 6 / 20, "a lower bound: however slow the machine is"


@pytest.mark.parametrize(
    "content",
    [
        b"<html>busy</html>",
        {"predictions": []},
        {"predictions": [{"scores": {"no": 0.9, "yes": 0.9}}] * 8},
        {"predictions": [{"scores": {"no": "a", "yes": 0.1}}] * 8},
        b'{"predictions": [' + b",".join([b'{"scores": {"no": NaN, "yes": 0.5}}'] * 8) + b"]}",
        {"predictions": [{"scores": {"perhaps": 0.5, "yes": 0.5}}] * 8},
        [1, 2, 3],
    ],
)
def test_garbage_is_asked_again_and_never_taken(
    server: Server, tmp_path: Path, content: Json
) -> None:
    model = opened(server, tmp_path)
    inputs, _ = model.read(rows(8))
    model._answers.clear()
    start = len(server.bodies)
    server.before = lambda n, _: (200, content, {}) if n == start + 1 else None
    wanted = [chance(row) for row in rows(8).table.to_pylist()]
    np.testing.assert_allclose(model.predict_proba(inputs)[:, 1], wanted, atol=1e-6)
    model._answers.clear()
    server.before = lambda _n, _: (200, content, {})
    with pytest.raises(EndpointError, match="not usable"):
        model.predict_proba(inputs)


def test_what_was_answered_is_kept_when_it_falls_over(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path)
    inputs, _ = model.read(rows())
    after = len(server.bodies) + 1
    server.before = lambda n, _: (503, {}, {}) if n > after else None
    have = model.answered(inputs)
    assert 0 < have.sum() < ROWS
    assert model.partial
    assert model.describe()["partial"]
    wanted = np.array([chance(row) for row in rows().table.to_pylist()])
    np.testing.assert_allclose(model.predict_proba(inputs[have])[:, 1], wanted[have], atol=1e-6)
    with pytest.raises(EndpointError, match=f"{ROWS - int(have.sum())} of {ROWS} rows"):
        model.predict_proba(inputs)
    server.before = lambda _n, _: None
    np.testing.assert_allclose(model.predict_proba(inputs)[:, 1], wanted, atol=1e-6)


def test_one_that_times_out(server: Server, tmp_path: Path) -> None:
    def slow(_number: int, _body: Json) -> None:
        time.sleep(0.4)

    server.before = slow
    model = opened(server, tmp_path, timeout=0.05, retries=1)
    with pytest.raises(EndpointError, match=r"asked 2 times: no answer within 0\.05 s"):
        model.read(rows())


def test_one_that_nobody_runs(tmp_path: Path) -> None:
    gone = Server()
    gone.close()
    with pytest.raises(EndpointError, match="the connection failed"):
        opened(gone, tmp_path).read(rows())


def test_one_that_changes_its_answers(server: Server, tmp_path: Path) -> None:
    coins = np.random.default_rng(0)
    server.answer = lambda body: {  # type: ignore[method-assign]
        "predictions": [
            {"scores": {"no": 1 - p, "yes": p}} for p in coins.random(len(body["instances"]))
        ]
    }
    model = opened(server, tmp_path)
    model.read(rows())
    assert not model.deterministic
    assert model.describe()["unsteadiness"] > 0.01


def test_a_budget_of_queries(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path, queries=16)
    inputs, _ = model.read(rows())
    have = model.answered(inputs)
    assert model.queries <= 16
    assert 3 < have.sum() < ROWS
    with pytest.raises(EndpointError, match="budget of 16 rows is used up"):
        model.predict_proba(inputs)


def test_requests_that_are_too_large_become_smaller(server: Server, tmp_path: Path) -> None:
    server.before = lambda _n, body: (413, {}, {}) if len(body["instances"]) > 3 else None
    model = opened(server, tmp_path)
    model.predict_proba(model.read(rows())[0])
    assert max(len(b["instances"]) for b in server.bodies[-4:]) <= 3


def test_secrets_come_from_the_environment_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="a secret must not stand in the mapping"):
        opened(server, tmp_path, headers={"Authorization": "Bearer abc"})
    with pytest.raises(InputError, match="STRONGROOM_TEST_TOKEN is not set"):
        opened(server, tmp_path, headers={"Authorization": "Bearer ${STRONGROOM_TEST_TOKEN}"})
    monkeypatch.setenv("STRONGROOM_TEST_TOKEN", "hush-hush")
    model = opened(server, tmp_path, headers={"Authorization": "Bearer ${STRONGROOM_TEST_TOKEN}"})
    model.read(rows())
    assert server.headers[0]["Authorization"] == "Bearer hush-hush"
    server.before = lambda _n, _: (401, {}, {})
    model._answers.clear()
    with pytest.raises(EndpointError) as caught:
        model.read(rows(5, seed=4))
    assert "hush" not in str(caught.value) + repr(model) + json.dumps(model.describe())
    assert len(server.bodies) == 3, "asking again doesn't mend a refusal"


def test_redirects_are_not_followed(server: Server, tmp_path: Path) -> None:
    server.before = lambda _n, _: (307, {}, {"Location": "http://127.0.0.1:9/elsewhere"})
    with pytest.raises(EndpointError, match="another address"):
        opened(server, tmp_path).read(rows())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://models.example/predict", "unencrypted"),
        ("https://me:word@models.example/", "holds a password"),
        ("ftp://models.example/", "no|not"),
        ("https://[::1", "not an address"),
        ("https://models.example:99999/", "not an address"),
        ("https://models.example/a b\r\nHost: x", "not an address"),
        ("http://", "not an address"),
    ],
)
def test_addresses_that_are_refused(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        open_model(url, mapping={"response": {"probabilities": "p"}})
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rsponse": {}}, 'unknown key "rsponse"'),
        ({"batch": 0}, "batch must be at least 1"),
        ({"batch": "many"}, "another kind"),
        ({"request": {"body": {"x": 1}}}, "no place for rows"),
        ({"request": {"row": "tuple"}}, "no way to write a row"),
        ({"response": {}}, "where in the answer"),
        ({"headers": {"X-Note": "a\nb"}}, "a header is one line"),
    ],
)
def test_mappings_that_cannot_be(
    server: Server, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        opened(server, tmp_path, **changes)


def test_rows_that_do_not_fit(server: Server, tmp_path: Path) -> None:
    model = opened(server, tmp_path, columns=["age", "height", "ward"])
    with pytest.raises(DataError, match='takes the column "height"'):
        model.read(rows())
    model = opened(server, tmp_path)
    strange = rows().table.set_column(3, "back", pa.array(["never"] * 2 + ["yes"] * (ROWS - 2)))
    with pytest.raises(DataError, match=r"2 rows hold a label that the model never saw.*row 0, 1"):
        model.read(Dataset(strange))


DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/health": {"post": {"responses": {}}},
        "/v1/predict": {
            "post": {
                "operationId": "predict",
                "requestBody": {
                    "content": {
                        "application/json": {"schema": {"$ref": "#/components/schemas/Ask"}}
                    }
                },
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {"schema": {"$ref": "#/components/schemas/Told"}}
                        }
                    }
                },
            }
        },
    },
    "components": {
        "schemas": {
            "Ask": {
                "type": "object",
                "properties": {
                    "instances": {"type": "array", "items": {"$ref": "#/components/schemas/Row"}},
                    "explain": {"type": "boolean", "default": False},
                },
            },
            "Row": {
                "type": "object",
                "properties": {
                    "age": {"type": "integer"},
                    "stay": {"type": "number"},
                    "ward": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                },
            },
            "Told": {
                "type": "object",
                "properties": {
                    "model": {"type": "string"},
                    "predictions": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "properties": {
                                "label": {"type": "string"},
                                "scores": {"type": "object"},
                            },
                        },
                    },
                },
            },
        }
    },
}


def test_an_openapi_document_says_how_to_ask(server: Server, tmp_path: Path) -> None:
    server.document = DOCUMENT
    model: Any = open_model(server.url, target="back").model
    inputs, _ = model.read(rows())
    wanted = [chance(row) for row in rows().table.to_pylist()]
    np.testing.assert_allclose(model.predict_proba(inputs)[:, 1], wanted, atol=1e-6)
    assert server.bodies[0]["explain"] is False
    path = tmp_path / "api.json"
    path.write_text(json.dumps({**DOCUMENT, "servers": [{"url": server.url}]}), "utf-8")
    other: Any = open_model(path, target="back").model
    np.testing.assert_array_equal(other.predict_proba(other.read(rows())[0]).shape, (ROWS, 2))


def test_a_document_without_a_prediction(server: Server) -> None:
    server.document = {"openapi": "3.1.0", "paths": {"/health": {"post": {}}}}
    with pytest.raises(InputError, match="no operation that takes rows"):
        open_model(server.url)
    server.document = None
    with pytest.raises(InputError, match="no OpenAPI document"):
        open_model(server.url)


def _authority(folder: Path, name: str = "127.0.0.1") -> None:
    """Write a certificate authority, and a server's certificate that it signed."""
    now = datetime.now(UTC)
    authority, own = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    for subject, key, path, is_authority in (
        (issuer, authority, "ca.pem", True),
        (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), own, "server.pem", False),
    ):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()),
                critical=False,
            )
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False
            )
            .sign(authority, hashes.SHA256())
        )
        (folder / path).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        own.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def test_certificates_are_verified(tmp_path: Path) -> None:
    _authority(tmp_path)
    secure = Server(tmp_path)
    try:
        with pytest.raises(EndpointError, match="certificate can't be verified"):
            opened(secure, tmp_path).read(rows())
        assert not secure.bodies, "no row was sent"
        model = opened(secure, tmp_path, ca="ca.pem")
        assert model.predict_proba(model.read(rows())[0]).shape == (ROWS, 2)
    finally:
        secure.close()


def test_a_certificate_of_another_host(tmp_path: Path) -> None:
    _authority(tmp_path, name="127.0.0.2")
    secure = Server(tmp_path)
    try:
        with pytest.raises(EndpointError, match="certificate can't be verified"):
            opened(secure, tmp_path, ca="ca.pem").read(rows())
        assert not secure.bodies
    finally:
        secure.close()


def test_the_mapping_in_the_documentation(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
    told = tomllib.loads(text.partition("## Mapping of an endpoint")[2].split("```")[1][4:])
    with pytest.raises(InputError, match="MODEL_TOKEN is not set"):
        map_endpoint(told)
    monkeypatch.setenv("MODEL_TOKEN", "x")
    made = map_endpoint(told)
    assert (made.batch, made.budget, made.classes) == (32, 20_000, ("no", "yes"))
    left_out = set(_TOP) - set(told) - {"openapi"}
    assert not left_out, "every key is documented"
