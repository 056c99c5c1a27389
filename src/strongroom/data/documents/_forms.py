"""What a file is, by how it begins; endings of names for what beginnings don't tell."""

from __future__ import annotations

import re

_BEGINNINGS = (
    (b"\x1f\x8b", "gz"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x89PNG\r\n\x1a\n", "picture"),
    (b"\xff\xd8\xff", "picture"),
    (b"GIF87a", "picture"),
    (b"GIF89a", "picture"),
    (b"II*\0", "picture"),
    (b"MM\0*", "picture"),
    (b"{\\rtf", "rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
)
_PATTERNS = (
    (re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"), "bz2"),
    (re.compile(rb"\x5d\0\0.{2}(?:\xff{8}|.{5}\0{3})", re.DOTALL), "xz"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "picture"),
    (re.compile(rb".{4}ftyp(?:heic|heix|hevc|mif1|msf1|avif)", re.DOTALL), "picture"),
    (re.compile(rb".{257}ustar", re.DOTALL), "tar"),
    (re.compile(rb".{0,1024}?%PDF-\d", re.DOTALL), "pdf"),
    (re.compile(rb"From \S+.{0,80} \d\d:\d\d.{0,80}\n[\w-]+:"), "mbox"),
    (
        re.compile(
            rb"(?:Return-Path|Received|Delivered-To|X-[\w-]+|DKIM-Signature|MIME-Version|"
            rb"Message-ID|From|To|Date|Subject|Reply-To|Sender): ?[^\n]*\n"
            rb"(?:[ \t][^\n]*\n|[!-9;-~]+:[^\n]*\n)*"
            rb"(?:From|Date|Received|Message-ID|MIME-Version|Subject):",
            re.IGNORECASE,
        ),
        "mail",
    ),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*(?:<!--.{0,512}?-->\s*)?(?:<\?xml[^>]*>\s*)?"
            rb"<(?:!doctype\s+html|html|head|body)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        "html",
    ),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s"), "xml"),
)
_OFFICE = (
    (re.compile(rb"word/"), "docx"),
    (re.compile(rb"ppt/"), "pptx"),
    (re.compile(rb"xl/"), "xlsx"),
)
_FIRST_NAME = 30  # where the name of an archive's first entry begins
_FIRST_PARTS = (
    b"[Content_Types]", b"_rels/", b"docProps/", b"customXml/", b"word/", b"ppt/", b"xl/",
)  # fmt: skip
_MIMETYPE = b"mimetypeapplication/vnd.oasis.opendocument."

SUFFIXES = {
    ".txt": "text",
    ".text": "text",
    ".log": "text",
    ".md": "text",
    ".markdown": "text",
    ".rst": "text",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    **dict.fromkeys((".xml", ".svg", ".kml", ".gpx", ".rss", ".atom", ".plist", ".xmp"), "xml"),
    ".eml": "mail",
    ".mht": "mail",
    ".mhtml": "mail",
    ".mbox": "mbox",
    ".pdf": "pdf",
    ".docx": "docx",
    ".docm": "docx",
    ".dotx": "docx",
    ".pptx": "pptx",
    ".pptm": "pptx",
    ".odt": "odf",
    ".odp": "odf",
    ".rtf": "rtf",
    ".png": "picture",
    ".jpg": "picture",
    ".jpeg": "picture",
    ".tif": "picture",
    ".tiff": "picture",
    ".webp": "picture",
    ".gif": "picture",
    ".heic": "picture",
    ".avif": "picture",
    ".bmp": "picture",
    ".zip": "zip",
    ".tar": "tar",
    ".tgz": "gz",
    ".gz": "gz",
    ".bz2": "bz2",
    ".xz": "xz",
    ".lzma": "xz",
    ".zst": "zst",
    ".lz4": "lz4",
}
"""Ending of a name to form."""


GUESSED = frozenset({"mail", "mbox", "html", "xml"})
"""Forms told by words rather than marks: a name that says plain text is to be believed."""


def form_of(head: bytes) -> str | None:
    """Tell the form by how a file begins, where that is certain (pdf, zip, picture …).

    Forms that only their names tell (log, Markdown), and tables, give None.

    Args:
        head: some kilobytes, or all there is.
    """
    for begins, form in _BEGINNINGS:
        if head.startswith(begins):
            return form
    if head.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08")):
        return _zipped(head)
    return next((form for pattern, form in _PATTERNS if pattern.match(head)), None)


def _zipped(head: bytes) -> str:
    if head.startswith(_MIMETYPE, _FIRST_NAME):
        kind = head.partition(_MIMETYPE)[2]
        return "ods" if kind.startswith(b"spreadsheet") else "odf"
    # Not of what lies inside, as it is, in another archive.
    if head.startswith(_FIRST_PARTS, _FIRST_NAME):
        return next((form for names, form in _OFFICE if names.search(head)), "zip")
    return "zip"
