"""Europe's numbers, with Russia, Turkey and the Caucasus."""

from __future__ import annotations

from strongroom.discover.recognizers.national_id._kind import (
    AT_HOME,
    BARE,
    LETTERED,
    STRONG,
    kind,
)  # fmt: skip

_JMBG = {"9999999999999": AT_HOME}
_JMBG_WORDS = "jmbg emšo emso embg матичен матични матични јмбг ембг"
_RC = {"9999999999": BARE, "999999/9999": STRONG, "999999/999": AT_HOME}
_RC_WORDS = "rodné rodne číslo cislo rč birth"

RULES = (
    *kind("gb.nhs", "nhs", {"9999999999": BARE, "999 999 9999": AT_HOME, "999-999-9999": BARE},
          examples=("943 476 5870", "9434765870")),
    *kind("gb.nino", "nino national insurance ni", {
          "AA999999A": AT_HOME, "AA 99 99 99 A": STRONG}, examples=("AB 12 34 56 C", "AB123456C"),
          validated=False),
    *kind("gb.utr", "utr taxpayer", {"9999999999": BARE, "99999 99999": BARE},
          examples=("1955839661",)),
    *kind("ie.pps", "pps ppsn pension", {"9999999A": AT_HOME, "9999999AA": AT_HOME},
          examples=("6433435F", "6433435OA")),
    *kind("fr.nir", "nir sécurité securite sociale sécu secu insee assuré", {
          "999999999999999": AT_HOME, "99999A999999999": AT_HOME,
          "9 99 99 99 999 999 99": STRONG, "9 99 99 9A 999 999 99": STRONG,
          "9999999999999 99": STRONG}, examples=("295109912611193", "2 95 10 99 126 111 93")),
    *kind("fr.nif", "fiscal spi fiscale", {"9999999999999": BARE, "99 99 999 999 999": LETTERED},
          examples=("3023217600053", "30 23 217 600 053")),
    *kind("be.nn", "rijksregister rijksregisternummer registre niss insz rrn nationaal", {
          "99999999999": AT_HOME, "99.99.99-999.99": STRONG, "99.99.99 999.99": STRONG,
          "999999-999.99": STRONG, "999999-999-99": STRONG, "999999 999 99": AT_HOME},
          examples=("85.07.30-033.28", "85073003328")),
    *kind("nl.bsn", "bsn burgerservicenummer sofinummer sofi", {
          "999999999": BARE, "9999.99.999": AT_HOME, "9999 99 999": AT_HOME},
          examples=("111222333", "1112.22.333")),
    *kind("lu.matricule", "matricule ccss", {"9999999999999": AT_HOME, "9999 9999 99999": AT_HOME},
          examples=("1893120105732",)),
    *kind("de.idnr", "steuer steueridentifikationsnummer steuerid idnr identifikationsnummer "
          "steuernummer tin", {"99999999999": AT_HOME, "99 999 999 999": AT_HOME},
          examples=("36574261809", "36 574 261 809")),
    *kind("de.rvnr", "sozialversicherungsnummer rentenversicherungsnummer rvnr svnr "
          "versicherungsnr versicherungsnummer rentenversicherung", {
          "99999999A999": LETTERED, "99 999999 A 999": STRONG, "99 999999A999": STRONG},
          examples=("65170839J003", "65 170839 J 003")),
    *kind("de.kvnr", "krankenversichertennummer krankenversicherungsnummer kvnr "
          "versichertennummer gesundheitskarte krankenkasse", {"A999999999": AT_HOME},
          examples=("A123456780",)),
    *kind("de.personalausweis", "personalausweis ausweisnummer ausweis ausweisnr "
          "personalausweisnummer", {"XXXXXXXXX9": BARE}, check="de.document",
          examples=("L01X00T471", "T220001293")),
    *kind("at.vnr", "svnr vsnr sozialversicherung sozialversicherungsnummer "
          "versicherungsnummer versicherungsnr sozialversicherungsnr", {
          "9999999999": BARE, "9999 999999": AT_HOME},
          examples=("1237010180", "1237 010180")),
    *kind("ch.ahv", "ahv avs navs ahvn13 sozialversicherungsnummer", {
          "9999999999999": AT_HOME, "999.9999.9999.99": STRONG},
          examples=("7569217076985", "756.9217.0769.85")),
    *kind("es.dni", "dni nif documento", {
          "99999999A": AT_HOME, "99999999-A": LETTERED, "99.999.999-A": STRONG},
          examples=("54362315K", "54362315-K")),
    *kind("es.nie", "nie extranjero extranjería", {
          "A9999999A": AT_HOME, "A-9999999A": LETTERED, "A-9999999-A": STRONG},
          examples=("X2482300W", "X-2482300-W")),
    *kind("es.nuss", "nuss naf afiliación seguridad", {
          "999999999999": BARE, "99/9999999999": AT_HOME, "99/99999999/99": STRONG},
          examples=("281234567840",)),
    *kind("it.codicefiscale", "codice fiscale cf", {"AAAAAAXXAXXAXXXA": STRONG},
          examples=("RCCMNL83S18D969H",)),
    *kind("it.iva", "iva partita piva", {"99999999999": BARE}, examples=("00743110157",)),
    *kind("pt.nif", "nif contribuinte contribuintes", {"999999999": BARE, "999 999 999": BARE},
          examples=("501964843",)),
    *kind("pt.cc", "cartão cartao cidadão cidadao cc", {
          "99999999 9 AA9": STRONG, "99999999 9AA9": STRONG, "999999999AA9": STRONG},
          examples=("00000000 0 ZZ4", "000000000ZZ4")),
    *kind("pt.niss", "niss segurança social", {"99999999999": BARE}, examples=("11984320679",)),
    *kind("gr.amka", "amka αμκα", {"99999999999": AT_HOME}, examples=("01013099997",)),
    *kind("gr.afm", "afm αφμ", {"999999999": BARE}, examples=("094259216",)),
    *kind("hr.oib", "oib", {"99999999999": AT_HOME}, examples=("33392005961",)),
    *kind("si.emso", _JMBG_WORDS, _JMBG, check="jmbg", examples=("0101006500006",)),
    *kind("rs.jmbg", _JMBG_WORDS, _JMBG, check="jmbg", examples=("0101006500006",)),
    *kind("ba.jmbg", _JMBG_WORDS, _JMBG, check="jmbg", examples=("0101006500006",)),
    *kind("me.jmbg", _JMBG_WORDS, _JMBG, check="jmbg", examples=("0101006500006",)),
    *kind("mk.embg", _JMBG_WORDS, _JMBG, check="jmbg", examples=("0101006500006",)),
    *kind("si.davcna", "davčna davcna", {"99999999": BARE}, examples=("50223054",)),
    *kind("cz.rc", _RC_WORDS, _RC, examples=("710319/2745", "7103192745")),
    *kind("sk.rc", _RC_WORDS, _RC, check="cz.rc", examples=("710319/2745", "7103192745")),
    *kind("pl.pesel", "pesel", {"99999999999": AT_HOME}, examples=("44051401359",)),
    *kind("pl.nip", "nip podatkowy", {
          "9999999999": BARE, "999-999-99-99": LETTERED, "999-99-99-999": LETTERED},
          examples=("8567346215", "856-734-62-15")),
    *kind("pl.dowod", "dowód dowod dowodu osobisty", {"AAA999999": AT_HOME, "AAA 999999": AT_HOME},
          examples=("ABA300000",)),
    *kind("hu.taj", "taj tajszám társadalombiztosítási", {"999999999": BARE, "999 999 999": BARE,
          "999-999-999": BARE}, examples=("111111110",)),
    *kind("hu.tax", "adóazonosító adóazonosító adoazonosito adószám", {"9999999999": BARE},
          examples=("8440961790",)),
    *kind("ro.cnp", "cnp", {"9999999999999": AT_HOME}, examples=("1630615123457",)),
    *kind("bg.egn", "egn егн", {"9999999999": BARE}, examples=("7523169263",)),
    *kind("bg.lnch", "lnch лнч", {"9999999999": BARE}, examples=("7111042925",)),
    *kind("md.idnp", "idnp", {"9999999999999": BARE}, examples=("1008600038413",)),
    *kind("by.unp", "унп unp", {"999999999": BARE, "AA9999999": BARE}, examples=("200988541",)),
    *kind("ua.rntrc", "ipn іпн рнокпп инн rntrc", {"9999999999": BARE}, examples=("1759013776",)),
    *kind("ru.inn", "инн inn", {"999999999999": AT_HOME}, examples=("123456789047",)),
    *kind("ru.snils", "снилс snils", {"99999999999": BARE, "999-999-999 99": STRONG,
          "999-999-999-99": STRONG}, examples=("112-233-445 95", "11223344595")),
    *kind("tr.tckimlik", "tc kimlik tckn", {"99999999999": AT_HOME}, examples=("17291716060",)),
    *kind("kz.iin", "иин жсн iin", {"999999999999": AT_HOME}, examples=("850315301235",)),
    *kind("ee.ik", "isikukood", {"99999999999": AT_HOME}, examples=("36805280109",)),
    *kind("lt.asmens", "asmens kodas", {"99999999999": AT_HOME}, examples=("33309240064",)),
    *kind("lv.pk", "personas kods", {"99999999999": BARE, "999999-99999": AT_HOME},
          examples=("161175-19997",)),
    *kind("fi.hetu", "hetu henkilötunnus henkilotunnus personbeteckning", {
          "999999-999A": STRONG, "999999-9999": AT_HOME, "999999A999A": STRONG,
          "999999A9999": AT_HOME, "999999+999A": STRONG, "999999+9999": AT_HOME},
          examples=("131052-308T",)),
    *kind("se.personnummer", "personnummer pnr samordningsnummer", {
          "9999999999": BARE, "999999-9999": AT_HOME, "999999+9999": AT_HOME,
          "99999999-9999": STRONG, "999999999999": AT_HOME}, examples=("880320-0016",)),
    *kind("no.fodselsnummer", "fødselsnummer fodselsnummer personnummer fnr fødselsnr", {
          "99999999999": AT_HOME, "999999 99999": STRONG}, examples=("151086 95088",)),
    *kind("dk.cpr", "cpr personnummer cprnr", {"9999999999": BARE, "999999-9999": AT_HOME},
          examples=("211062-5629",), validated=False),
    *kind("is.kennitala", "kennitala kt", {"9999999999": BARE, "999999-9999": AT_HOME},
          examples=("450401-3150", "120174-3399")),
)  # fmt: skip
