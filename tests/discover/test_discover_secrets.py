"""If this fails, keys and passwords are overlooked, or placeholders and code are called secrets."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.discover import Detection, find_spans
from strongroom.discover._hits import Hits
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers.secrets import FAMILIES, RULES, examples
from strongroom.discover.recognizers.secrets._real import longest_run

SPEC = DiscoverSpec()
NAMED = {rule.name.removeprefix("secrets."): rule for rule in RULES}


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(RULES, SPEC)


def look(engine: Engine, texts: list[str]) -> list[list[Detection]]:
    column = pa.array(texts, pa.large_string())
    found = Hits.merged([engine.find(column)]).detections(column)
    return [found.get(i, []) for i in range(len(texts))]


def test_there_are_many_kinds_each_with_a_name_and_what_it_is_looked_for_by() -> None:
    assert len(RULES) >= 200
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert sum(len(family.RULES) for family in FAMILIES) == len(RULES)
    for rule in RULES:
        assert rule.entity == "SECRET"
        assert rule.name.startswith("secrets.")
        for seed in range(3):
            text = "".join(examples.true_one(rule, seed)).lower()
            assert any(word.lower() in text for word in rule.keywords), rule.name


CONTEXTS = (
    "{}",
    "the key is {} as it seems\n",
    'x = "{}"\n',
    "{{'x': '{}', 'y': 1}}",
    "- x: {}\n  y: 2\n",
    "<x>{}</x>",
    "$ run --x={} --y",
)


def test_every_kind_is_found_wherever_it_stands(engine: Engine) -> None:
    texts, wanted = [], []
    for rule in RULES:
        for seed in range(3):
            lead, secret = examples.true_one(rule, seed)
            for context in (CONTEXTS[0], "x {} \n") if lead else CONTEXTS:
                before = context.partition("{}")[0].replace("{{", "{")
                text = context.format(lead + secret)
                texts.append(text)
                start = len(before) + len(lead)
                wanted.append((rule.name, start, start + len(secret)))
    missed: Counter[str] = Counter()
    for (name, start, end), found in zip(wanted, look(engine, texts), strict=True):
        hidden = max((min(d.end, end) - max(d.start, start) for d in found), default=0)
        missed[name] += hidden < 0.9 * (end - start)
    assert missed.total() <= 0.005 * len(wanted), missed
    assert {name: count for name, count in missed.items() if count > 3} == {}


def test_what_only_looks_like_one_is_not_found(engine: Engine) -> None:
    texts = [(rule.name, text) for rule in RULES for text in examples.lookalikes(rule)]
    wrong = {
        name: [d.recognizer for d in found]
        for (name, text), found in zip(texts, look(engine, [t for _, t in texts]), strict=True)
        if found
    }
    assert wrong == {}


def test_what_is_part_of_a_longer_word_is_not_found(engine: Engine) -> None:
    rules = [rule for rule in RULES if rule.bounded and not rule.lead]
    texts = [f"_{examples.true_one(rule)[1]}_" for rule in rules]
    for rule, text, found in zip(rules, texts, look(engine, texts), strict=True):
        whole = [d for d in found if d.recognizer == rule.name and d.end - d.start > len(text) - 3]
        assert whole == [], rule.name


CHECKED = ["github_token", "npm_token", "gitlab_routable_token", "age_identity",
           "extended_private_key", "bitcoin_private_key", "web_token", "grafana_key",
           "mapbox_secret_token", "onepassword_service_token"]  # fmt: skip


@pytest.mark.parametrize("name", CHECKED)
def test_a_checked_secret_with_another_letter_is_not_proved(name: str) -> None:
    rule = NAMED[name]
    assert rule.validated
    assert rule.verify is not None
    for seed in range(5):
        _, secret = examples.true_one(rule, seed)
        assert rule.verify(secret)
        # Of a JSON Web Token the header is checked, and of the others' all that follows a mark.
        at = 3 if name in {"web_token", "grafana_key"} else 6
        other = "Q" if secret[at + 1] != "Q" else "Z"
        assert not rule.verify(secret[: at + 1] + other + secret[at + 2 :])


@pytest.mark.parametrize("kind", ["github_token", "npm_token", "age_identity"])
def test_a_made_up_key_without_its_checksum_is_still_shown_as_less_sure(kind: str) -> None:
    _, secret = examples.true_one(NAMED[kind])
    wrong = secret[:-1] + ("Q" if secret[-1] != "Q" else "P")
    sure, doubtful = find_spans(secret), find_spans(wrong)
    assert [d.recognizer for d in sure] == [f"secrets.{kind}"]
    assert [d.recognizer for d in doubtful] == [f"secrets.{kind}_unproved"]
    assert sure[0].validated
    assert not doubtful[0].validated
    assert doubtful[0].score < sure[0].score


PASSWORDS = [
    'password = "hunter2"',
    "DB_PASS = 'KfX3813SO9l'",
    '  pass := "gT#!$LdgMj6$Vmg"',
    'db-password: "Kz@Hc0XQs5"',
    "dbPass: 'AuegzZoDVSdk',",
    "MYSQL_PASSWORD=Tr0ub4dor&3",
    "spring.datasource.password=9xKq!27vLm",
    "passphrase: 'x7#Wp0!q'",
    "<password>J8s!kd02Lq</password>",
    "CREATE USER app IDENTIFIED BY 'kR7wpZ2m';",
    "ALTER ROLE app WITH PASSWORD 'v9Tq#2Lm';",
    "machine api.example.net login bob password 8fK2mQx9",
    "db.internal:5432:shop:app:9fKq2LmX7",
    "mysql -u root -pS3cr3tPw9 shop",
    "pg_restore --password=9xKq27vLm dump",
    "psql postgres://app:k8Vw2xQz@db.internal:5432/shop",
    "mongodb+srv://bob:9fKq2LmX7@cluster0.example.net/x",
    "redis://:9fKq2LmX7@cache:6379/0",
    "Server=tcp:db;Database=shop;User ID=sa;Password=Yt6!kQ9z;",
    "jdbc:mysql://db:3306/shop?user=a&password=9fKq2LmX7",
    'private const val API_SECRET: String = "9fKq2LmX7wTz4RbN"',
    "X_ACCESS_TOKEN=9fKq2LmX7wTz4RbNc1Vd",
    "client_secret: '8f14e45fceea167a5a36dedd4bea2543'",
    "Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l",
    "Authorization: Bearer 9fKq2LmX7wTz4RbNc1Vd",
    "curl -u 'bob:9fKq2LmX7' https://api.example.net",
    "APP_KEY=base64:uS68On6HInL6p9G6nS8z2mKqU3dLmYw5R0tVbX1cZ4E=",
    "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW",
    "otpauth://totp/x:bob?secret=JBSWY3DPEHPK3PXPJBSWY3DP&issuer=x",
]  # fmt: skip


@pytest.mark.parametrize("text", PASSWORDS)
def test_passwords_and_keys_that_only_a_name_gives_away_are_found(text: str) -> None:
    assert "SECRET" in {d.entity for d in find_spans(text)}


CODE = [
    'password = "password"',
    "password = os.environ['PASSWORD']",
    'password = getpass("Password: ")',
    "password: ${DB_PASSWORD}",
    "password={{ vault_password }}",
    "password = <your password>",
    'password = "changeme"',
    'password = "********"',
    'password = "xxxxxxxx"',
    "self.password = password",
    "password = config.database.password",
    "passwords = load_passwords()",
    "const password: string = props.password",
    'password_field = "user_password"',
    "password: str | None = None",
    "PASSWORD_HASHERS = ['django.contrib.auth.hashers.PBKDF2PasswordHasher']",
    "password=/run/secrets/db_password",
    "pass: 12345678",
    "bypass = True",
    "compass: north",
    "token = next(tokens)",
    'token_type = "access_token"',
    "csrf_token = '9fKq2LmX7wTz4RbNc1Vd'",
    'secret_name = "my-application-secret"',
    'api_key = "YOUR_API_KEY_HERE"',
    'api_key = "abcdefghijklmnopqrstuvwxyz"',
    'api_key = "0123456789abcdef0123456789abcdef"',
    "secret_key = settings.SECRET_KEY",
    "postgres://user:password@localhost/db",
    "postgresql://postgres:postgres@localhost/db",
    "https://${USER}:${TOKEN}@github.com/x.git",
    "https://example.org:8080/a@b",
    "redis://:${REDIS_PASSWORD}@cache:6379",
    "Authorization: Bearer <token>",
    "Authorization: Bearer ${TOKEN}",
    "curl -u user:password https://example.org",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "AKIAIOSFODNN7EXAMPLE",
    "sk-...",
    "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
    "if '-----BEGIN RSA PRIVATE KEY-----' in text:",
    "integrity: sha512-oRPaMoVyZrAsYNhYSxOTLbJBCqkPr9UQDYsuVDUPIcdxM1PTrJFHBbzhXo6xRDIvB4",
    "commit 8f14e45fceea167a5a36dedd4bea2543aabbccdd",
    "eyJ1c2VyIjoiYm9iIn0.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("text", CODE)
def test_code_placeholders_and_digests_are_no_secrets(text: str) -> None:
    assert [d.recognizer for d in find_spans(text) if d.entity == "SECRET"] == []


def test_a_password_in_an_address_is_hidden_with_all_around_it() -> None:
    text = "see postgres://bob:9fKq2LmX7@db.example.com:5432/x now"
    (found,) = [d for d in find_spans(text) if d.entity == "SECRET"]
    assert text[found.start : found.end] == "postgres://bob:9fKq2LmX7@db.example.com:5432/x"
    assert found.validated


def test_a_key_in_an_address_is_hidden_with_it_and_told_where_only_secrets_count(
    engine: Engine,
) -> None:
    text = "GET https://api.example.net/v1/x?lang=de&api_key=9fKq2LmX7wTz4RbNc1Vd"
    assert [(d.start, d.end) for d in find_spans(text)] == [(4, len(text))]
    (found,) = look(engine, [text])[0]
    assert text[found.start :] == "9fKq2LmX7wTz4RbNc1Vd"


@pytest.mark.parametrize("name", ["slack_webhook", "discord_webhook", "teams_webhook"])
def test_an_address_that_is_a_key_itself_is_a_secret_and_no_mere_address(name: str) -> None:
    _, secret = examples.true_one(NAMED[name])
    assert [(d.entity, d.end) for d in find_spans(secret)] == [("SECRET", len(secret))]


def test_private_keys_and_json_web_tokens_are_validated_as_a_whole() -> None:
    pem = "-----BEGIN EC PRIVATE KEY-----\n" + "MHcCAQEEI" * 12 + "\n-----END EC PRIVATE KEY-----"
    token = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
    for secret in (pem, token):
        found = find_spans(f"x {secret} y")
        assert [(d.entity, d.start, d.validated) for d in found] == [("SECRET", 2, True)]
        assert found[0].end == 2 + len(secret)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(max_size=60), st.text("abcxyz0189", max_size=60)))
def test_nothing_that_a_check_is_asked_makes_it_fail(text: str) -> None:
    for verify in {rule.verify for rule in RULES if rule.verify is not None}:
        if verify is not NAMED["bitcoin_private_key"].verify:  # asked of its own alphabet only
            assert verify(text) in {True, False}
    assert 1 <= longest_run(text) <= max(1, len(text))
