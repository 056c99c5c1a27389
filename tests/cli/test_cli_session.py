"""If this fails, a verb that works on single files doesn't do what its help says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from strongroom.data import read_table, write_table

if TYPE_CHECKING:
    from tests.conftest import Project

VERBS = (
    *("init", "run", "scan", "risk", "anonymize", "keys", "seal", "open", "inspect"),
    *("train", "budget", "audit", "check", "federate", "report", "verify"),
)


def test_scan_names_roles_and_says_why(project: Project) -> None:
    done = project("scan", "patients.csv", "--json", "--target", "readmitted")
    assert done.code == 0, done.err
    assert done.json["schema"] == "strongroom/scan/1"
    (file,) = done.json["files"]
    roles = {c["name"]: c["role"] for c in file["columns"]}
    assert roles["email"] == roles["name"] == "direct_identifier"
    assert roles["age"] == roles["sex"] == "quasi_identifier"
    assert roles["diagnosis"] == "sensitive"
    assert roles["readmitted"] == "target"
    assert all(c["reason"] for c in file["columns"])
    assert "@example.org" not in done.out


def test_scan_spans_point_at_the_values(project: Project) -> None:
    done = project("scan", "patients.csv", "--spans")
    rows = read_table(project.folder / "patients.csv").to_pylist()
    lines = [json.loads(line) for line in done.out.splitlines()]
    mails = [x for x in lines if x["field"] == "note" and x["entity"] == "EMAIL_ADDRESS"]
    assert len(mails) == sum("@" in (p["note"] or "") for p in project.people)
    for line in mails:
        assert "@example.org" in rows[line["row"]]["note"][line["start"] : line["end"]]
        assert "value" not in line


def test_scan_reads_stdin(project: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "strongroom", "scan", "-", "--json"],
        input=(project.folder / "patients.csv").read_bytes(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["files"][0]["rows"] == 600


def test_a_scan_goes_on_after_a_bad_file(project: Project) -> None:
    (project.folder / "bad.parquet").write_text("a,b\n1,2\n")
    (project.folder / "ragged.csv").write_text("a,b\n1,2,3\n")
    done = project("scan", "bad.parquet", "ragged.csv", "patients.csv", "--json")
    assert done.code == 2
    assert [f["path"] for f in done.json["files"]] == ["ragged.csv", "patients.csv"]
    assert "not Parquet" in done.json["errors"][0]["what"]
    assert done.json["files"][0]["notes"]  # a row is longer than the header


def test_anonymize_one_file(project: Project) -> None:
    done = project(
        "anonymize",
        "patients.csv",
        "-o",
        "safe.csv",
        "--k",
        "6",
        "--quasi",
        "age,sex,ward",
        "--target",
        "readmitted",
        "--json",
    )
    assert done.code == 0, done.err
    document = done.json
    assert document["before"]["k"] < 6 <= document["after"]["k"]
    safe = read_table(project.folder / "safe.csv")
    assert not {"name", "email", "patient_id"} & set(safe.column_names)
    groups = safe.group_by(["age", "sex", "ward"]).aggregate([([], "count_all")])
    assert min(groups.column("count_all").to_pylist()) >= 6
    assert "@" not in (project.folder / "safe.csv").read_text()
    measured = project("risk", "safe.csv", "--quasi", "age,sex,ward", "--json").json
    assert measured["k"] == document["after"]["k"]


def test_pseudonyms_are_the_same_under_the_same_key(project: Project) -> None:
    assert project("keys", "new", "p.key").code == 0
    tokens = []
    for name in ("a.csv", "b.csv"):
        done = project(
            "anonymize",
            "patients.csv",
            "-o",
            name,
            "--pseudonymise",
            "email",
            "--key",
            "p.key",
            "--quasi",
            "age,sex",
        )
        assert done.code == 0, done.err
        tokens.append(
            sorted(map(str, read_table(project.folder / name).column("email").to_pylist()))
        )
    assert tokens[0] == tokens[1]
    assert not any("@" in t for t in tokens[0])


def test_seal_and_open(project: Project) -> None:
    key = project("keys", "new", "my.key", "--json").json
    sealed = project("seal", "patients.csv", "-r", key["recipient"])
    assert sealed.code == 0, sealed.err
    assert (project.folder / "patients.csv.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    assert (project.folder / "patients.csv.age").stat().st_mode & 0o077 == 0
    opened = project("open", "patients.csv.age", "-i", "my.key", "-o", "again.csv")
    assert opened.code == 0, opened.err
    again = (project.folder / "again.csv").read_bytes()
    assert again == (project.folder / "patients.csv").read_bytes()

    assert project("keys", "new", "other.key").code == 0
    stranger = project("open", "patients.csv.age", "-i", "other.key", "-o", "x.csv")
    assert stranger.code == 2
    assert not (project.folder / "x.csv").exists()


def test_an_altered_file_opens_to_nothing(project: Project) -> None:
    write_table(pa.table({"n": list(range(60_000))}), project.folder / "n.csv")
    assert project("seal", "n.csv", "-p", STRONGROOM_PASSPHRASE="four words at least").code == 0
    sealed = project.folder / "n.csv.age"
    content = bytearray(sealed.read_bytes())
    content[-5] ^= 1
    sealed.write_bytes(bytes(content))
    done = project(
        "open", "n.csv.age", "-p", "-o", "m.csv", STRONGROOM_PASSPHRASE="four words at least"
    )
    assert done.code == 2
    assert "changed or cut short" in done.err
    assert not (project.folder / "m.csv").exists()


def test_inspect_says_what_is_not_safe(project: Project) -> None:
    import pickle

    (project.folder / "model.bin").write_bytes(pickle.dumps(print))
    done = project("inspect", "model.bin", "--json")
    assert done.code == 1
    assert done.json["files"][0]["verdict"] == "unsafe"


def test_init_writes_a_configuration_that_runs(project: Project) -> None:
    project.config.unlink()
    done = project("init", "patients.csv", "--target", "readmitted")
    assert done.code == 0, done.err
    assert "direct identifier" in done.out
    text = project.config.read_text()
    assert 'target = "readmitted"' in text
    assert "@example.org" not in text
    project.edit('attacks = "standard"', 'attacks = "quick"\nshadows = 8')
    ran = project("run")
    assert ran.code in (0, 1), ran.err
    assert "Within policy" in ran.out or "Not within policy" in ran.out


def test_the_model_folder_says_no_after_a_change(project: Project) -> None:
    assert project("run").code == 0
    weights = project.folder / "model" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(bytes(content))
    done = project("audit", "model", "--members", "patients.csv", "--nonmembers", "patients.csv")
    assert done.code == 2
    assert "model.safetensors" in done.err


def test_report_again(project: Project) -> None:
    assert project("run").code == 0
    (project.folder / "report" / "report.html").unlink()
    assert project("report").code == 0
    assert (project.folder / "report" / "report.html").exists()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(project: Project, verb: str) -> None:
    done = project(verb, "--help")
    assert done.code == 0
    assert "--json" in done.out
    assert "--workspace" in done.out


def test_help_and_light_verbs_never_import_torch(project: Project) -> None:
    # numba brings scipy along where it is installed.
    heavy = ("torch", "dp_accounting", "alembic")
    for verb in (["--help"], ["scan", "patients.csv"], ["keys", "new", "k.key"]):
        code = (
            "import sys\nfrom strongroom.cli._main import run\n"
            f"run({verb!r})\n"
            f"sys.stderr.write(' '.join(m for m in {heavy!r} if m in sys.modules))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=project.folder,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.split("\n")[-1] == "", f"{verb} imports {done.stderr}"


def test_output_is_plain_when_piped(project: Project) -> None:
    done = project("run", "--until", "discover")
    assert "\x1b" not in done.out + done.err
    quiet = project("run", "--until", "discover", "--quiet")
    assert quiet.err == ""


def test_train_alone_prints_the_statement(project: Project) -> None:
    done = project("train")
    assert done.code == 0, done.err
    assert "not covered" in done.out
    assert not (project.folder / "report").exists()
    again = project("train", "--again", "--json")
    assert again.json["schema"] == "strongroom/train/1"
    assert len(project("budget", "--json").json["entries"]) == 2
    assert "composed over 2 runs" in project("budget").out


def test_check_before_anything_ran(project: Project) -> None:
    done = project("check")
    assert done.code == 2
    assert "strongroom run" in done.err


def test_what_could_not_be_judged_is_no_pass(project: Project) -> None:
    limit = '"membership.tpr_at_fpr_0.001" = { max = 0.01 }'
    project.edit('"anonymize.k" = { min = 5 }', f'"anonymize.k" = {{ min = 5 }}\n{limit}')
    done = project("run")
    assert done.code == 1
    assert "NOT_EVALUABLE" in done.out
    assert not (project.folder / "model").exists()


def test_risk_by_what_discover_says(project: Project) -> None:
    done = project("risk", "patients.csv")
    assert done.code == 0
    assert "quasi-identifiers by discover: age" in done.err
    assert "1 in 1" in done.out
    refused = project("risk", "patients.csv", "--quasi", "agee")
    assert refused.code == 2
    assert 'did you mean "age"?' in refused.err


def test_keys_show_the_public_half(project: Project) -> None:
    assert project("run", "--until", "discover").code == 0
    shown = project("keys", "show")
    assert "age1" in shown.out
    assert "AGE-SECRET" not in shown.out + shown.err
    assert project("keys", "new").code == 2
    signer = project("keys", "show", "--json").json["signer"]
    assert project("verify", "--key", signer).code == 0
    other = project("keys", "new", "o.key", "--json").json["signer"]
    assert project("verify", "--key", other).code == 1


def test_scan_a_folder(project: Project) -> None:
    (project.folder / "in").mkdir()
    (project.folder / "in" / "letter.txt").write_text("write to a@b.example\n")
    (project.folder / "in" / "skipped.bin").write_bytes(b"\x7fELF\x02\x01\x01\0" + bytes(56))
    done = project("scan", "in", "--json")
    assert [f["entities"] for f in done.json["files"]] == [{"EMAIL_ADDRESS": 1}]
    assert project("scan", "in", "--spans", "--reveal").out.count("a@b.example") == 1
    (project.folder / "none").mkdir()
    assert project("scan", "none").code == 2
    assert project("scan", "patients.csv", "--country", "USA").code == 2


def test_bad_ways_to_seal_and_open(project: Project) -> None:
    assert "who shall be able" in project("seal", "patients.csv").err
    assert project("seal", "patients.csv", "-r", "age1nonsense").code == 2
    assert "which key" in project("open", "patients.csv").err
    assert "no such file" in project("open", "nowhere.age", "-p").err
    assert "where shall it go" in project("open", "patients.csv", "-p").err
    done = project("seal", "patients.csv", "-p")
    assert "STRONGROOM_PASSPHRASE" in done.err


def test_what_needs_no_torch_runs_without_it(project: Project) -> None:
    assert project("run").code == 0
    (project.folder / "report" / "report.html").unlink()
    code = (
        "import sys\nfor name in ('torch', 'dp_accounting', 'scipy'): sys.modules[name] = None\n"
        "from strongroom.cli._main import run\n"
        "verbs = ['report'], ['check'], ['verify'], ['budget'], ['inspect', 'model']\n"
        "sys.exit(max(run(verb) for verb in verbs))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project.folder / "report" / "report.html").exists()
