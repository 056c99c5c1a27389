"""If these fail, people in web pages are missed, also where pages hide them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.data_room.documents import Forward, records

from strongroom.data.documents import READERS, form_of
from strongroom.data.documents._html import html_pieces
from strongroom.data.sources import Limits

PAGE = """<!DOCTYPE html><html><head><meta charset="iso-8859-1"><title>Page of J&ouml;rg</title>
<meta name="author" content="Jane Doe"><script>var key = "AKIA0";
var b = 1 < 2;</script><style>p { color: red }</style></head>
<body><!-- call Bob 555-1234 -->
<p>Contact <a href="mailto:jane%40x.example?subject=a&amp;b" class=x>Jane
   <b>D</b>oe</a> now, 3 < 4 &amp; 5.<p>Second<br>line&nbsp;two
<img src="data:image/png;base64,AAAA" alt='Photo of John "J" Smith'>
<table><tr><th>Name<th>SSN</tr><tr><td>Ann</td><td>536-22-8726</td></tr></table>
<pre>a
  b	c</pre><input name=ssn value=536-22-8726 disabled><div onclick="alert('x>y')">Müller</div>
</body></html>"""
SEEN = [
    "Page of Jörg",
    "name: author\ncontent: Jane Doe",
    'var key = "AKIA0";',
    "var b = 1 < 2;",
    "p { color: red }",
    " call Bob 555-1234 ",
    "Contact Jane Doe now, 3 < 4 & 5.",
    "href: mailto:jane@x.example?subject=a&b",
    "Second\nline two",
    'src: data:image/png;base64\nalt: Photo of John "J" Smith',
    "Name\tSSN",
    "Ann\t536-22-8726",
    "a\nb\tc",
    "name: ssn\nvalue: 536-22-8726",
    "Müller",
    "onclick: alert('x>y')",
]


def test_gives_what_is_seen_and_what_hides() -> None:
    assert form_of(PAGE.encode()) == "html"
    assert records("html", PAGE.encode("latin-1")) == SEEN
    # The bytes win over what the page says of them.
    assert records("html", PAGE.encode()) == SEEN


@given(st.integers(1, 60))
def test_pieces_of_any_size_make_the_same_records(size: int) -> None:
    pieces = (PAGE[i : i + size] for i in range(0, len(PAGE), size))
    whole, part = [], ""
    for text, ends in html_pieces(pieces):
        part += text
        if ends:
            whole.append(part)
            part = ""
    assert whole == SEEN


@given(st.text(st.sampled_from("<>/!-ab \"'=&;\n"), max_size=300))
def test_no_word_is_lost_in_broken_markup(text: str) -> None:
    """Whatever the markup, a word between tags that are closed comes out."""
    content = f"<p>first</p>{text}\"'-->\"'><p>last</p></p>".encode()
    found = records("html", content)
    assert found[0] == "first"
    assert "last" in found[-1]


def test_a_tag_that_never_ends_is_text() -> None:
    content = b'<p>before</p><a title="Jane Doe, 4111 1111 1111 1111>' + b" x" * 100
    found = "".join(records("html", content))
    assert "before" in found
    assert "4111 1111 1111 1111" in found


def test_code_of_the_server_is_not_lost() -> None:
    page = b"<html><?php\n$password = 'hunter2';\nif ($a > 1) {}\n?><p>Hi</p><![CDATA[Jane]]>"
    assert records("html", page) == [
        "php",
        "$password = 'hunter2';",
        "if ($a > 1) {}",
        "Hi",
        "<![CDATA[Jane]]",
    ]


def test_deep_nesting_is_no_recursion() -> None:
    content = b"<div>" * 200_000 + b"Jane" + b"</div>" * 200_000
    assert records("html", content) == ["Jane"]


def test_what_repeats_without_end_takes_time_in_proportion() -> None:
    # Each of these was, or nearly was, looked at again from every place in it.
    for part in ("&nbsp;", "<a ", '<a b="', "<!--", "<?", "</", " ", "<td>", "\n", "&#", "<pre> "):
        records("html", f"<p>{part * 100_000}".encode())


def test_a_page_comes_through_a_pipe() -> None:
    found = READERS["html"](Forward(b"<p>Jane</p>" * 3), "a file", Limits())
    assert [r for b in found for r in b.table["text"].to_pylist()] == ["Jane"] * 3
