"""Who made a document or took a picture, as documents and cameras say it: `Artist: Jane Doe`."""

from __future__ import annotations

from strongroom.discover._rule import Rule

_FIELDS = (
    "Artist", "Photographer", "Camera owner name", "Caption writer", "Image editor", "Author",
    "author", "creator", "initial-creator", "lastModifiedBy", "operator", "Manager", "manager",
)  # fmt: skip
# Two to five words that begin with a capital, or with a letter that ASCII doesn't have.
_WORD = r"[^\x00-@\[-\x7f][\w'.-]{0,30}"

RULES = (
    Rule("document_field.person", "PERSON", rf"{_WORD}(?: {_WORD}){{1,4}}", 0.8,
         lead=rf"(?:{'|'.join(_FIELDS)}): ", keywords=tuple(f"{field}: " for field in _FIELDS),
         examples=("Artist: Paula Photographer", "lastModifiedBy: Łukasz Nowak"),
         lookalikes=("Author: anonymous", "creator: python-docx", "Artistic: Paula Miller")),
)  # fmt: skip
