"""If this fails, check digits are judged wrongly: numbers of people are overlooked or invented."""

from __future__ import annotations

import hashlib
import importlib
import random
import re
import string
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import bitcoin
from tests.discover import plain_checks

if TYPE_CHECKING:
    from collections.abc import Callable

from strongroom.discover.checks import CHECKS, Address
from strongroom.discover.checks import _kernels_wallets as wallets

# Ours to stdnum's, where the names differ; None where stdnum has none.
MODULES = {
    "mod97": "iso7064.mod_97_10", "mod11_10": "iso7064.mod_11_10",
    "mod11_2": "iso7064.mod_11_2", "mod37_36": "iso7064.mod_37_36",
    "ch.ahv": "ch.ssn", "gr.afm": "gr.vat", "jmbg": "si.emso", "si.davcna": "si.ddv",
    "lv.pk": "lv.pvn", "bg.lnch": "bg.pnf", "md.idnp": "md.idno", "us.aba": "us.rtn",
    "ar.cuil": "ar.cuit", "pe.dni": "pe.cui", "jp.mynumber": "jp.in_",
    "in.aadhaar": "in_.aadhaar", "in.vid": "in_.vid", "in.pan": "in_.pan",
    "in.epic": "in_.epic", "is.kennitala": "is_.kennitala",
}  # fmt: skip
# Where we mean to differ: ours takes less ("narrow") or more ("wide") than stdnum.
DIFFERENT = {
    "iban": "wide",  # the structures of countries are the recognizer's business
    "ean": "narrow",  # thirteen digits only
    "imei": "narrow",  # fifteen digits only: the others have no check digit
    "se.personnummer": "wide",  # coordination numbers; hyphens may be missing
    "lv.pk": "narrow",  # people only
    "be.nn": "narrow",  # no day above 31
    "us.itin": "wide",  # groups 50 to 65, which the IRS gives since 2013
    "us.aba": "narrow",  # districts that the Federal Reserve has
    "us.ssn": "narrow",  # one more number was withdrawn
    "mx.rfc": "narrow",  # people only
    "cn.ric": "both",  # provinces instead of counties, centuries that people live in
    "id.nik": "wide",  # provinces instead of regencies
    "it.codicefiscale": "narrow",  # people only
    "ru.inn": "narrow",  # people only
    "cl.rut": "narrow",
    "py.ruc": "narrow",  # people's have seven digits at least
    "pe.dni": "narrow",  # with its check digit
    "co.nit": "narrow",  # nine to eleven digits
    "gt.cui": "narrow",
    "in.aadhaar": "wide",  # palindromes
    "in.vid": "wide",
    "my.nric": "wide",  # ranges of places instead of a list
    "br.cnpj": "narrow",  # digits only
    "gr.afm": "narrow",
    "il.idnr": "narrow",
}
PREFIX = re.compile(r"^(?:CL|PL|SI|HR|EL|PT|IT|LV|UY|HU|GB|NZ) ?(?=\d)")


def reference(name: str) -> tuple[Callable[[str], bool], list[str]] | None:
    try:
        module = importlib.import_module(f"stdnum.{MODULES.get(name, name)}")
    except ImportError:
        return None

    def valid(text: str) -> bool:
        try:
            if name == "mx.rfc":
                return bool(module.is_valid(text, validate_check_digits=True))
            return bool(module.is_valid(text))
        except KeyError:  # stdnum 2.2 doesn't know every place of China
            return False

    told = re.findall(r">>> (?:validate|format|compact)\('([^']+)'\)", module.__doc__ or "")
    return valid, [e for e in (PREFIX.sub("", t) for t in told) if valid(e)]


def mutated(rng: random.Random, text: str) -> str:
    letters = list(text)
    for _ in range(rng.choice((0, 1, 1, 2, 3, 20))):
        place = rng.randrange(len(letters))
        kinds = (string.digits, string.ascii_uppercase)
        letters[place] = next(
            (rng.choice(kind) for kind in kinds if letters[place].upper() in kind), letters[place]
        )
    return "".join(letters)


@pytest.mark.parametrize("name", [n for n in CHECKS if reference(n)])
def test_our_programs_agree_with_stdnum(name: str) -> None:
    found = reference(name)
    assert found
    valid, examples = found
    ours = [e for e in examples if CHECKS[name].passes(e)]
    if name not in DIFFERENT:
        assert ours == examples
    rng = random.Random(name)
    seeds = ours or ["".join(rng.choices(string.digits, k=13))]
    both = 0
    for _ in range(400):
        text = mutated(rng, rng.choice(seeds))
        theirs, mine = valid(text), CHECKS[name].passes(text)
        both += theirs and mine
        if theirs != mine:
            assert DIFFERENT.get(name) in {"wide" if mine else "narrow", "both"}, text
    assert both > 10 or not examples


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_the_kernel_agrees_with_its_plain_twin(name: str) -> None:
    check = CHECKS[name]
    found = reference(name)
    rng = random.Random(name)
    seeds = [*(found[1] if found else []), *EXAMPLES.get(name, ())]
    lengths = [len(s) for s in seeds] or [9, 10, 11, 12]
    for _ in range(60):
        if seeds and rng.random() < 0.7:
            text = mutated(rng, rng.choice(seeds))
        else:
            text = "".join(rng.choices(string.digits + "AX-", k=rng.choice(lengths)))
        assert check.passes(text) == plain_checks.passes(text, check.program), text


@settings(deadline=None)
@given(st.sampled_from(sorted(CHECKS)), st.text(max_size=80))
def test_no_text_is_too_odd_for_a_check(name: str, text: str) -> None:
    check = CHECKS[name]
    clean = text.encode("utf-8", "replace").decode()
    assert check.passes(clean) == plain_checks.passes(clean, check.program)


# Valid numbers from the issuers' own papers where stdnum knows none: the German pension and health
# insurers' and ICAO's examples, HISO 10046, 45 CFR 162, ISO 3779, the forms of the others' portals.
EXAMPLES = {
    "de.rvnr": ("65170839J003", "15070649C103"),
    "de.kvnr": ("A123456780",),
    "de.document": ("L01X00T471", "T220001293", "C01X00T478"),
    "es.nuss": ("281234567840",),
    "lu.matricule": ("1893120105732",),
    "pl.dowod": ("ABA300000", "ABS123456"),
    "hu.taj": ("111111110",),
    "hu.tax": ("8440961790",),
    "ru.snils": ("112-233-445 95",),
    "tw.id": ("A123456789",),
    "hk.id": ("A123456(3)", "G123456(A)"),
    "sg.nric": ("S1234567D", "T1234567J", "F1234567N", "G1234567X", "M1234567K"),
    "ir.melli": ("0084575948",),
    "sa.id": ("1000000008",),
    "nz.nhi": ("ZAC5361", "ZAA0067", "ZZZ00AX", "ALU18KZ", "ZSC21TN"),
    "au.medicare": ("2123 45670 1",),
    "au.ihi": ("8003608833357361",),
    "uy.ci": ("1.234.567-2",),
    "sv.dui": ("00016297-5",),
    "br.titulo": ("004356870906", "102385010671"),
    "us.npi": ("1234567893", "1245319599"),
    "us.dea": ("AB1234563",),
    "vin": ("1M8GDM9AXKP042788", "5GZCZ43D13S812715"),
    "bic": ("DEUTDEFF", "DEUTDEFF500"),
    "iban": ("GB82 WEST 1234 5698 7654 32", "DE89 3704 0044 0532 0130 00"),
    "gb.nino": ("AB 12 34 56 C",),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_published_numbers_pass_and_neighbours_with_one_other_digit_mostly_dont(name: str) -> None:
    check = CHECKS[name]
    passed = tried = 0
    for example in EXAMPLES[name]:
        assert check.passes(example)
        for place, old in enumerate(example):
            for new in string.digits if old.isdigit() else "":
                if new != old:
                    tried += 1
                    passed += check.passes(example[:place] + new + example[place + 1 :])
    if name not in {"bic", "gb.nino"}:  # these prove letters, not digits
        assert passed <= tried * 0.15


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=55))
def test_sha256_is_hashlibs(message: bytes) -> None:
    digest = np.zeros(32, np.uint8)
    wallets._sha256(np.frombuffer(message + b"\0", np.uint8), len(message), digest)
    assert digest.tobytes() == hashlib.sha256(message).digest()


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=135))
def test_the_permutation_of_keccak_is_hashlibs(message: bytes) -> None:
    digest = np.zeros(32, np.uint8)
    wallets._keccak256(np.frombuffer(message, np.uint8), 6, digest)
    assert digest.tobytes() == hashlib.sha3_256(message).digest()


def test_keccak_pads_as_it_was_submitted() -> None:
    digest = np.zeros(32, np.uint8)
    wallets._keccak256(np.frombuffer(b"abc", np.uint8), 1, digest)
    assert digest.tobytes().hex().startswith("4e03657aea45a94fc7d47ba826c8d667")


BITCOIN = (
    "1NEDqZPvTWRaoho48qXuLLsrYomMXPABfD", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
)  # fmt: skip


def test_addresses_agree_with_stdnum() -> None:
    rng = random.Random(1)
    for _ in range(2_000):
        text = list(rng.choice(BITCOIN))
        if rng.random() < 0.7:
            place = rng.randrange(len(text))
            pool = "023456789acdefghj" if text[0] in "bB" else "123456789ABCDEFGHJKabcdef"
            text[place] = rng.choice(pool)
        address = "".join(text)
        kind = "BECH32" if address[0] in "bB" else "BASE58"
        if bitcoin.is_valid(address):
            assert Address(kind)(address)
        elif address in {a.lower() for a in BITCOIN}:
            continue
        elif address[:3].lower() == "bc1" or address[0] in "13":
            assert not Address(kind)(address), address


# From EIP-55 itself.
ETHEREUM = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)  # fmt: skip


@pytest.mark.parametrize("address", ETHEREUM)
def test_capitals_of_ethereum_addresses_are_their_checksum(address: str) -> None:
    check = Address("EIP55")
    assert check(address)
    for place in range(2, 42):
        if address[place].isalpha():
            assert not check(address[:place] + address[place].swapcase() + address[place + 1 :])


def test_other_addresses_with_checksums() -> None:
    for kind, address in (
        ("RIPPLE58", "rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh"),
        ("BASE58", "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
        ("BASE32_CRC", "GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"),
    ):
        assert Address(kind)(address)
        for place in range(1, len(address)):
            other = "A" if address[place] != "A" else "B"
            assert not Address(kind)(address[:place] + other + address[place + 1 :])


@settings(deadline=None)
@given(st.sampled_from(["BASE58", "RIPPLE58", "BECH32", "EIP55", "BASE32_CRC"]), st.text())
def test_no_text_is_too_odd_for_an_address(kind: str, text: str) -> None:
    clean = text.encode("utf-8", "replace").decode()
    assert Address(kind)(clean) in {True, False}
