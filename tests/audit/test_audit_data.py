"""If this fails, data that still singles people out is called anonymised."""

from __future__ import annotations

from typing import Any

from strongroom.audit import Status, data_findings
from strongroom.config import Limit

DISCOVER: dict[str, Any] = {"files": [], "roles": {"email": "direct_identifier", "age": "feature"}}


def document(k: int, most: float, residual: int | None, diverse: int | None = 2) -> dict[str, Any]:
    risk = {"k": k, "l": diverse, "prosecutor": {"max": most}}
    done: dict[str, Any] = {
        "before": {"k": 1, "l": 1, "prosecutor": {"max": 1.0}},
        "after": risk,
    }
    return done if residual is None else {**done, "residual_identifiers": residual}


def statuses(doc: dict[str, Any], policy: dict[str, Limit]) -> dict[str, Status]:
    return {f.metric: f.status for f in data_findings(DISCOVER, doc, policy)}


def test_anonymised_data_passes() -> None:
    found = data_findings(
        DISCOVER, document(5, 0.2, 0), {"anonymize.l": Limit(min=2)}, subject="ab"
    )
    assert {f.metric: f.value for f in found} == {
        "anonymize.k": 5,
        "anonymize.l": 2,
        "anonymize.risk_max": 0.2,
        "discover.residual_identifiers": 0,
    }
    assert {f.status for f in found} == {Status.PASS}
    assert {f.subject for f in found} == {"ab"}
    assert found[0].details == {"before": 1.0}
    assert found[-1].details == {"direct_identifier_columns_before": 1}


def test_what_is_left_fails() -> None:
    assert statuses(document(1, 1.0, 3), {}) == {
        "anonymize.k": Status.FAIL,
        "anonymize.l": Status.PASS,
        "anonymize.risk_max": Status.FAIL,
        "discover.residual_identifiers": Status.FAIL,
    }
    assert (
        statuses(document(4, 0.25, 0), {"anonymize.k": Limit(min=5)})["anonymize.k"] is Status.FAIL
    )


def test_what_was_not_measured_says_so() -> None:
    found = statuses(document(5, 0.2, None, diverse=None), {})
    assert "anonymize.l" not in found
    assert found["discover.residual_identifiers"] is Status.NOT_EVALUABLE
    assert statuses({}, {})["anonymize.k"] is Status.NOT_EVALUABLE
