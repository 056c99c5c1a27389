"""Encodings from before Unicode, told apart by the letters that languages use most.

Read in a wrong encoding, a text has signs within words, capitals behind small letters and letters
that no language uses often. Each encoding is tried on the sample and marked by that.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_ODD = re.compile(
    # A sign within a word, a capital behind a small letter, letters of two scripts in one word.
    r"(?<=[^\W\d_])[^\w\s'’\-–.,:;!?/()\"“”«»](?=[^\W\d_])"
    r"|[£€§°](?=[^\W\d_])"
    r"|(?<=[a-zß-öø-ÿа-я])[À-ÖØ-ÞА-Я]|\b[А-Я][А-Я]+[а-я]"
    r"|(?<=[a-zA-Z])[\u0370-\u06ff]|[\u0370-\u06ff](?=[a-zA-Z])"
)

_TYPED = "’“”„–…«»°§€£"
_WEST = (
    "éèàùâêîôûçëïœ",
    "äöüß",
    "áéíóúñü¿¡",
    "ãõáéíóúâêôçà",
    "åæøäöéðþýíáúó",
    "àèéìòù",
)
_MIDDLE = ("ąćęłńóśźż", "ěščřžýáíéúůťďňľĺŕôä", "őűöüóáéíú", "ăâîşţ", "čćšžđ")
_CYRILLIC = ("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфіїєъ",)
_GREEK = ("αοιετσνηυρπκμλςίόάέήδωγχθύφώβξζψ",)
_KANA = ("".join(map(chr, [*range(0x3041, 0x3094), *range(0x30A1, 0x30F7)])) + "、。ー「」",)
_HANGUL = ("이다의에는을를가고하지도로기사한인어해서니그있나아자은들시대제일전",)
_SIMPLE = (
    "的一是不了在人有我他这中大来上国个到说们为子和你地出会也时要就可以对生能年着，。市住叫",
)
_TRADITIONAL = (
    "的一是不了在人有我他這中大來上國個到說們為子和你地出會也時要就可以對生能年著，。市",
)
_HEBREW = ("יוהלאתמרבשנםכעדחקפגזטסןצךףץ",)
_ARABIC = ("المينوترهبدعفسقكحجصشذطخثضغزظأىئةإءآؤ،",)
_RANKED = frozenset(_CYRILLIC + _GREEK + _HEBREW + _ARABIC)
_NONE = range(0)
_CANDIDATES = (
    # Letters of each language, those of an alphabet most frequent first; leading bytes of the
    # frequent half of a large set. Where two encodings fit alike, the earlier.
    ("cp1252", _WEST, _NONE),
    ("cp1250", _MIDDLE, _NONE),
    ("cp1251", _CYRILLIC, _NONE),
    ("cp1253", _GREEK, _NONE),
    ("cp1254", ("ğışçöüâ\u0307",), _NONE),
    ("cp1255", _HEBREW, _NONE),
    ("cp1256", _ARABIC, _NONE),
    ("cp1257", ("āčēģīķļņšūž", "ąčęėįšųūž", "äõöü"), _NONE),
    ("iso8859_2", _MIDDLE, _NONE),
    ("iso8859_5", _CYRILLIC, _NONE),
    ("iso8859_7", _GREEK, _NONE),
    ("koi8_r", _CYRILLIC, _NONE),
    ("cp866", _CYRILLIC, _NONE),
    ("cp850", _WEST, _NONE),
    ("cp852", _MIDDLE, _NONE),
    ("mac_roman", _WEST, _NONE),
    ("cp932", _KANA, range(0x88, 0x98)),
    ("euc_jp", _KANA, range(0xB0, 0xD0)),
    ("gb18030", _SIMPLE, range(0xB0, 0xD8)),
    ("big5", _TRADITIONAL, range(0xA4, 0xC7)),
    ("cp949", _HANGUL, range(0xB0, 0xC9)),
)
_PENALTY, _BROKEN, _STEEP, _COMMON = 1.0, 3.0, 0.6, 0.7


def legacy_encoding(sample: bytes) -> str:
    """Return the encoding, as Python names it, that a text which isn't Unicode is likely in.

    With little to go by it is Windows-1252, as browsers assume too.
    """
    best, most = "cp1252", -_BROKEN
    for encoding, languages, leading in _CANDIDATES:
        text = sample.decode(encoding, "replace")
        beyond = Counter(_BEYOND_ASCII.findall(text.lower()))
        # Of a sign of many bytes that no list has, how frequent it is lies in where it stands.
        common = dict.fromkeys(
            (c for c in beyond if leading and c.encode(encoding, "replace")[0] in leading), _COMMON
        )
        good = max(
            sum(n * weights.get(c, common.get(c, 0)) for c, n in beyond.items())
            for weights in map(_weights, languages)
        )
        # The sample's last character may be cut.
        broken = sum(c == "\ufffd" or "\x80" <= c < "\xa0" for c in text[:-2])
        odd = len(_ODD.findall(text))
        mark = (good - _PENALTY * odd - _BROKEN * broken) / (beyond.total() or 1)
        if mark > most:
            best, most = encoding, mark
    return best


@cache
def _weights(letters: str) -> dict[str, float]:
    """Weigh the letters of a language: an alphabet's by their rank, accents and signs alike."""
    steep = _STEEP if letters in _RANKED else 0.0
    weights = dict.fromkeys(_TYPED, 1.0)
    weights.update((c, 1 + steep * (0.5 - i / len(letters))) for i, c in enumerate(letters))
    return weights
