"""Devices: telephones' and cards' numbers, identifiers that follow a person, serial numbers."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.checks import CHECKS
from strongroom.discover.recognizers._label import label

_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_PHONES = ("imei", "imeisv", "handset", "device", "meid", "phone")
_FOLLOWING = ("idfa", "gaid", "aaid", "idfv", "udid", "advertising", "device", "adid", "deviceid")

RULES = (
    Rule("device.imei", "DEVICE_ID", r"\d{15}|\d{2}[- ]?\d{6}[- ]\d{6}[- ]\d", 0.1,
         check=CHECKS["imei"], validated=True, context=_PHONES, context_score=0.95,
         examples=("IMEI 490154203237518", "imei 49-015420-323751-8"),
         lookalikes=("490154203237518", "IMEI 490154203237519")),
    Rule("device.iccid", "DEVICE_ID", r"89\d{17,18}", 0.1, check=CHECKS["luhn"], validated=True,
         context=("iccid", "sim", "esim", "euicc"), context_score=0.95,
         examples=("ICCID 8944501109172340006",)),
    Rule("device.imsi", "DEVICE_ID", r"\d{14,15}", 0.1, context=("imsi",), context_score=0.85,
         examples=("IMSI 310150123456789",), lookalikes=("310150123456789",)),
    Rule("device.advertising", "DEVICE_ID", _UUID, 0.3, context=_FOLLOWING, context_score=0.8,
         examples=("IDFA AEBE52E7-03EE-455A-B3C4-E57283966239",),
         lookalikes=("AEBE52E7-03EE-455A-B3C4-E57283966239",)),
    Rule("device.android", "DEVICE_ID", "[0-9a-f]{16}", 0.05, context=("androidid", "android"),
         context_score=0.75, examples=("android id 9774d56d682e549c",)),
    Rule("device.serial", "DEVICE_ID", r"[A-Z0-9]{1,6}-?\d[A-Z0-9-]{4,20}", 0.55,
         lead=label("serial number", "serial no", "s/n", "device id", "device serial",
                    "seriennummer", "numéro de série", "número de serie"),
         keywords=("serial", "s/n", "device", "seriennummer", "série", "serie"),
         examples=("Serial number: C02XK1ABJG5H", "S/N 5CD1234XYZ"),
         lookalikes=("serial number 12",)),
    # Alone the word also names what certificates and zones count.
    Rule("device.serial", "DEVICE_ID",
         r"[A-Z]{1,5}\d[A-Z0-9]{5,14}|\d{1,4}[A-Z][A-Z0-9]{5,14}", 0.55,
         lead=label("serial"), keywords=("serial",), examples=("laptop serial C02XK1ABJG5H",),
         lookalikes=("serial 2023110201", "SERIAL PRIMARY")),
)  # fmt: skip
