"""What others call our entities, and which entities count as one another."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_SYNONYMS = {
    "PERSON": """PER PERSON_NAME NAME FULL_NAME FULLNAME FIRST_NAME FIRSTNAME LAST_NAME LASTNAME
        MIDDLE_NAME MIDDLENAME GIVEN_NAME GIVENNAME SURNAME FAMILY_NAME PATIENT DOCTOR NAME_STUDENT
        PATIENT_NAME DOCTOR_NAME""",
    "EMAIL_ADDRESS": "EMAIL E_MAIL MAIL EMAILADDRESS",
    "PHONE_NUMBER": """PHONE PHONENUMBER PHONE_NUM TELEPHONE TELEPHONENUM TELEPHONE_NUMBER TEL
        MOBILE MOBILE_NUMBER FAX FAX_NUMBER""",
    "ORGANIZATION": """ORG ORGANISATION ORGANIZATION_NAME ORGANISATION_NAME COMPANY COMPANYNAME
        COMPANY_NAME CORPORATION EMPLOYER HOSPITAL""",
    "LOCATION": "LOC LOCATION_NAME PLACE LOCATION_OTHER FAC",
    "GPE": "CITY COUNTRY STATE COUNTY REGION PROVINCE",
    "STREET_ADDRESS": """ADDRESS STREET STREETADDRESS STREET_NAME POSTAL_ADDRESS HOME_ADDRESS
        SECONDARYADDRESS BUILDINGNUMBER BUILDINGNUM LOCATION_ADDRESS""",
    "ZIP_CODE": "ZIP ZIPCODE POSTCODE POST_CODE POSTALCODE POSTAL_CODE LOCATION_ZIP",
    "DATE_TIME": """DATE TIME TIMESTAMP DATETIME DATE_OF_BIRTH DOB DATEOFBIRTH BIRTH_DATE BIRTHDATE
        BIRTHDAY DATE_DOB""",
    "AGE": "PERSON_AGE",
    "TITLE": "PREFIX HONORIFIC",
    "PROFESSION": "JOB_TITLE JOBTITLE JOB OCCUPATION JOBTYPE JOBAREA",
    "NRP": """NORP NATIONALITY RELIGION RELIGIOUS_BELIEF POLITICAL_OPINION POLITICAL_AFFILIATION
        ETHNICITY RACE""",
    "US_SSN": "SSN SOCIALNUM SOCIAL_SECURITY_NUMBER SOCIAL_SECURITY",
    "CREDIT_CARD": """CREDIT_CARD_NUMBER CREDITCARD CREDITCARDNUMBER CARD_NUMBER CREDIT_DEBIT_CARD
        PAYMENT_CARD""",
    "IBAN_CODE": "IBAN",
    "BIC_CODE": "BIC SWIFT SWIFT_BIC SWIFT_BIC_CODE SWIFT_CODE",
    "IP_ADDRESS": "IP IPV4 IPV6 IPADDRESS IP_ADDR",
    "MAC_ADDRESS": "MAC MACADDRESS",
    "URL": "URI LINK WEBSITE URL_PERSONAL",
    "DOMAIN_NAME": "DOMAIN HOSTNAME",
    "SECRET": """PASSWORD PASS PASSPHRASE API_KEY APIKEY ACCESS_KEY TOKEN ACCESS_TOKEN AUTH_TOKEN
        AUTHENTICATION_TOKEN PRIVATE_KEY SECRET_KEY CREDENTIAL PIN""",
    "NATIONAL_ID": "NATIONAL_ID_NUMBER ID_CARD IDCARDNUM ID_NUM IDENTITY_CARD",
    "DRIVER_LICENSE": "US_DRIVER_LICENSE DRIVER_LICENSE_NUMBER DRIVERLICENSENUM DRIVERS_LICENSE",
    "PASSPORT": "US_PASSPORT PASSPORT_NUMBER PASSPORTNUM",
    "US_BANK_NUMBER": "BANK_ACCOUNT BANK_ACCOUNT_NUMBER ACCOUNT_NUMBER ACCOUNTNUM ACCOUNTNUMBER",
    "MEDICAL_RECORD_NUMBER": "MRN MEDICALRECORD MEDICAL_RECORD",
    "USERNAME": "USER_NAME USER LOGIN",
    "LICENSE_PLATE": "VEHICLEVRM NUMBER_PLATE PLATE VEHICLE_PLATE",
    "VIN": "VEHICLE_IDENTIFICATION_NUMBER VEHICLEVIN",
    "COORDINATES": "LATITUDE_LONGITUDE GPS NEARBYGPSCOORDINATE LAT_LONG",
    "CRYPTO": "CRYPTOCURRENCY_ADDRESS BITCOINADDRESS ETHEREUMADDRESS WALLET",
}
_KNOWN = {word: entity for entity, words in _SYNONYMS.items() for word in words.split()}

# What an entity may be counted as when the gold doesn't know it, nearest first: a gold that says
# only LOCATION means towns and streets by it too.
_KIN = {
    "LOCATION": ("GPE",),
    "GPE": ("LOCATION",),
    "STREET_ADDRESS": ("LOCATION",),
    "ZIP_CODE": ("STREET_ADDRESS", "LOCATION"),
    "COORDINATES": ("LOCATION",),
    "DATE_OF_BIRTH": ("DATE_TIME",),
    "DATE_TIME": ("DATE_OF_BIRTH",),
    "URL": ("DOMAIN_NAME",),
    "DOMAIN_NAME": ("URL",),
    "TITLE": ("PROFESSION",),
    "PROFESSION": ("TITLE",),
}


def our_name(label: str, names: Mapping[str, str] | None = None) -> str:
    """Return our entity for a label of somebody's gold.

    Args:
        label: theirs; case, blanks and hyphens don't matter, nor does a tag's `B-` or `I-`.
        names: comes before the built-in synonyms; an empty entity means "not judged".

    Returns:
        The entity; a label that nobody knows stays as it is, in capitals.
    """
    if names and label in names:
        return names[label]
    plain = re.sub(r"\W+", "_", re.sub(r"^[BIESLU]-", "", label.strip())).upper().strip("_")
    if names and plain in names:
        return names[plain]
    return _KNOWN.get(plain, plain)


def as_gold_calls(entity: str, known: Collection[str]) -> str:
    """Return what a gold whose entities are `known` calls one that was found."""
    if entity in known:
        return entity
    return next((kin for kin in _KIN.get(entity, ()) if kin in known), entity)
