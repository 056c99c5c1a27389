"""If this fails, a team can't audit a model, reads the wrong verdict, or meets a traceback."""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from tests.conftest import made_up_people

from strongroom.data import write_table

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Done, Project

COLUMNS = ("age", "sex", "ward", "stay", "diagnosis", "readmitted")
MAKER = '''
import os
import time

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

FEATURES = ["age", "sex", "ward", "stay", "diagnosis"]


def remembers():
    """A tree grown to purity: it knows its rows by heart."""
    rows = pd.read_csv("seen.csv")
    texts = ["sex", "ward", "diagnosis"]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        remainder="passthrough",
    )
    tree = DecisionTreeClassifier(random_state=0)
    return make_pipeline(encode, tree).fit(rows[FEATURES], rows["readmitted"])


def by_hand():
    """A function of rows, that nothing can train again."""
    tree = remembers()
    return lambda rows: tree.predict_proba(rows)


def fit(rows, labels):
    texts = [c for c in rows.columns if rows[c].dtype == object or str(rows[c].dtype) == "str"]
    encode = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        remainder="passthrough",
    )
    return make_pipeline(encode, DecisionTreeClassifier(random_state=0)).fit(rows, labels)


class Stuck:
    """Answers its first thousand rows, and then thinks for long."""

    def __init__(self, tree):
        self.tree, self.classes_, self.asked = tree, tree.classes_, 0
        self.feature_names_in_ = tree.feature_names_in_

    def predict_proba(self, rows):
        self.asked += len(rows)
        with open("asked.txt", "a") as file:
            file.write(f"{len(rows)}\\n")
        if self.asked > 1_000 and "HURRY" not in os.environ:
            time.sleep(120)
        return self.tree.predict_proba(rows)

    def predict(self, rows):
        return self.tree.predict(rows)


def stuck():
    return Stuck(remembers())


def breaks():
    raise ValueError("patient 7 has no ward")
'''


def people(count: int, seed: int) -> pa.Table:
    return pa.Table.from_pylist(made_up_people(count, seed)).select(COLUMNS)


class Clinic:
    """A folder with a model's maker, rows that it saw and rows that it didn't, and no project."""

    def __init__(self, project: Project) -> None:
        self.project, self.folder = project, project.folder
        self.folder.joinpath("strongroom.toml").unlink()
        # A module is imported once in a process: each folder has its own.
        self.maker = f"maker_{project.folder.parent.name.replace('-', '_')}"
        self.folder.joinpath(f"{self.maker}.py").write_text(MAKER)
        write_table(people(400, 1), self.folder / "seen.csv")
        write_table(people(400, 2), self.folder / "unseen.csv")

    def __call__(self, *more: str, model: str | None = "remembers", **names: str) -> Done:
        files = {"members": "seen.csv", "nonmembers": "unseen.csv", **names}
        chosen = [part for name, file in files.items() if file for part in (f"--{name}", file)]
        subject = [f"{self.maker}:{model}"] if model else []
        return self.project("audit", *subject, *chosen, *more)


@pytest.fixture
def clinic(project: Project) -> Clinic:
    return Clinic(project)


LOSS = ("--target", "readmitted", "--attack", "membership.loss")


def test_a_model_that_remembers_fails(clinic: Clinic) -> None:
    done = clinic(*LOSS)
    assert done.code == 1, done.err
    lines = done.out.splitlines()
    assert "factory · table · 400 members, " in lines[0]
    (auc,) = (line for line in lines if "membership.auc" in line and "FAIL" in line)
    assert "limit at most 0.6" in auc
    # The verdict comes last, and says why.
    assert lines[-1].startswith("Not within the default limits: membership.auc")
    assert "hint: train with [train.privacy]" in done.out
    assert "not measured, which does not mean safe" in done.out


def test_the_json_is_whole_and_alone(clinic: Clinic) -> None:
    done = clinic(*LOSS, "--json")
    document = done.json
    assert document["schema"] == "strongroom/audit/1"
    assert {"findings", "summary", "verdict", "seconds", "curves", "notes"} <= set(document)
    finding = next(f for f in document["findings"] if f["metric"] == "membership.auc")
    assert finding["interval"]["low"] < finding["value"] <= finding["interval"]["high"]
    assert finding["knowledge"]
    assert finding["queries"] == 400 + document["examined"]["nonmembers"]
    assert "--attack membership.loss" in finding["reproduce"]
    assert document["summary"]["fail"] >= 1


def test_sarif_and_page_beside_it(clinic: Clinic) -> None:
    assert clinic(*LOSS, "--sarif", "a.sarif", "--html", "a.html").code == 1
    log = json.loads((clinic.folder / "a.sarif").read_text())["runs"][0]
    (bad,) = (r for r in log["results"] if r["level"] == "error")
    assert bad["ruleId"] == "membership.auc"
    rule = log["tool"]["driver"]["rules"][bad["ruleIndex"]]
    assert rule["id"] == "membership.auc"
    page = (clinic.folder / "a.html").read_text()
    assert "default-src &#39;none&#39;" in page
    assert "What was examined, and how?" in page
    assert "strongroom verify" not in page


def test_the_second_audit_says_what_changed(clinic: Clinic) -> None:
    first = clinic(*LOSS, "--json")
    (clinic.folder / "first.json").write_text(first.out)
    again = clinic(*LOSS)
    assert "since the audit of " in again.out
    assert " same within noise" in again.out
    # Against a better audit of the same metrics, this one is worse.
    better = json.loads(first.out)
    for finding in better["findings"]:
        if finding["metric"] == "membership.auc":
            finding.update(value=0.5, interval={"low": 0.48, "high": 0.52})
    (clinic.folder / "better.json").write_text(json.dumps(better))
    worse = clinic(*LOSS, "--previous", "better.json")
    assert "1 worse" in worse.out
    assert "membership.auc  0.5 → " in worse.out
    told = clinic(*LOSS, "--previous", "better.json", "--json").json["changes"]
    assert [c["metric"] for c in told if c["direction"] == "worse"] == ["membership.auc"]


def test_nothing_is_kept_where_nobody_wants_it(clinic: Clinic, tmp_path: Path) -> None:
    assert clinic(*LOSS, "--no-cache").code == 1
    assert not (tmp_path / "cache").exists()
    assert clinic(*LOSS, "--cache", "mine").code == 1
    assert list((clinic.folder / "mine").rglob("*.json"))
    assert not (tmp_path / "cache").exists()


def test_ctrl_c_leaves_nothing_half_written_and_goes_on(clinic: Clinic, tmp_path: Path) -> None:
    arguments = (
        "audit", f"{clinic.maker}:stuck", "--members", "seen.csv", "--nonmembers", "unseen.csv",
        "--target", "readmitted", "--attack", "membership.loss",
        "--attack", "stealing.copy", "--html", "a.html",
    )  # fmt: skip
    victim = clinic.project.start(*arguments)
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("membership.loss.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    victim.send_signal(signal.SIGINT)
    out, err = victim.communicate(timeout=60)
    assert victim.returncode == 130, err
    assert "Traceback" not in err
    assert "continues" in err
    assert out == ""
    assert not (clinic.folder / "a.html").exists()
    (clinic.folder / "asked.txt").unlink()
    done = clinic.project(*arguments, "--json", HURRY="1")
    assert done.code in (0, 1), done.err
    checks = {f["check"] for f in done.json["findings"] if f["value"] is not None}
    assert {"membership.loss", "stealing.copy"} <= checks
    # What was finished wasn't asked again, and nothing is left of the interruption.
    asked = (clinic.folder / "asked.txt").read_text().split()
    assert asked.count("800") == 0
    assert not list(tmp_path.rglob("membership.loss.json"))


def test_an_onnx_file(clinic: Clinic) -> None:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    from sklearn.tree import DecisionTreeClassifier

    rows = people(400, 1).to_pandas()
    numbers = rows[["age", "stay"]].to_numpy("float32")
    tree = DecisionTreeClassifier(random_state=0).fit(numbers, rows["readmitted"])
    made = skl2onnx.to_onnx(tree, numbers[:1], options={"zipmap": False})
    (clinic.folder / "tree.onnx").write_bytes(made.SerializeToString())
    for name, seed in (("seen", 1), ("unseen", 2)):
        few = people(400, seed).select(["age", "stay", "readmitted"])
        write_table(few, clinic.folder / f"{name}.csv")
    done = clinic.project(
        "audit", "tree.onnx", "--members", "seen.csv", "--nonmembers", "unseen.csv",
        "--target", "readmitted", "--attack", "membership.loss", "--attack", "membership.lira",
        "--attack", "structure.leaves", "--json",
    )  # fmt: skip
    assert done.code == 1, done.err
    found = {(f["check"], f["metric"]): f for f in done.json["findings"]}
    assert done.json["examined"]["format"] == "onnx"
    assert found["membership.loss", "membership.auc"]["interval"]["low"] > 0.5
    assert found["structure.leaves", "structure.smallest_leaf"]["value"] == 1
    # Nobody knows how it was trained: the reference models are stand-ins, and that is said.
    assert found["membership.lira", "membership.auc"]["details"]["references"] == "surrogate"


def test_rows_in_both_files_are_counted(clinic: Clinic) -> None:
    seen, unseen = people(400, 1), people(400, 2)
    write_table(pa.concat_tables([unseen, seen.slice(0, 25)]), clinic.folder / "unseen.csv")
    done = clinic(*LOSS, "--json")
    (note,) = (n for n in done.json["notes"] if "non-members" in n)
    assert 25 <= int(note.split()[0]) < 40  # a few made-up people are alike by chance
    assert note in clinic(*LOSS).out


def test_predictions_alone(clinic: Clinic) -> None:
    def predicted(sure: float, count: int) -> pa.Table:
        yes = [sure if i % 2 else 1 - sure for i in range(count)]
        yes = [min(0.999, max(0.001, p + 0.0004 * (i % 97 - 48))) for i, p in enumerate(yes)]
        label = ["yes" if i % 2 else "no" for i in range(count)]
        return pa.table({"p_yes": yes, "p_no": [1 - p for p in yes], "label": label})

    write_table(predicted(0.95, 300), clinic.folder / "p_in.csv")
    write_table(predicted(0.93, 300), clinic.folder / "p_out.csv")
    done = clinic(
        "--predictions", "--attack", "membership.loss", "--json",
        model=None, members="p_in.csv", nonmembers="p_out.csv",
    )  # fmt: skip
    assert done.code in (0, 1), done.err
    auc = next(f for f in done.json["findings"] if f["metric"] == "membership.auc")
    assert auc["value"] > 0.5
    assert done.json["examined"]["format"] == "predictions"


TRAINING = '''
import numpy as np


def careless(inputs, labels, *, seed, on_step=None):
    """Gradient descent without noise, and somebody claims that it is private."""
    weights = np.zeros((inputs.shape[1], 2), np.float32)
    on_step({"weights": weights.copy()})
    for _ in range(4):
        odds = np.exp(inputs @ weights - (inputs @ weights).max(axis=1, keepdims=True))
        slope = odds / odds.sum(axis=1, keepdims=True)
        slope[np.arange(len(labels)), labels] -= 1
        weights -= 0.5 * inputs.T @ slope / len(inputs)
        on_step({"weights": weights.copy()})
    return lambda rows: np.full((len(rows), 2), 0.5)
'''


def test_a_training_function_that_breaks_its_claim(clinic: Clinic) -> None:
    (clinic.folder / "trains.py").write_text(TRAINING)
    rows = people(300, 1)
    numbers = pa.table(
        {
            "age": [a / 90 for a in rows.column("age").to_pylist()],
            "stay": [s / 30 for s in rows.column("stay").to_pylist()],
            "readmitted": rows.column("readmitted"),
        }
    )
    write_table(numbers, clinic.folder / "numbers.csv")
    claim = ("--training", "trains:careless", "--claimed-epsilon", "1", "--canaries", "400")
    done = clinic(
        *claim, "--target", "readmitted", model=None, members="numbers.csv", nonmembers=""
    )
    assert done.code == 1, done.err
    assert "refutes the claimed ε = 1" in done.out
    bound = next(line for line in done.out.splitlines() if "privacy.epsilon_lower_bound" in line)
    assert bound.strip().startswith("FAIL")
    refused(
        clinic(*claim, "--target", "readmitted", model=None, members="seen.csv", nonmembers=""),
        'takes numbers, and "sex" holds none',
    )
    refused(clinic("--training", "trains:careless", model=None), "--claimed-epsilon E")
    refused(clinic(*claim), "no MODEL")


def test_the_own_model(project: Project) -> None:
    done = project("audit", "--json", "--sarif", "own.sarif")
    assert done.code == 0, done.err
    assert done.json["verdict"]["ok"]
    assert (project.folder / "own.sarif").exists()
    refused(project("audit", "--preset", "quick"), "--preset goes with MODEL", "strongroom.toml")


def test_a_released_model(project: Project) -> None:
    assert project("run").code == 0
    write_table(pa.Table.from_pylist(made_up_people(300, 8)), project.folder / "others.csv")
    files = ("--members", "patients.csv", "--nonmembers", "others.csv")
    done = project("audit", "model", *files, "--preset", "quick", "--json")
    assert done.code in (0, 1), done.err
    found = {f["metric"]: f for f in done.json["findings"]}
    assert found["membership.auc"]["value"] is not None
    assert found["privacy.epsilon"]["value"] == pytest.approx(2.0, abs=0.05)
    assert found["file.safe"]["value"] == 1.0


def refused(done: Done, *words: str) -> None:
    """Check that it ended in a clear error that says all of `words`."""
    assert done.code == 2, done.err + done.out
    assert done.err.startswith("error: "), done.err
    assert "Traceback" not in done.err
    assert not done.out or done.out.startswith("{")
    for word in words:
        assert word in done.err, f"{word!r} not in: {done.err}"


Mistake = tuple["Callable[[Clinic], Done]", tuple[str, ...]]


def _without(table: pa.Table, column: str) -> pa.Table:
    return table.drop_columns([column])


def _mistakes() -> dict[str, Mistake]:
    def change(name: str, table: Callable[[], pa.Table], *more: str) -> Callable[[Clinic], Done]:
        def do(clinic: Clinic) -> Done:
            write_table(table(), clinic.folder / name)
            return clinic(*(more or LOSS))

        return do

    def strange() -> pa.Table:
        rows = people(400, 2)
        at = rows.column_names.index("readmitted")
        told: list[Any] = rows.column("readmitted").to_pylist()
        return rows.set_column(at, "readmitted", pa.array(["perhaps", *told[1:]]))

    return {
        "no rows": (lambda c: c(*LOSS, nonmembers=""), ("--members FILE --nonmembers FILE",)),
        "no such file": (lambda c: c(*LOSS, members="gone.csv"), ("no such file", "gone.csv")),
        "no such model": (
            lambda c: c.project("audit", "gone.onnx", "--members", "seen.csv",
                                "--nonmembers", "unseen.csv"),
            ("no such file or folder", "gone.onnx"),
        ),
        "no such function": (lambda c: c(*LOSS, model="forgets"), ("has no forgets",)),
        "a maker that breaks": (lambda c: c(*LOSS, model="breaks"), ("ValueError",)),
        "no target": (lambda c: c("--preset", "quick"), ("which column does the model predict",)),
        "a misspelt target": (
            lambda c: c("--target", "readmited"), ("readmited", 'did you mean "readmitted"?'),
        ),
        "a missing column": (
            change("unseen.csv", lambda: _without(people(400, 2), "ward")), ("ward",),
        ),
        "a label that it never saw": (change("unseen.csv", strange), ("unseen.csv", "1 ")),
        "the same file twice": (
            lambda c: c(*LOSS, nonmembers="seen.csv"), ("stand among the members", "same file"),
        ),
        "a misspelt attack": (
            lambda c: c("--target", "readmitted", "--attack", "membership.los"),
            ('did you mean "membership.loss"?',),
        ),
        "a misspelt sensitive column": (
            lambda c: c(*LOSS, "--sensitive", "diagnose"), ('did you mean "diagnosis"?',),
        ),
        "no people": (lambda c: c(*LOSS, "--subject", "person"), ("person",)),
        "a model and predictions": (lambda c: c("--predictions"), ("no MODEL",)),
        "a previous that is none": (
            lambda c: c(*LOSS, "--previous", "seen.csv"), ("this is no audit", "seen.csv"),
        ),
        "forgotten nobody knows": (
            lambda c: c(*LOSS, "--forgotten", "gone.csv"), ("no such file", "gone.csv"),
        ),
    }  # fmt: skip


@pytest.mark.parametrize("mistake", _mistakes())
def test_a_mistake_is_named_with_its_mend(clinic: Clinic, mistake: str) -> None:
    make, words = _mistakes()[mistake]
    refused(make(clinic), *words)


def test_a_pickle_is_refused_with_the_mend(clinic: Clinic) -> None:
    import pickle

    (clinic.folder / "model.pkl").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))
    done = clinic.project("audit", "model.pkl", "--members", "seen.csv", "--nonmembers",
                          "unseen.csv", "--target", "readmitted")  # fmt: skip
    refused(done, "pickle", "model.pkl", "skops")


def test_too_few_members_say_how_many(clinic: Clinic) -> None:
    write_table(people(12, 1), clinic.folder / "few.csv")
    done = clinic(*LOSS, "--json", members="few.csv")
    (auc,) = (f for f in done.json["findings"] if f["metric"] == "membership.auc")
    assert auc["status"] == "not_evaluable"
    assert "12 members" in auc["reason"]
    assert "at least 20 of each" in auc["reason"]
