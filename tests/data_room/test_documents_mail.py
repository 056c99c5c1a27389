"""If these fail, people in mail are missed: in headers, in parts, in what is attached."""

from __future__ import annotations

import io
import mailbox
import tracemalloc
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data_room.documents import first, members, notes, records

from strongroom.data.documents import OPENERS, form_of
from strongroom.data.sources import Budget, Limits

if TYPE_CHECKING:
    from pathlib import Path

RAW = b"""Received: from mx.example (203.0.113.9)
From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.org>
To: "Doe, Jane" <jane@example.com>,
\tBob <bob@example.net>
Subject: =?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=
 =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=
Content-Type: multipart/mixed; boundary="=outer"

For old programs.
--=outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Gr=FC=DFe from K=F6ln, a long line which is soft =
broken.

Jane Doe
14 Elm Street
--inner
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+SGVsbG8gPGI+SmFuZTwvYj48L3A+
--inner--
After the inner parts.
--=outer
Content-Type: application/pdf; name*0*=UTF-8''J%C3%B6rg; name*1=".pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment

JVBERi0xLjQK
--=outer
Content-Type: message/rfc822

From: inner@example.org

Inner body.
--=outer--
"""
SEEN = [
    "Received: from mx.example (203.0.113.9)",
    "From: Jörg Müller <joerg@example.org>",
    'To: "Doe, Jane" <jane@example.com>, Bob <bob@example.net>',
    "Subject: If you can read this you understand the example.",
    'Content-Type: multipart/mixed; boundary="=outer"',
    "For old programs.",
    "Grüße from Köln, a long line which is soft broken.",
    "Jane Doe\n14 Elm Street",
    "Hello Jane",
    "After the inner parts.",
    "attachment: Jörg.pdf",
    "From: inner@example.org",
    "Inner body.",
]
WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=40)


def test_gives_headers_bodies_and_attachments_however_nested() -> None:
    assert form_of(RAW) == "mail"
    assert records("mail", RAW) == SEEN
    assert records("mail", RAW.replace(b"\n", b"\r\n")) == SEEN
    assert members("mail", RAW) == {"Jörg.pdf": b"%PDF-1.4\n"}


def test_an_mbox_is_its_mails() -> None:
    line = "x@y.example Thu Jan  1 00:00:00 2020"
    box = (f"From {line}\n".encode() + RAW + b"\n") * 3
    assert form_of(box) == "mbox"
    assert records("mbox", box) == [f"Envelope: {line}", *SEEN] * 3
    assert records("mail", f"From {line}\n".encode() + RAW) == [f"Envelope: {line}", *SEEN]
    assert list(members("mbox", box)) == ["0/Jörg.pdf", "1/Jörg.pdf", "2/Jörg.pdf"]


@settings(max_examples=60)
@given(
    st.dictionaries(WORDS.map(lambda w: f"{w}.bin"), st.binary(max_size=3000), max_size=4),
    WORDS,
    WORDS,
    st.sampled_from(["quoted-printable", "base64"]),
)
def test_reads_what_the_standard_library_writes(
    files: dict[str, bytes], name: str, body: str, packing: str
) -> None:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["Subject"] = f"{name} <someone@example.org>", f"about {name} and {body}"
    mail.set_content(f"{body}\n\n{name}\n", cte=packing)
    mail.add_alternative(f"<p>{body}</p>", subtype="html")
    for file, content in files.items():
        mail.add_attachment(content, "application", "octet-stream", filename=file)
    content = mail.as_bytes()
    found = records("mail", content)
    assert f"Subject: about {name} and {body}" in found
    assert [r for r in found if r in {body, name}] == [body, name, body]
    assert list(members("mail", content).values()) == list(files.values())


def test_reads_an_mbox_that_the_standard_library_writes(tmp_path: Path) -> None:
    box = mailbox.mbox(tmp_path / "box")
    for name in ("Ann", "Bob"):
        mail = EmailMessage()
        mail["From"] = f"{name} <{name.lower()}@example.org>"
        mail.set_content(f"I am {name}.\n\nFrom here on it is quoted.\n")
        box.add(mail)
    box.close()
    found = records("mbox", (tmp_path / "box").read_bytes())
    assert [r for r in found if r.startswith(("From:", "I am"))] == [
        "From: Ann <ann@example.org>",
        "I am Ann.",
        "From: Bob <bob@example.org>",
        "I am Bob.",
    ]


@pytest.mark.parametrize("declared", ["utf-16", "utf-32", "iso2022_jp_2", "hz", "utf-7", "zip"])
@settings(deadline=None)
@given(body=st.one_of(st.binary(max_size=60), st.text("\x1b$B~(a", max_size=60).map(str.encode)))
def test_no_charset_that_a_mail_declares_ends_a_scan(declared: str, body: bytes) -> None:
    head = f"From: a@b.example\nSubject: =?{declared}?q?x?=\nContent-Type: text/plain; "
    records("mail", f"{head}charset={declared}\n\n".encode() + body)


@pytest.mark.parametrize("declared", ["utf-8", "us-ascii", "no-such-charset", "x-unknown"])
def test_a_wrong_charset_loses_no_letters(declared: str) -> None:
    raw = f"From: a@b.example\nContent-Type: text/plain; charset={declared}\n\nJürgen".encode()
    assert records("mail", raw)[-1] == "Jürgen"
    assert records("mail", raw.decode().encode("latin-1"))[-1] == "Jürgen"


def test_damage_ends_nothing() -> None:
    # A boundary that never comes, base64 that isn't, a header without end.
    assert "Jane" in records("mail", RAW.replace(b"\n--=outer--", b"")[:-1] + b"\n\nJane\n")
    damaged = RAW.replace(b"JVBERi0xLjQK", b"JVBE*Ri0xL\njQK=")
    assert members("mail", damaged) == {"Jörg.pdf": b"%PDF-1.4\n"}
    assert records("mail", b"Subject: x\n" + b" y" * 3_000_000)[0].startswith("Subject: x")
    assert (
        records("mail", b"From: a@b.example\nContent-Type: text/plain; a=;b=\n\nJane")[-1] == "Jane"
    )
    assert records("mail", b"") == []


def test_a_text_that_is_none_is_passed_over_and_said() -> None:
    raw = b"From: a@b.example\nContent-Type: text/plain\n\n" + bytes(range(256)) * 20
    assert records("mail", raw)[0] == "From: a@b.example"
    assert notes("mail", raw) == ["a part of the mail says that it is text, and isn't: passed over"]


def test_deep_nesting_is_no_recursion() -> None:
    deep = b"From: a@b.example\n"
    for level in range(3000):
        deep += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    assert records("mail", deep + b"\nJane Doe\n")[-1].endswith("Jane Doe")
    rfc = b"From: a@b.example\nContent-Type: message/rfc822\n\n" * 3000
    assert len(records("mail", rfc)) == 6000


def test_what_repeats_without_end_takes_time_in_proportion() -> None:
    # Each of these was, or nearly was, looked at again from every place in it.
    for part in (
        b"a:",
        b"=?utf-8?q?",
        b"?= ",
        b";a=",
        b';a="',
        b"--\n",
        b"\n",
        b" \n",
        b"\n b",
        b"=",
    ):
        raw = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=b" + part * 100_000
        records("mail", raw)
        records("mail", b"From: a@b.example\n\n" + part * 100_000)


def test_large_attachments_are_streamed() -> None:
    line = b"QUJD" * 19 + b"\n"
    head = b"From: a@b.example\nContent-Type: application/x; name=big.bin\n"
    raw = head + b"Content-Transfer-Encoding: base64\n\n" + line * 200_000
    tracemalloc.start()
    found = OPENERS["mail"](io.BytesIO(raw), "a file", Budget(Limits(), "a file"))
    stream, size = first(found).open(), 0
    while piece := stream.read(1 << 16):
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 200_000 * 57
    assert peak < 4 << 20
