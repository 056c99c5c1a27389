"""What everything that is asked of sites says: of which job, who is asked, how long they have."""

from __future__ import annotations

import hashlib
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strongroom.vault import canonical_json

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
SiteName = Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$")]


class Asked(BaseModel):
    """What a recipe and a query have in common; it has one digest, which a site agrees to.

    Attributes:
        job: names it, 32 hex digits.
        project: in words, for people.
        version: of Strongroom; sites of another minor version refuse.
        sites: who is asked.
        min_sites: fewer answers make no round, and no analysis.
        deadline: seconds that a site has for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    job: Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
    project: Annotated[str, Field(min_length=1, max_length=200)]
    version: str
    sites: Annotated[tuple[SiteName, ...], Field(min_length=1, max_length=10_000)]
    min_sites: Annotated[int, Field(ge=1)] = 2
    deadline: Positive = 600.0

    @model_validator(mode="after")
    def _enough_sites(self) -> Self:
        if len(set(self.sites)) != len(self.sites):
            raise ValueError("a site is named twice")
        if self.min_sites > len(self.sites):
            raise ValueError("min_sites is more than there are sites")
        return self

    def canonical(self) -> bytes:
        """Return it as canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return SHA-256, hex, of the canonical JSON: what a site agrees to."""
        return hashlib.sha256(self.canonical()).hexdigest()
