"""If this fails, an engine that a user plugs in finds nothing, or its spans are shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from strongroom.config import DiscoverSpec
from strongroom.discover import Recognizer, find_spans
from strongroom.discover.recognizers.foreign import open_engine
from strongroom.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def conforms(recognizer: Recognizer, text: str) -> list[tuple[str, str]]:
    """Hold a recognizer to the seam's promises; return what it found."""
    assert isinstance(recognizer, Recognizer)
    assert recognizer.name
    assert list(recognizer.find("")) == []
    found = list(recognizer.find(text))
    assert found == list(recognizer.find(text))
    for one in found:
        assert one.entity in recognizer.entities
        assert 0 <= one.start < one.end <= len(text)
        assert 0 <= one.score <= 1
        assert one.recognizer.partition(".")[0] == recognizer.name
    return [(one.entity, text[one.start : one.end]) for one in found]


def saved_pipeline(folder: Path) -> Path:
    """Save a spaCy pipeline that knows two names, as a trained one would be saved."""
    spacy = pytest.importorskip("spacy")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns(
        [
            {"label": "PERSON", "pattern": "Ada Lovelace"},
            {"label": "GPE", "pattern": "Łódź"},
            {"label": "WORK_OF_ART", "pattern": "Guernica"},
        ]
    )
    pipeline.to_disk(folder)
    return folder


def test_a_spacy_pipeline_is_a_recognizer(tmp_path: Path) -> None:
    model = saved_pipeline(tmp_path / "model")
    recognizer = open_engine(f"spacy:{model}")
    assert conforms(recognizer, "Żółć: Ada Lovelace saw Guernica in Łódź.") == [
        ("PERSON", "Ada Lovelace"), ("GPE", "Łódź"),
    ]  # fmt: skip
    long = "word " * 30_000 + "Ada Lovelace"
    assert conforms(recognizer, long) == [("PERSON", "Ada Lovelace")]


def test_the_configuration_names_it(tmp_path: Path) -> None:
    model = saved_pipeline(tmp_path / "model")
    spec = DiscoverSpec(names=False, recognizers=(f"spacy:{model}",))
    text = "Ada Lovelace in Łódź"
    assert [(d.entity, text[d.start : d.end]) for d in find_spans(text, spec)] == [
        ("PERSON", "Ada Lovelace"), ("GPE", "Łódź"),
    ]  # fmt: skip


def test_a_presidio_analyzer_is_a_recognizer(tmp_path: Path) -> None:
    pytest.importorskip("presidio_analyzer")
    text = "é: mail jane@example.com, card 4111 1111 1111 1111"
    plain = conforms(open_engine("presidio:en"), text)
    assert {("EMAIL_ADDRESS", "jane@example.com"), ("CREDIT_CARD", "4111 1111 1111 1111")} <= set(
        plain
    )
    model = saved_pipeline(tmp_path / "model")
    named = conforms(open_engine(f"presidio:en:{model}"), f"Ada Lovelace: {text}")
    assert ("PERSON", "Ada Lovelace") in named


def test_a_gliner_model_must_be_a_local_folder_of_safetensors(tmp_path: Path) -> None:
    pytest.importorskip("gliner")
    (tmp_path / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    for said in (f"gliner:{tmp_path}", "gliner:somebody/model"):
        with pytest.raises(ConfigError, match="local folder"):
            open_engine(said)


@pytest.mark.parametrize("said", ["spacy:no_such_model", "presidio:zz", "gliner:nowhere"])
def test_what_isnt_there_is_said(said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_engine(said)
    assert said.partition(":")[0] in str(caught.value.where)


def test_an_engine_that_nobody_knows_gets_a_hint() -> None:
    with pytest.raises(ConfigError, match="spacey") as caught:
        open_engine("spacey:x")
    assert caught.value.hint == 'did you mean "spacy"?'


def saved_gliner(folder: Path) -> Path:
    """Save a GLiNER model of random weights, whose answers say nothing and whose places count."""
    gliner = pytest.importorskip("gliner")
    transformers = pytest.importorskip("transformers")
    encoder = folder / "encoder"
    encoder.mkdir(parents=True)
    letters = "abcdefghijklmnopqrstuvwxyz."
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    (encoder / "vocab.txt").write_text("\n".join(tokens))
    transformers.BertTokenizerFast(str(encoder / "vocab.txt")).save_pretrained(encoder)
    tiny = transformers.BertConfig(
        vocab_size=len(tokens) + 8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16,
    )  # fmt: skip
    transformers.BertModel(tiny).save_pretrained(encoder)
    settings = gliner.config.GLiNERConfig(
        model_name=str(encoder), hidden_size=16, max_width=3, max_len=32, dropout=0.0
    )
    gliner.GLiNER.from_config(settings).save_pretrained(folder / "model", safe_serialization=True)
    return folder / "model"


def test_a_gliner_model_is_a_recognizer_and_reads_long_texts_to_their_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = open_engine(f"gliner:{saved_gliner(tmp_path)}")
    conforms(recognizer, "Żółć: Ada Lovelace saw Guernica in Łódź.")
    monkeypatch.setattr("strongroom.discover.recognizers.foreign._gliner._THRESHOLD", 0.0)
    text = "Ada saw it. " * 100
    found = conforms(recognizer, text)
    assert max(one.end for one in recognizer.find(text)) > len(text) - len("Ada saw it. ")
    assert all(value.strip() == value for _, value in found)
