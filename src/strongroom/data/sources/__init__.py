"""Where data comes from: files, folders, archives, databases, standard input."""

from strongroom.data.sources._document import Batch, Document, Limits, Reader, Unreadable

__all__ = ["Batch", "Document", "Limits", "Reader", "Unreadable"]
