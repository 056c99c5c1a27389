"""E-mail addresses, by the parts of RFC 5321 and 5322 that are in use."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._write import letters_but

LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
# "logo@2x.png" has the shape of an address.
_FILES = ("avif", "css", "gif", "heic", "html", "ico", "jpeg", "jpg", "js", "json", "png", "svg",
          "tiff", "webp")  # fmt: skip
# What isn't ASCII counts in bytes here, as everywhere in patterns.
_ENDING = rf"(?:{letters_but(_FILES, 2, 24)}|[A-Za-z]{{0,20}}[^\x00-\x7f][^\W\d_]{{1,50}})"

RULES = (
    Rule(
        "email", "EMAIL_ADDRESS",
        rf"\w[\w+%'-]*(?:\.[\w+%'-]+)*@(?:{LABEL}\.)+{_ENDING}",
        1.0, apart="", validated=True,
        examples=("write to jane.o'neil+news@mail.example.co.uk.", "mail='a_b@example.org'",
                  "jürgen@müller.example", "info@例え.テスト"),
        lookalikes=("icon@2x.png @home a@b user@localhost", "a..b@", "x@y.html"),
    ),
    # As it stands in addresses of pages and their logs, in HTML, in JSON within text.
    *(
        Rule(
            f"email.{name}", "EMAIL_ADDRESS",
            rf"\w[\w+%'-]*(?:\.[\w+%'-]+)*{at}(?:{LABEL}\.)+{_ENDING}",
            1.0, apart="", validated=True,
            examples=(f"GET /?user=jane.doe{said}example.org&x=1",),
            lookalikes=(f"50{said} a{said}b", f"100{said}x.html"),
        )
        for name, at, said in (
            ("url", "%40", "%40"), ("html", "&#64;", "&#64;"), ("json", r"\\u0040", r"\u0040"),
        )
    ),
)  # fmt: skip
