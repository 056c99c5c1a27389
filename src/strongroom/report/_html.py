"""One self-contained page: template, style and script from this package, values from the caller."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from strongroom.report import _audit_sections as of_audit
from strongroom.report import _data_sections as of_data
from strongroom.report import _federation_sections as of_federation
from strongroom.report import _format as fmt
from strongroom.report import _model_sections as of_model
from strongroom.report import _proof_sections as of_proof
from strongroom.report._read import items, text
from strongroom.report._summary import tiles, verdict

if TYPE_CHECKING:
    from strongroom.report._data import ReportData

STATUS_WORDS = {
    "pass": "Passed",
    "warn": "Needs attention",
    "fail": "Failed",
    "not_evaluable": "Not measured",
    "unlimited": "No limit set",
}
CHANGE_WORDS = {
    "better": "▲ better:",
    "worse": "▼ worse:",
    "same": "=",
    "changed": "●",
    "new": "★ new:",
}


def render_html(data: ReportData) -> str:
    """Return the report as one HTML page that opens offline and fetches nothing."""
    style, script = resource("report.css"), resource("report.js")
    found = of_data.found(data)
    rooms = {section.id: section for section in of_audit.rooms(data)}
    sections = {
        "utility": of_model.utility(data),
        "learning": of_model.learning(data),
        "federation": of_federation.federation(data),
        "leak": of_model.leak(data),
        "exposed": of_audit.exposed(data),
        **rooms,
        "risk": of_data.risk(data),
        "budget": of_model.budget(data),
        "found": found[0] if found else None,
        "done": of_data.done(data),
        "statement": of_model.statement(data),
        "sealed": of_proof.sealed(data),
        "examined": of_audit.examined(data),
    }
    order = ("utility", "learning", "federation", "leak", "exposed", *rooms, "risk")
    return environment().get_template("report.html.j2").render(
        data=data,
        verdict=verdict(data),
        tiles=tiles(data),
        sections=sections,
        chapters=[key for key in order if sections[key]],
        files=found[1] if found else (),
        entries=of_proof.entries(data),
        findings=of_proof.cards(data),
        covered=items(data.train, "privacy", "covered"),
        not_covered=items(data.train, "privacy", "not_covered"),
        silences=of_proof.silences(data),
        # The files are ours, so they go in as they are; the policy allows exactly these bytes.
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        policy=policy(style, script),
        status_words=STATUS_WORDS,
        change_words=CHANGE_WORDS,
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy that allows one style, one script, and no network."""
    return (
        f"default-src 'none'; style-src {_allowed(style)}; script-src {_allowed(script)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def environment() -> Environment:
    """Return the templates of this package, everything escaped."""
    environment = Environment(
        loader=PackageLoader("strongroom.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        limited=fmt.limited,
        moment=fmt.moment,
        short=of_proof.short,
        field=text,
        breakable=_breakable,
    )
    return environment


@cache
def resource(name: str) -> str:
    """Return a file of this package that pages are made of."""
    return (resources.files("strongroom.report") / "templates" / name).read_text("utf-8")


def _breakable(path: str) -> Markup:
    """Let a path break where people would break it, and not in the middle of a word."""
    return Markup("<wbr>").join(re.split(r"(?<=[/_-])(?=[^/_-])", path))


def _allowed(content: str) -> str:
    """Return the Content-Security-Policy source that allows exactly this inline text."""
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
