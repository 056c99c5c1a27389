"""Postal codes: those that say themselves what they are, and others beside a word or a state."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._label import alone

_STATES = (
    "A[KLRZ]|C[AOT]|D[CE]|FL|G[AU]|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|P[AR]|RI|"
    "S[CD]|T[NX]|UT|V[AIT]|W[AIVY]"
)
_LABEL = alone(
    "zip[ _-]?codes?", "zip", "postal[ _-]?code", "post[ _-]?code", "postcode", "plz",
    "postleitzahl", "code postal", "codice postale", "cap", "cp", "código postal", "codigo postal",
) + r"""(?:["']?\s{0,2}(?::|=|is|#|was)\s{0,2}|["']?\s{1,2})["']?"""  # fmt: skip
# Royal Mail's own description; the letters C, I, K, M, O and V never end one.
_GB = r"(?:[A-Z]{1,2}\d{1,2}|[A-Z]{1,2}\d[A-HJKMNPR-Y]|GIR) ?\d[ABD-HJLNP-UW-Z]{2}"
_CA = "[ABCEGHJ-NPRSTVXY]\\d[ABCEGHJ-NPRSTV-Z][ -]?\\d[ABCEGHJ-NPRSTV-Z]\\d"
_WORDS = ("zip", "postcode", "postal", "address", "street", "road", "avenue", "lane", "plz",
          "city", "town", "ontario", "quebec", "london", "postleitzahl", "postal")  # fmt: skip

RULES = (
    Rule("zip_code.us", "ZIP_CODE", r"\d{5}(?:-\d{4})?", 0.7,
         lead=rf"[ ,\n](?:{_STATES})[ ,.]{{1,2}}",
         examples=("Austin, TX 78701-1234", "Lexington, MI 35089"),
         lookalikes=("Austin, TX 787011",)),
    Rule("zip_code.plus4", "ZIP_CODE", r"\d{5}-\d{4}", 0.3, context=_WORDS, context_score=0.7,
         examples=("zip 12345-6789",), lookalikes=("12345-6789",)),
    Rule("zip_code.gb", "ZIP_CODE", _GB, 0.3, context=_WORDS, context_score=0.75,
         examples=("postcode SW1A1AA",), lookalikes=("Q1 2AB",)),
    Rule("zip_code.gb_spaced", "ZIP_CODE", _GB.replace(" ?", " "), 0.6, context=_WORDS,
         context_score=0.85, examples=("London SW1A 1AA",), lookalikes=("SW1A 1AC",)),
    Rule("zip_code.ca", "ZIP_CODE", _CA, 0.6, context=_WORDS, context_score=0.85,
         examples=("K1A 0B1", "B0J 2H0"), lookalikes=("K1A 0O1",)),
    Rule("zip_code.nl", "ZIP_CODE", r"[1-9]\d{3} [A-Z]{2}", 0.2, countries=("NL",),
         context=("postcode", "adres", "straat", "weg", "laan"), context_score=0.7,
         examples=("postcode 1234 AB",)),
    Rule("zip_code.labelled", "ZIP_CODE",
         r"[A-Z]{0,2}-?\d{3,6}(?:-\d{3,4})?(?: [A-Z]{2})?|[A-Z]{1,2}\d[0-9A-Z]? ?\d[A-Z]{2}", 0.7,
         lead=_LABEL, keywords=("zip", "postal", "post", "plz", "postleitzahl", "cp", "cap",
                                "postale"),
         examples=("Zip: 3520", "My zip code is 76400", "die PLZ 10115", "a ZIP: 7412 SL"),
         lookalikes=("unzip 3520", '"cp1252", "cp', "encode('cp949')")),
)  # fmt: skip
