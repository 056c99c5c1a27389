"""How results look in a notebook: plain tables, every cell escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def html_table(
    rows: Iterable[Sequence[str]], *, header: Sequence[str] = (), caption: str = ""
) -> str:
    """Return an HTML table; each row's first cell names it."""
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    titles = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    head = f"<thead><tr>{titles}</tr></thead>" if header else ""
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return f"<table>{said}{head}<tbody>{body}</tbody></table>"
