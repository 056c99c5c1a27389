"""Small words and rows that several verbs print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.cli.console import number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.data import Dataset


def names(dataset: Dataset, listed: str | None) -> tuple[str, ...]:
    """Split `a,b` and check that each column exists.

    Raises:
        DataError: one doesn't.
    """
    wanted = tuple(n.strip() for n in (listed or "").split(",") if n.strip())
    for name in wanted:
        dataset.require(name)
    return wanted


def one_in(share: float) -> str:
    """Say a probability as people do: 1 in 23."""
    return f"1 in {round(1 / share):,}" if share > 0 else "none"


def risk_rows(risk: Mapping[str, Any]) -> list[list[str]]:
    """Lay out a risk document as rows of (what, value)."""
    if risk["k"] is None:
        return [["rows", f"{risk['rows']:,}"], ["risk", risk["reason"]]]
    prosecutor = risk["prosecutor"]
    rows = [
        ["rows", f"{risk['rows']:,}"],
        ["classes of equal quasi-identifiers", f"{risk['classes']:,}"],
        ["k (smallest class)", f"{risk['k']}"],
        ["rows that stand alone", f"{risk['uniques']:,}"],
        ["highest risk for a known person (prosecutor)", one_in(prosecutor["max"])],
        ["mean risk (prosecutor)", one_in(prosecutor["mean"])],
        ["rows above 1 in 5", f"{100 * prosecutor['share_above']:.1f} %"],
    ]
    for key, label in (
        ("l", "l (fewest distinct sensitive values)"),
        ("t", "t (largest distance)"),
    ):
        if risk.get(key) is not None:
            rows.append([label, number(float(risk[key]))])
    return rows
