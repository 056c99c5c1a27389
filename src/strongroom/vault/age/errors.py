"""What can be wrong with an age file, one class each, so that a caller can tell them apart."""

from __future__ import annotations

from strongroom.errors import DataError, KeyRefusedError, TamperedError


class ArmorError(DataError):
    """The text armor around the file is malformed."""


class HeaderError(DataError):
    """The header is malformed, of another version, or holds what no honest writer makes."""


class NoMatchError(KeyRefusedError):
    """The file is addressed to somebody else: no identity (or passphrase) fits."""


class HeaderMacError(TamperedError):
    """An identity fits, but the header was changed after it was written."""


class PayloadError(TamperedError):
    """The payload was changed, cut short or lengthened; what was released before it is genuine."""
