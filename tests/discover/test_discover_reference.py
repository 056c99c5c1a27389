"""If this fails, discover got worse on public references; the floors are what was measured."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from strongroom.config import DiscoverSpec
from strongroom.discover import find_spans
from strongroom.discover.engine import Engine
from strongroom.discover.recognizers import secrets

DATA = Path(__file__).parent.parent / "data"


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_account_and_card_numbers_of_commons_validator() -> None:
    cases = _lines((DATA / "structured_checks/cases.jsonl").read_text("utf-8"))
    entity = {"iban": "IBAN_CODE", "card": "CREDIT_CARD"}
    wrong = []
    for case in cases:
        text = f"card number {case['value']}" if case["kind"] == "card" else case["value"]
        found = entity[case["kind"]] in {d.entity for d in find_spans(text)}
        if found != case["valid"]:
            wrong.append((case["value"], case["valid"]))
    # A mixture of capitals and small letters is refused; an IBAN in small letters all through is
    # still somebody's account, but commons-validator has none such. Nothing else may differ.
    assert wrong == []


def test_secrets_of_gitleaks() -> None:
    packed = base64.b64decode((DATA / "secrets_gitleaks/cases.jsonl.gz.b64").read_bytes())
    cases = _lines(gzip.decompress(packed).decode())
    texts = pa.array([c["text"] for c in cases], pa.large_string())
    found = Engine(secrets.RULES, DiscoverSpec()).find(texts).detections(texts)
    assert [i for i, c in enumerate(cases) if c["expected"] and i not in found] == []
    # A case is one of what a single rule of theirs must not find; these hold a secret all the
    # same: a key of another kind, a JSON Web Token in the place of a password.
    false = [c["rule_id"] for i, c in enumerate(cases) if not c["expected"] and i in found]
    assert Counter(false) == Counter(
        ["anthropic-api-key", "anthropic-admin-api-key", "curl-auth-header", "cisco-meraki-api-key"]
    )


def test_texts_of_presidio_research() -> None:
    cases = _lines((DATA / "presidio_research/texts.jsonl").read_text("utf-8"))
    same = {"DOMAIN_NAME": "URL"}  # its "domain names" are web addresses
    gold, hit, ours, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for case in cases:
        spans = [(s["start"], s["end"], same.get(s["entity"], s["entity"])) for s in case["spans"]]
        found = find_spans(case["text"])
        for start, end, entity in spans:
            gold[entity] += 1
            hit[entity] += any(
                d.entity == entity and d.start <= start and end <= d.end for d in found
            )
        for one in found:
            ours[one.entity] += 1
            right[one.entity] += any(
                e == one.entity and s < one.end and one.start < end for s, end, e in spans
            )
    # Recall counts a span only when all of it would be redacted.
    floors = {"EMAIL_ADDRESS": 1.0, "IBAN_CODE": 1.0, "US_SSN": 1.0, "IP_ADDRESS": 1.0, "URL": 1.0,
              "CREDIT_CARD": 0.95, "PHONE_NUMBER": 0.9}  # fmt: skip
    recall = {entity: hit[entity] / gold[entity] for entity in floors}
    assert all(recall[e] >= floors[e] for e in floors), recall
    precision = {entity: right[entity] / ours[entity] for entity in floors}
    assert all(precision[e] >= 0.95 for e in floors), precision
