"""If this fails, special categories of GDPR Art. 9 and 10 pass for harmless columns."""

from __future__ import annotations

import pyarrow as pa
import pytest

from strongroom.data import Role
from strongroom.discover._hits import Hits
from strongroom.discover.columns._look import Look
from strongroom.discover.columns._roles import Verdict, judge


def verdict(name: str, values: list[str | int | float]) -> Verdict:
    """Judge one column in which no recognizer finds anything."""

    def read(_values: pa.Array, _header: str, *, prose: bool) -> Hits:
        assert prose in {True, False}
        return Hits.empty()

    look = Look(read)
    look.add(pa.table({name: values}))
    return judge(look.profiles()[0])


CODES: list[str | int | float] = ["a", "b", "c"] * 20


@pytest.mark.parametrize(
    ("name", "category"),
    [
        *((n, "health") for n in (
            "diagnosis", "primaryDiagnosis", "Diagnose_1", "maladie", "enfermedad", "malattia",
            "ziekte", "has_diabetes", "smoking_status", "medication_name", "Medikament",
            "blood_pressure", "HbA1c", "allergies", "grossesse", "Schwerbehindert", "hiv_status",
            "mental_health", "atorvastatin", "metoprolol", "omeprazole", "sertraline_dose_mg",
            "ICD10_code", "Blutgruppe", "discapacidad", "krankheitstage",
        )),
        *((n, "religion") for n in (
            "religion", "Konfession", "religious_affiliation", "Religionszugehörigkeit", "geloof",
            "confessione",
        )),
        *((n, "political") for n in (
            "political_party", "party_affiliation", "Parteizugehörigkeit", "opinion_politique",
            "partido_politico", "vote",
        )),
        *((n, "union") for n in (
            "union_member", "trade_union", "Gewerkschaft", "syndicat", "sindicato", "vakbond",
        )),
        *((n, "sexual") for n in (
            "sexual_orientation", "sexuelle_Orientierung", "orientamento_sessuale", "lgbtq",
        )),
        *((n, "genetic") for n in ("genotype", "brca1", "snp", "dna_sequence")),
        *((n, "biometric") for n in ("fingerprint_hash", "face_embedding", "huella_dactilar")),
        *((n, "ethnic") for n in ("race", "ethnicity", "ethnische_Herkunft", "origine_ethnique")),
        *((n, "criminal") for n in (
            "prior_convictions", "arrest_record", "Vorstrafen", "casier_judiciaire", "is_recid",
        )),
    ],
)  # fmt: skip
def test_names_of_columns_in_six_languages(name: str, category: str) -> None:
    found = verdict(name, CODES)
    assert category in found.reason
    assert "GDPR Art." in found.reason
    assert found.role in {Role.SENSITIVE, Role.QUASI_IDENTIFIER}


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (["Catholic", "Muslim", "Protestant", "Jewish", "none"], "religion"),
        (["römisch-katholisch", "evangelisch", "konfessionslos"], "religion"),
        (["Democrat", "Republican", "Libertarian"], "political"),
        (["CDU", "SPD", "FDP", "Linke"], "political"),
        (["heterosexual", "gay", "bisexual"], "sexual"),
        (["E11.9", "I10.0", "J45.909", "F32.1"], "health"),
        (["C10AA05", "A10BA02", "N02BE01"], "health"),
        (["Asthma", "Type 2 diabetes", "Hypertension", "Breast cancer"], "health"),
        (["A+", "B-", "AB+", "O-"], "health"),
        ([f"{b * 17}ACGT{'ACGT' * (i % 7)}{b}" for i, b in enumerate("ACGT" * 9)], "genetic"),
        (["African American", "Asian", "Hispanic", "White"], "ethnic"),
    ],
)
def test_values_tell_whatever_the_column_is_called(values: list[str], category: str) -> None:
    repeated: list[str | int | float] = [*values] * 6
    found = verdict("attribute_7", repeated)
    assert category in found.reason
    assert "GDPR Art. 9" in found.reason


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("attribute_1", ["white", "black", "red", "blue"]),
        ("attribute_2", ["left", "right", "straight on"]),
        ("attribute_3", ["A", "B", "C", "D"]),
        ("attribute_4", ["new", "used"]),
        ("attribute_5", ["E11", "E12", "E13"]),
        ("order_state", ["open", "shipped"]),
        ("item_condition", ["good", "bad", "worn"]),
        ("number_of_tests_run", [1, 2, 3]),
    ],
)
def test_look_alikes_are_nothing_special(name: str, values: list[str | int | float]) -> None:
    assert "GDPR" not in verdict(name, values * 9).reason
