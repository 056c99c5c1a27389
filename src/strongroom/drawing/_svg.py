"""The smallest SVG writer that is safe: every attribute and every text is escaped."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup, escape


def tag(name: str, *inside: str | Markup, **attributes: object) -> Markup:
    """Return an element. A trailing underscore is dropped (`class_`), others become hyphens."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    content = Markup("").join(inside)  # join escapes whatever isn't Markup
    return Markup(f"<{name}{written}>{content}</{name}>")  # noqa: S704 - all parts are escaped


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    return str(value)


def figure(
    name: str, width: float, height: float, title: str, description: str, *parts: Markup
) -> Markup:
    """Return an `<svg>` that scales with its box; a screen reader announces it as one image."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *parts,
        class_="chart",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def text(x: float, y: float, said: str, class_: str = "", anchor: str = "middle") -> Markup:
    """Return a text whose baseline starts, centres or ends at (x, y)."""
    return tag("text", said, x=x, y=y, text_anchor=anchor, class_=class_ or None)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Return a straight line."""
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def path(points: list[tuple[float, float]], class_: str, *, closed: bool = False) -> Markup:
    """Return a polyline, or a filled polygon when `closed`."""
    joined = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{joined}{'Z' if closed else ''}", class_=class_)


@dataclass(frozen=True)
class Axis:
    """Maps values in `[low, high]` to pixels from `start` to `end`; clamps what lies outside."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)
