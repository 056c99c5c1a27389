"""Numbers and words that stand for one person, or open a door to them."""

from __future__ import annotations

from strongroom.data import Role
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._fits import (
    anything,
    both,
    either,
    few,
    found,
    holding,
    logins,
    number,
    phones,
    pieces,
    secrets,
    shaped,
    varied,
)
from strongroom.discover.columns._sort import Sort
from strongroom.discover.columns._words import CARDS

_DIRECT = Role.DIRECT_IDENTIFIER
# What only a name tells must be different for most people.
_MOSTLY = 0.5

IDENTIFIERS = (
    Sort(
        "secret",
        "secret",
        _DIRECT,
        r"""
        pass ?words?|passwd|pwd|pass ?phrase|pass ?code|(?:api|access|secret|private) ?key|
        (?:access|auth|api|refresh|session|bearer) ?token|kennwort|passwort|mot de passe|mdp|
        contrasena|parola(?: d ordine)?|wachtwoord|security answer|otp|credentials?
        """,
        exactly="secrets?|token|pin(?: code)?|clave",
        entity="SECRET",
        named=0.0,
        distinct=_MOSTLY,
        fits=either(secrets, found("SECRET"), anything),
    ),
    Sort(
        "email",
        "e-mail address",
        _DIRECT,
        r"""
        e ?mails?(?: ?addr(?:ess(?:es)?)?)?|mail ?addr(?:ess)?|correo(?: electronico)?|courriel|
        (?:adresse )?(?:e )?mail|mailadresse|e ?mailadres|indirizzo e ?mail|posta elettronica
        """,
        exactly="mail",
        entity="EMAIL_ADDRESS",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "phone_prefix",
        "calling code",
        Role.FEATURE,
        r"""
        (?:(?:tele)?phone|mobile|tel|dial(?:ing|ling)?|calling)? ?(?:country|
        international) ?(?:calling |dialing |dial )?(?:code|prefix)|(?:tele)?phone ?prefix|
        dial(?:l?ing)? ?code|calling ?code|area ?code|(?:telephone|phone|tel) country(?: code)?|
        vorwahl|indicatif|prefijo|prefisso|landnummer|landesvorwahl
        """,
        reason="shared by everybody of a country or town",
        fits=both(
            either(number(1, 9999), shaped(r"^\s*\+?\(?\d{1,5}\)?\s*$")),
            lambda profile: float(profile.distinct_share < _MOSTLY or profile.distinct < 50),  # noqa: PLR2004
        ),
    ),
    Sort(
        "phone",
        "phone number",
        _DIRECT,
        r"""
        (?:tele)?phones?(?: ?(?:number|no|nr|num))?|mobile(?: ?(?:number|no|phone))?|mob(?:ile)?|
        cell(?: ?phone)?(?: number)?|fax(?: ?(?:number|no|nr))?|tel(?:ef)?(?: ?(?:no|nr))?|
        telefon(?:nummer)?|telefono|handy(?: ?nummer)?|rufnummer|mobil(?:nummer)?|
        (?:numero de )?telephone|cellulare|telefoon(?:nummer)?|msisdn|whats ?app|landline|
        festnetz(?:nummer)?
        """,
        exactly="portable|movil|celular|gsm",
        entity="PHONE_NUMBER",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "us_ssn",
        "US SSN",
        _DIRECT,
        "ssn|soc(?:ial)? sec(?:urity)?(?: (?:number|no|num))?|ssn ?(?:last ?)?4?",
        entity="US_SSN",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "iban",
        "bank account",
        _DIRECT,
        r"""
        iban(?: ?(?:number|nr|no))?|(?:bank )?acc(?:oun)?t (?:number|no|nr|num)|bank ?account|
        kontonummer|(?:numero de )?compte(?: bancaire)?|rib|(?:numero de )?cuenta(?: bancaria)?|
        conto(?: corrente)?|rekening(?:nummer)?|routing (?:number|no)|sort code|bankverbindung|bban
        """,
        exactly="konto|account",
        entity="IBAN_CODE",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "card_type",
        "card brand",
        Role.FEATURE,
        r"""
        (?:cc|(?:credit |debit |payment )?card) ?(?:type|brand|network|issuer|vendor|company)|
        kartentyp|type de carte|tipo (?:de tarjeta|di carta|tarjeta|carta)|kaarttype
        """,
        reason="shared by many",
        fits=few(holding(CARDS)),
        alone=0.9,
    ),
    Sort(
        "card_code",
        "card security code",
        Role.SENSITIVE,
        r"""
        cvv ?2?|cvc ?2?|cid|csc|card ?(?:verification|security) ?(?:code|value|number)|
        (?:card )?security code|prufziffer|pruefziffer|cryptogramme
        """,
        reason="opens a payment card with its number",
        fits=either(number(0, 9999), shaped(r"^\s*\d{3,4}\s*$")),
    ),
    Sort(
        "card_expiry",
        "card expiry",
        Role.SENSITIVE,
        r"""
        (?:cc|(?:credit |debit |payment )?card)? ?(?:exp(?:ir(?:y|es|ation))?) ?(?:date|month|year|
        mm ?yy)?|(?:cc|card) ?valid(?: ?(?:until|thru|to))?|valid (?:until|thru)|ablaufdatum|
        gultig bis|date d expiration|(?:fecha de )?(?:caducidad|vencimiento)|scadenza|vervaldatum
        """,
        reason="opens a payment card with its number",
        fits=shaped(shapes.EXPIRY),
    ),
    Sort(
        "card_number",
        "payment card",
        _DIRECT,
        r"""
        (?:credit|debit|payment|bank) ?card(?: ?(?:number|no|num|nr))?|card ?(?:number|no|num|nr)|
        cc ?(?:number|num|no|nr)?|pan|kreditkarte(?:nnummer)?|karten ?nummer|
        (?:numero de )?carte(?: bancaire| de credit)?|(?:numero de )?tarjeta(?: de credito)?|
        carta di credito|numero carta|credit ?kaart(?:nummer)?|kaartnummer
        """,
        entity="CREDIT_CARD",
        fits=either(
            found("CREDIT_CARD"), varied(pieces), shaped(r"^[\d Xx*-]{8,23}$"), varied(anything)
        ),
        distinct=0.2,
    ),
    Sort(
        "card_number",
        "payment card",
        _DIRECT,
        reason="begins and is as long as card numbers",
        entity="CREDIT_CARD",
        fits=varied(pieces),
        alone=0.98,
        blind=True,
    ),
    Sort(
        "national_id",
        "national id",
        _DIRECT,
        r"""
        national ?id(?:enti(?:ty|fication|fier))?(?: ?(?:number|no|card|nr))?|
        national insurance(?: ?(?:number|no))?|ni ?(?:number|no)|nino|passport(?: ?(?:number|no|nr|
        id))?|driv(?:er|ing)?(?:'?s)? ?licen[cs]e(?: ?(?:number|no|nr|id))?|dl ?(?:number|no)|
        licen[cs]e ?(?:number|no|nr)|tax(?:payer)? ?(?:id|number|no|nr|code)|itin|personal ?(?:id|
        identity|number|code)(?: number)?|personnummer|cpr|cpf|pesel|bsn|burgerservicenummer|
        nhs(?: ?(?:number|no))?|aadhaa?r|identity ?(?:card|number|no|document)|id ?(?:card|
        document)(?: ?(?:number|no))?|citizen ?(?:id|number)|steuer(?:identifikations)? ?(?:id|
        nummer|nr)|idnr|personalausweis(?:nummer| nr)?|ausweis(?:nummer)?|reisepass(?:nummer)?|
        fuhrerschein(?:nummer)?|sozialversicherungsnummer|svnr|sv nummer|rentenversicherungsnummer|
        numero (?:de )?(?:securite sociale|passeport|fiscal)|insee|nif|dni|curp|rfc|pasaporte|
        passeport|permis de conduire|numero de identificacion|cedula|codice fiscale|
        carta d identita|passaporto|partita iva|paspoort(?:nummer)?|rijbewijs(?:nummer)?|
        identiteitskaart|rijksregisternummer
        """,
        exactly="tin|ein|sin|nir|nie|documento(?: de)?(?: identidad)?|patente",
        entity="NATIONAL_ID",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "vehicle",
        "vehicle",
        _DIRECT,
        r"""
        vin(?: ?(?:number|no))?|vehicle ?(?:id(?:entification)?(?: number)?|registration)|
        (?:licen[cs]e|number|registration|vehicle|car) ?plates?(?: ?(?:number|no))?|
        plate ?(?:number|no)|kennzeichen|nummernschild|fahrgestellnummer|fahrzeug ?(?:kennzeichen|
        id)|(?:plaque d )?immatriculation|matricula|telaio|kenteken|chassis ?(?:number|no|nummer)
        """,
        exactly="fin|targa",
        entity="LICENSE_PLATE",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "medical_number",
        "medical record number",
        _DIRECT,
        r"""
        mrn|medical ?record(?: ?(?:number|no|nr|id))?|health ?(?:plan|insurance|card)(?: ?(?:number|
        no|id|nr))?|insurance ?(?:number|no|id|nr|policy)|polic(?:y|e) ?(?:number|no|nr|id)|
        (?:beneficiary|subscriber|medicare|medicaid) ?(?:number|id|no)|mbi|hicn?|npi|
        dea(?: number)?|versicherten ?(?:nummer|nr)|krankenversicherungsnummer|versicherungsnummer|
        numero (?:d assure|de poliza|de seguro|poliza)|poliza|tessera sanitaria|polisnummer|
        patientnummer|dossier(?: ?(?:number|nummer|no))?|chart ?(?:number|no)
        """,
        entity="MEDICAL_RECORD_NUMBER",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "device",
        "device",
        _DIRECT,
        r"""
        device ?(?:id|serial|identifier|uuid|token)|serial ?(?:number|no|nr|num)|imei|imsi|iccid|
        mac(?: ?addr(?:ess)?)?|advertising ?id|idfa|gaid|adid|udid|android ?id|cookie(?: ?id)?|
        fingerprint ?id|seriennummer|gerate ?(?:id|nummer)|numero de serie|numero di serie|
        serienummer
        """,
        exactly="browser ?id|session ?id",
        entity="DEVICE_ID",
        named=0.0,
        distinct=0.2,
        fits=either(found("MAC_ADDRESS", "IMEI", "DEVICE_ID"), anything),
    ),
    Sort(
        "ip_address",
        "IP address",
        _DIRECT,
        r"""
        ip(?: ?v ?[46])?(?: ?addr(?:ess)?)?|ip adresse|adresse ip|direccion ip|indirizzo ip|ip adres
        """,
        entity="IP_ADDRESS",
        named=0.0,
        distinct=_MOSTLY,
    ),
    Sort(
        "domain",
        "domain name",
        _DIRECT,
        "domain(?: ?name)?|fqdn|dominio|domaine|domein",
        exactly="host(?: ?name)?",
        entity="DOMAIN_NAME",
        fits=varied(either(found("DOMAIN_NAME", "URL"), shaped(shapes.DOMAIN))),
        alone=0.8,
    ),
    Sort(
        "username",
        "account name",
        _DIRECT,
        r"""
        user ?names?|user ?login|login(?: ?name)?|screen ?name|nick ?name|user ?handle|
        account ?name|benutzer(?:name)?|anmeldename|nutzername|nom d utilisateur|identifiant|
        pseudo(?:nyme)?|(?:nombre de )?usuario|nome utente|gebruikersnaam|gebruiker|
        twitter(?: ?handle)?|instagram|facebook|linked ?in|skype|github(?: ?user)?|discord|telegram|
        snapchat|tik ?tok|gamer ?tag
        """,
        exactly="handle|utente|alias",
        entity="USERNAME",
        fits=shaped(r"^\s*@?[^\s@]+\s*$|^https?://"),
        distinct=_MOSTLY,
    ),
    Sort(
        "phone",
        "phone number",
        _DIRECT,
        entity="PHONE_NUMBER",
        fits=phones,
        alone=0.8,
        blind=True,
    ),
    Sort(
        "secret",
        "secret",
        _DIRECT,
        reason="mixes cases and digits, no two the same",
        entity="SECRET",
        fits=secrets,
        alone=0.9,
        blind=True,
    ),
    Sort(
        "username",
        "account name",
        _DIRECT,
        reason="single made-up words",
        entity="USERNAME",
        fits=logins,
        alone=0.95,
        blind=True,
    ),
)
