"""If this fails, a slip in strongroom.toml is taken silently, or is said in the wrong place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from strongroom import config
from strongroom.config import ColumnSpec, Config, TrainSpec
from strongroom.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
HEAD = '[project]\nname = "p"\n[data]\nsource = "d.csv"\n'  # four lines

WHOLE = """
[project]
name = "income"
[data]
source = "a.csv"
test = "b.csv"
test_fraction = 0.3
target = "income"
subject = "person"
rows = 1000
budget = 5
[data.columns.age]
role = "quasi_identifier"
range = [17, 90]
knots = [30, 40.5]
[data.columns."odd.name"]
categories = ["a", "b"]
hierarchy = { a = ["x"], b = ["x"] }
[discover]
country = "DE"
min_score = 0.7
max_rows = 10
[anonymize]
k = 10
l = 2
suppression_limit = 0.1
direct = "pseudonymise"
pseudonymise = ["person"]
text = "surrogate"
[seal]
recipients = ["age1xyz"]
identity = "key.txt"
[train]
model = "mlp"
hidden = [32, 16]
epochs = 5
batch_size = "full"
learning_rate = 0.5
weight_decay = 0.01
optimizer = "adam"
average = false
compare = false
seed = 7
[train.privacy]
epsilon = 3
delta = 1e-5
clip_norm = 0.5
canaries = 10
[audit]
attacks = ["membership"]
shadows = 8
seed = 1
[policy]
"membership.tpr_at_fpr_0.001" = { max = 0.005 }
"utility.accuracy" = { min = 0.8, max = 1 }
"""


def refused(text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        config.parse(text, where="s.toml")
    assert caught.value.exit_code == 2
    return caught.value


def test_every_section_is_read() -> None:
    read = config.parse(WHOLE)
    assert read.project.name == "income"
    assert read.data.test_fraction == 0.3
    assert read.data.rows == 1000
    assert read.data.budget == 5.0
    assert read.data.columns["age"].range == (17.0, 90.0)
    assert list(read.data.columns["age"].knots) == [30, 40.5]
    assert read.data.columns["odd.name"].hierarchy == {"a": ("x",), "b": ("x",)}
    assert read.discover.country == "DE"
    assert read.anonymize.pseudonymise == ("person",)
    assert read.seal.recipients == ("age1xyz",)
    assert read.train.hidden == (32, 16)
    assert read.train.batch_size == "full"
    assert read.train.privacy is not None
    assert read.train.privacy.delta == 1e-5
    assert read.audit.attacks == ("membership",)
    assert read.policy["membership.tpr_at_fpr_0.001"].max == 0.005
    assert read.policy["membership.tpr_at_fpr_0.001"].min is None


def test_the_shortest_file_has_a_default_for_everything_else() -> None:
    read = config.parse(HEAD)
    assert read == Config.model_validate({"project": {"name": "p"}, "data": {"source": "d.csv"}})
    assert read.train.privacy is None
    assert read.policy == {}


def test_a_section_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValueError, match="frozen"):
        TrainSpec().epochs = 3


@pytest.mark.parametrize(
    ("lines", "key", "line", "hint"),
    [
        ("[train.privacy]\nepsillon = 3", "epsillon", 6, 'did you mean "epsilon"?'),
        ("[train]\nepochs = 3\nepoch = 4", "epoch", 7, 'did you mean "epochs"?'),
        ("[trian]\nepochs = 3", "trian", 5, 'did you mean "train"?'),
        ("[train]\nprivacy.epsilonn = 3", "epsilonn", 6, 'did you mean "epsilon"?'),
        ("[train]\nprivacy = { epsilonn = 3 }", "epsilonn", 6, 'did you mean "epsilon"?'),
        ("[data.columns.age]\nrnage = [1, 2]", "rnage", 6, 'did you mean "range"?'),
        ('[data.columns."a.b"]\nrnage = [1, 2]', "rnage", 6, 'did you mean "range"?'),
        ('[policy]\n"a.b" = { maxx = 3 }', "maxx", 6, 'did you mean "max"?'),
        ("[anonymize]\n# k = 3\nq = 3", "q", 7, None),
        (
            "[audit]\nzzzz = 1",
            "zzzz",
            6,
            "known keys: attacks, shadows, immutable, sensitive, query_budget, seed",
        ),
    ],
)
def test_an_unknown_key_is_named_with_its_line_and_a_suggestion(
    lines: str, key: str, line: int, hint: str | None
) -> None:
    error = refused(HEAD + lines)
    assert error.what.startswith(f'unknown key "{key}"')
    assert error.where == f"s.toml:{line}"
    assert error.hint
    assert hint is None or error.hint == hint


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('[train]\nepochs = "3"', '"epochs" in [train]: should be a valid number'),
        ("[train]\nepochs = true", '"epochs" in [train]: should be a valid number'),
        ("[anonymize]\nk = 2.5", '"k" in [anonymize]: should be a valid integer'),
        ("[anonymize]\nk = true", '"k" in [anonymize]: should be a valid integer'),
        ("[anonymize]\nk = 0", "greater than or equal to 1"),
        ("[train]\nbatch_size = 'ful'", "valid integer or should be 'full'"),
        ("[train]\nhidden = [8, 0]", '"hidden" in [train]: should be greater than 0'),
        ("[train]\nhidden = 8", '"hidden" in [train]: should be a list'),
        ("[audit]\nattacks = 3", "'quick', 'standard' or 'full' or should be a list"),
        ("[discover]\ncountry = 'usa'", '"country" in [discover]'),
        ("[train]\noptimizer = 1979-05-27", '"optimizer" in [train]'),
        ("[train.privacy]\nepsilon = 0", "greater than 0"),
        ("[train.privacy]\nepsilon = -1", "greater than 0"),
        ("[train.privacy]\ndelta = 1", "less than 1"),
        ("[data.columns.age]\nrange = [1, 2, 3]", '"range" in [data.columns.age]'),
        ("[data.columns.age]\nrole = 'qid'", '"role" in [data.columns.age]'),
    ],
)
def test_a_wrong_value_is_refused_on_its_line(lines: str, said: str) -> None:
    error = refused(HEAD + lines)
    assert said in error.what
    assert error.where == "s.toml:6"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("range = [5, 5]", "from a lower to a higher"),
        ("range = [0, 9]\nknots = [3, 2]", "knots must rise"),
        ("range = [0, 9]\nknots = [2, 2]", "knots must rise"),
        ("range = [0, 9]\nknots = [2, 9]", "inside the range"),
        ("knots = [2, 3]", "inside the range"),
        ("range = [0, 9]\ncategories = ['a']", "either categories or a range"),
        ("categories = ['a', 'a']", "must not repeat"),
    ],
)
def test_declarations_of_a_column_must_agree(lines: str, said: str) -> None:
    error = refused(f"{HEAD}[data.columns.age]\n{lines}")
    assert said in error.what
    assert error.where == "s.toml:5"


@pytest.mark.parametrize("limit", ["{}", "{ min = 2, max = 1 }", "3", "{ max = nan }"])
def test_a_limit_must_limit(limit: str) -> None:
    error = refused(f'{HEAD}[policy]\n"a.b_0.001" = {limit}')
    assert error.where == "s.toml:6"


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "+nan"])
@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("train", "epochs"),
        ("train", "learning_rate"),
        ("train", "weight_decay"),
        ("train.privacy", "epsilon"),
        ("train.privacy", "delta"),
        ("train.privacy", "clip_norm"),
        ("data", "budget"),
        ("data", "test_fraction"),
        ("anonymize", "suppression_limit"),
        ("discover", "min_score"),
    ],
)
def test_nan_and_infinity_are_no_settings(section: str, key: str, value: str) -> None:
    text = HEAD if section == "data" else f"{HEAD}[{section}]\n"
    error = refused(f"{text}{key} = {value}\n")
    assert f'"{key}"' in error.what


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", '"project" is missing'),
        ('[project]\nname = "p"', '"data" is missing'),
        ('[project]\nname = "p"\n[data]\ntarget = "x"', '"source" is missing in [data]'),
    ],
)
def test_what_is_missing_is_named(text: str, what: str) -> None:
    assert refused(text).what == what


def test_broken_toml_is_refused_with_its_line() -> None:
    error = refused(HEAD + "[train\n")
    assert "not valid TOML" in error.what
    assert error.where == "s.toml:5"


@pytest.mark.parametrize(
    "lines", [f"k = {'9' * 5000}", f"k = {'[' * 5000}", "k = 2024-13-45", 'k = """']
)
def test_toml_at_which_the_parser_chokes_is_a_config_error_too(lines: str) -> None:
    assert "not valid TOML" in refused(f"{HEAD}[anonymize]\n{lines}\n").what


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no strongroom\.toml here") as caught:
        config.load(tmp_path / "strongroom.toml")
    assert caught.value.hint
    assert "strongroom init" in caught.value.hint


def test_a_folder_and_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read it"):
        config.load(tmp_path)
    (tmp_path / "s.toml").write_bytes(b'[project]\nname = "\xff"\n')
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path / "s.toml")


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("examples/**/strongroom.toml")), ids=lambda p: p.parent.name
)
def test_every_example_is_valid_and_its_files_are_there(path: Path) -> None:
    read = config.load(path)
    assert (path.parent / read.data.source).is_file()
    assert read.data.test is None or (path.parent / read.data.test).is_file()


numbers = st.floats(0, 1e9, exclude_min=True, allow_nan=False)
names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1)
documents = st.fixed_dictionaries(
    {
        "project": st.fixed_dictionaries({"name": names}),
        "data": st.fixed_dictionaries(
            {"source": names},
            optional={"target": names, "rows": st.integers(1, 10**9), "budget": numbers},
        ),
    },
    optional={
        "train": st.fixed_dictionaries(
            {},
            optional={
                "hidden": st.lists(st.integers(1, 512), max_size=3),
                "epochs": numbers,
                "batch_size": st.one_of(st.just("full"), st.integers(1, 10**6)),
                "privacy": st.fixed_dictionaries({"epsilon": numbers, "clip_norm": numbers}),
            },
        ),
        "policy": st.dictionaries(names, st.fixed_dictionaries({"max": numbers}), max_size=3),
    },
)


def toml(value: Any) -> str:  # noqa: ANN401 - any TOML value
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{toml(k)} = {toml(v)}' for k, v in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    # TOML's basic strings escape as JSON's do, except DEL, which `names` leaves out.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


@settings(max_examples=60, deadline=None)
@given(document=documents)
def test_what_is_written_is_what_is_read(document: dict[str, Any]) -> None:
    read = config.parse("\n".join(f"{k} = {toml(v)}" for k, v in document.items()))
    assert read == Config.model_validate(document)
    assert Config.model_validate_json(read.model_dump_json()) == read


@settings(max_examples=150, deadline=None)
@given(text=st.text(alphabet="[]{}=.\"'#\n pdk\\19-", max_size=60))
def test_no_text_brings_anything_but_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        config.parse(text)


@pytest.mark.parametrize(
    "spec",
    [
        {"bins": 4},
        {"range": (0.0, 1.0), "log": True},
        {"range": (0.0, 1.0), "reference": 2},
        {"range": (0.0, 1.0), "reference": "0.5"},
        {"categories": ("a", "b"), "reference": "c"},
        {"reference": 1},
    ],
)
def test_a_declaration_that_means_nothing_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ColumnSpec.model_validate(spec)
