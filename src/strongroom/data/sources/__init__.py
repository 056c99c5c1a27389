"""Where data comes from: files, folders, archives, databases, standard input."""

from strongroom.data.sources._document import (
    Batch,
    Budget,
    Document,
    Limits,
    Member,
    Opener,
    Reader,
    Unpacker,
    Unreadable,
)

__all__ = [
    "Batch",
    "Budget",
    "Document",
    "Limits",
    "Member",
    "Opener",
    "Reader",
    "Unpacker",
    "Unreadable",
]
