"""If these fail, what XML files say is missed, or such a file fetches or unfolds something."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.data_room.documents import records

from strongroom.data.documents import form_of
from strongroom.data.documents._xml_text import _Elements

FILE = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE people [<!ENTITY x "ann@x.example"><!ENTITY y SYSTEM "file:///etc/passwd"> ]>
<h:people xmlns:h="urn:x" xsi:schemaLocation="http://x.example/a">
 <h:p id="1" h:born='1970-01-02'><name>J&#246;rg &amp; S\u00f6hne</name><phone/>
  <note>Call <b>Joe</b>&#160;now,
    or <i>never</i></note><m><![CDATA[a <b@c.example> & &amp;]]></m>
  <property name="password" value="s3cret &#64;"/><string key="ssn">536-22-8726</string>
 </h:p><!-- call Bob --><t><u>x</u> tail &x;&y;</t><open>never closed
</h:people>"""
SEEN = [
    '<!ENTITY x "ann@x.example"',
    '<!ENTITY y SYSTEM "file:///etc/passwd"',
    "p id: 1\np born: 1970-01-02",
    "name: Jörg & Söhne",
    "note: Call Joe\u00a0now,\nor never",
    "m: a <b@c.example> & &amp;",
    "property name: password\nproperty password: s3cret @",
    "string key: ssn",
    "string ssn: 536-22-8726",
    " call Bob ",
    "u: x",
    "t: tail &x;&y;",
    "open: never closed",
]


def test_gives_what_elements_attributes_and_comments_say() -> None:
    content = FILE.encode("latin-1")
    assert form_of(content) == "xml"
    assert sorted(records("xml", content)) == sorted(SEEN)
    assert sorted(records("xml", FILE.encode("utf-16"))) == sorted(SEEN)


@given(st.integers(1, 60))
def test_pieces_of_any_size_make_the_same_records(size: int) -> None:
    pieces = (FILE[i : i + size] for i in range(0, len(FILE), size))
    whole, part = [], ""
    for text, ends in _Elements(pieces).pieces():
        part += text
        if ends:
            whole.append(part)
            part = ""
    assert sorted(whole) == sorted(SEEN)


def test_what_has_no_end_takes_no_time() -> None:
    for many in ("<a>", "<a b='", "<![CDATA[", "]]>", "<!DOCTYPE [", "<?xml ", "</a>", "<a>x"):
        records("xml", many.encode() * 30_000)
    assert records("xml", b"<a>" + b" \t" * 500_000 + b"</a>") == []
