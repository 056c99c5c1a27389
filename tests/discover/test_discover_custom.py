"""If this fails, what a user adds isn't found, what they allow is, or a typo in it goes unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.config import DiscoverSpec
from strongroom.discover import find_spans
from strongroom.discover._custom import _any_case, custom, fold
from strongroom.discover._custom_toml import read_toml
from strongroom.discover.engine import Engine
from strongroom.errors import ConfigError

PLAIN = DiscoverSpec(names=False)

FILE = r"""
[[recognizer]]
name = "customer"
entity = "CUSTOMER_ID"
pattern = 'C-\d{6}'
score = 0.4
context = ["Client"]
examples = ["client C-123456"]
lookalikes = ["client C-12345"]

[[recognizer]]
name = "member_card"
entity = "MEMBER_CARD"
pattern = '\d{4} \d{4} \d{2}'
check = "luhn"
examples = ["7992 7398 00"]
lookalikes = ["7992 7398 01"]

[[deny]]
entity = "PROJECT"
terms = ["Blue Heron", "Straße 7", "C++ (core)"]

[[allow]]
entity = "EMAIL_ADDRESS"
terms = ["info@example.com"]
"""


def write(folder: Path, text: str, name: str = "ours.toml") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def seen(text: str, spec: DiscoverSpec) -> list[tuple[str, str]]:
    return [(d.entity, text[d.start : d.end]) for d in find_spans(text, spec)]


def test_rules_and_terms_of_a_file_count(tmp_path: Path) -> None:
    spec = PLAIN.model_copy(update={"recognizers": (write(tmp_path, FILE),)})
    text = (
        "C-123456; card 7992 7398 00; BLUE  heron, STRASSE 7, c++ (CORE), "
        "Info@Example.com and jane@example.com, client C-654321"
    )
    assert seen(text, spec) == [
        ("MEMBER_CARD", "7992 7398 00"),
        ("PROJECT", "BLUE  heron"),
        ("PROJECT", "STRASSE 7"),
        ("PROJECT", "c++ (CORE)"),
        ("EMAIL_ADDRESS", "jane@example.com"),
        ("CUSTOMER_ID", "C-654321"),
    ]


def test_terms_of_the_specification_itself_count() -> None:
    spec = PLAIN.model_copy(
        update={"allow": ("84.17.61.18", "INFO@example.com"), "deny": {"CODE": ("night owl",)}}
    )
    text = "info@example.com from 84.17.61.18 and 84.17.61.19: Night Owl"
    assert seen(text, spec) == [("IP_ADDRESS", "84.17.61.19"), ("CODE", "Night Owl")]


PROGRAM = """
from strongroom.discover import Detection
from strongroom.discover._rule import Rule


class Shouting:
    name = "shouting"
    entities = ("SHOUT",)

    def __init__(self, spec):
        self.least = spec.min_score

    def find(self, text):
        at = text.find("HELP")
        if at >= 0:
            yield Detection("SHOUT", at, at + 4, 0.9, self.name)


RULES = (Rule("ours.badge", "BADGE", r"B\\d{4}", 0.9),)
RECOGNIZERS = (Shouting,)
"""


def test_a_python_file_that_is_named_is_run(tmp_path: Path) -> None:
    spec = PLAIN.model_copy(update={"recognizers": (write(tmp_path, PROGRAM, "ours.py"),)})
    assert seen("HELP, B1234 said", spec) == [("SHOUT", "HELP"), ("BADGE", "B1234")]


RULE = '[[recognizer]]\nname = "a"\nentity = "B"\n'


@pytest.mark.parametrize(
    ("text", "what", "hint"),
    [
        ("x = 1", 'unknown key "x"', "known keys"),
        (RULE + 'patern = "x"', '"pattern" is missing', None),
        (RULE + 'pattern = "x"\nscroe = 1', 'unknown key "scroe"', 'did you mean "score"?'),
        (RULE + 'pattern = "x"\nscore = 2', '"score": ', None),
        (RULE + 'pattern = "x"\ncheck = "luhm"', "no check digits", 'did you mean "luhn"?'),
        (RULE + 'pattern = "(?=x)"', "can't be used", "literals"),
        (RULE + r"pattern = '(a)\1'", "can't be used", None),
        (RULE + 'pattern = "(?:a{900}){900}"', "", None),
        (RULE + 'pattern = "x"\nexamples = ["y"]', "example 1 isn't found", None),
        (RULE + 'pattern = "x"\nlookalikes = ["x"]', "look-alike 1 is found", None),
        (RULE.replace('"B"', '"b"') + 'pattern = "x"', '"entity": ', None),
        ("[[deny]]\nterms = ['a']", '"entity" is missing', None),
        ("a = [", "not valid TOML", None),
        ("a = " + "[" * 5_000, "not valid TOML", None),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, text: str, what: str, hint: str | None
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_toml(Path(path))
    assert what in caught.value.what
    assert str(caught.value.where).startswith(path)
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("1 / 0", "fails: ZeroDivisionError"),
        ("import no_such_module", "fails: ModuleNotFoundError"),
        ("x = 1", "neither RULES nor RECOGNIZERS"),
        ("RULES = (1,)", "isn't a Rule"),
        ("class A:\n    def __init__(self, spec): pass\nRECOGNIZERS = (A,)", "isn't a recognizer"),
        ("def make(spec): raise OSError\nRECOGNIZERS = (make,)", "can't be made"),
    ],
)
def test_a_python_file_that_cant_be_used_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = write(tmp_path, text, "ours.py")
    with pytest.raises(ConfigError) as caught:
        custom(DiscoverSpec(recognizers=(path,)))
    assert what in caught.value.what
    assert caught.value.where == path


@pytest.mark.parametrize("name", ["nowhere.toml", "nowhere.py", "recognizers.txt", "C:\\x.json"])
def test_a_file_that_isnt_there_or_of_another_kind_is_named(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        custom(DiscoverSpec(recognizers=(name,)))
    assert name in str(caught.value.where)


def test_a_pattern_made_to_be_slow_takes_no_longer_than_its_text(tmp_path: Path) -> None:
    """A backtracking matcher would take centuries: finishing is the proof."""
    path = write(tmp_path, RULE + "pattern = '(?:a+)+b'")
    engine = Engine(read_toml(Path(path)).rules, PLAIN)
    import pyarrow as pa

    assert len(engine.find(pa.array(["a" * 200_000], pa.large_string()))) == 0


@settings(deadline=None, max_examples=50)
@given(st.text(min_size=1, max_size=12).filter(lambda t: t.strip()), st.booleans())
def test_a_denied_term_matches_itself_in_either_case(term: str, upper: bool) -> None:
    import re

    clean = term.encode("utf-8", "ignore").decode().replace("\0", "")
    if not clean.split():
        return
    written = clean.upper() if upper else clean
    said = " ".join(written.split())
    if fold(said) == fold(clean):
        assert re.fullmatch(_any_case(clean), said)
