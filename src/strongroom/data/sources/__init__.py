"""Where data comes from: files, folders, archives, databases, standard input."""

from strongroom.data.sources._document import (
    Batch,
    Budget,
    Document,
    Limits,
    Member,
    Opener,
    PassedOver,
    Reader,
    Unpacker,
    Unreadable,
)
from strongroom.data.sources._files import KEPT_BY_TOOLS, File
from strongroom.data.sources._open import documents_in, find_sources, open_sources

__all__ = [
    "KEPT_BY_TOOLS",
    "Batch",
    "Budget",
    "Document",
    "File",
    "Limits",
    "Member",
    "Opener",
    "PassedOver",
    "Reader",
    "Unpacker",
    "Unreadable",
    "documents_in",
    "find_sources",
    "open_sources",
]
