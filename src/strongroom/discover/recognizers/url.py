"""Addresses of web pages, and bare domain names."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import any_of
from strongroom.discover.recognizers.email import LABEL
from strongroom.discover.recognizers.ip_address import V4, V6

_INSIDE = r"[^\s<>\"'`{}|\\^\[\]()]"
# The punctuation of the sentence around isn't part of an address; parentheses are if they close.
_LAST = r"[^\s<>\"'`{}|\\^\[\]().,;:!?*]"
_PARENTHESES = rf"\({_INSIDE}*\)"
_REST = rf"(?:[/?#](?:(?:{_INSIDE}|{_PARENTHESES})*(?:{_LAST}|{_PARENTHESES}))?)?"
_NAME = rf"(?:{LABEL}\.)+[^\W\d_]{{2,24}}\.?"
_HOST = rf"(?:{_NAME}|localhost|{V4}|\[{V6}\])(?::\d{{1,5}})?"
_PLAIN = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# Two-letter endings are also the endings of files (.py, .md, .sh): only these stand alone.
_ALONE = any_of(
    ("com", "org", "net", "edu", "gov", "mil", "info", "biz", r"co\.uk", r"org\.uk", r"ac\.uk",
     r"com\.au", r"com\.br", "de", "fr", "eu", "nl", "ch", "at")
)  # fmt: skip

RULES = (
    Rule(
        "url", "URL",
        rf"(?i:https?|ftps?|sftp|wss?)://(?:[\w.~%!$&*+,;=:-]+@)?{_HOST}{_REST}",
        0.9, apart="", greedy=True, validated=True,
        examples=("(see https://example.org/a_(b)?c=d).", "ftp://bob@files.example.com/x",
                  "http://[2001:db8::1]:8080/"),
        lookalikes=("http://", "https:// nothing", "http://word"),
    ),
    Rule(
        "url.www", "URL", rf"(?i:www)\.{_HOST}{_REST}", 0.9, apart="", greedy=True, validated=True,
        examples=("www.Example.com!",), lookalikes=("www.", "awww.example"),
    ),
    Rule(
        "url.domain", "DOMAIN_NAME",
        rf"{_PLAIN}\.(?:{_PLAIN}\.)*{_ALONE}",
        0.6,
        examples=("ask example.com about it",), lookalikes=("README.md main.py x.toml e.g. x",),
    ),
)  # fmt: skip
