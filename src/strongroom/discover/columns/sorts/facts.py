"""What neighbours, colleagues or the public may know of somebody."""

from __future__ import annotations

from strongroom.data import Role
from strongroom.discover.columns._fits import (
    bodily,
    both,
    dated,
    either,
    few,
    firms,
    holding,
    varied,
)
from strongroom.discover.columns._sort import Sort
from strongroom.discover.columns._words import (
    COMPANIES,
    EDUCATION,
    FAMILY,
    LANGUAGES,
    OCCUPATIONS,
    WORK,
)

_QUASI = Role.QUASI_IDENTIFIER
_KNOWN = "known to others"

FACTS = (
    Sort(
        "education",
        "",
        _QUASI,
        r"""
        education(?:al)?(?: ?(?:num|years|level|status|attainment|attained))*|edu|schooling|
        (?:high ?)?school(?: ?(?:name|type|level))?|highest (?:degree|qualification|education)|
        universit(?:y|at)|college|alma mater|grade level|(?:schul)?bildung(?:sabschluss)?|(?:schul|
        hochschul)abschluss|niveau d (?:etudes|education)|diplome|(?:nivel de )?(?:educacion|
        estudios|educativo)|escolaridad|titulacion|(?:titolo di )?studio|istruzione|
        opleiding(?:sniveau)?|onderwijs
        """,
        exactly="degree|qualification|major|formation",
        reason=_KNOWN,
    ),
    Sort(
        "education", "education", _QUASI, reason=_KNOWN, fits=few(holding(EDUCATION), 40), alone=0.9
    ),
    Sort(
        "occupation",
        "",
        _QUASI,
        r"""
        occupations?(?: ?(?:group|code|title))?|profession(?:al title)?|jobs?(?: ?(?:title|role|
        name|category|level|family))*|work ?title|vocation|beruf(?:sbezeichnung)?|tatigkeit|
        stellenbezeichnung|metier|ocupacion|profesion|puesto|professione|occupazione|mestiere|
        mansione|beroep|functietitel
        """,
        exactly=r"""
        position(?: title)?|career|designation|rank|poste|fonction|emploi|cargo|trabajo|lavoro|
        functie
        """,
        reason=_KNOWN,
        entity="PROFESSION",
    ),
    Sort(
        "occupation",
        "occupation",
        _QUASI,
        reason=_KNOWN,
        entity="PROFESSION",
        fits=holding(OCCUPATIONS),
        alone=0.65,
    ),
    Sort(
        "employment",
        "",
        _QUASI,
        r"""
        work ?class|(?:present )?employment(?: ?(?:status|type|since|length|years))*|emp ?(?:length|
        status|type)|job ?status|years (?:employed|at company|of service|experience)|tenure years|
        seniority|hire year|working status|beschaftigung(?:sverhaltnis)?|erwerbsstatus|
        situation professionnelle|situacion laboral|stato occupazionale|dienstverband|arbeidsstatus|
        military(?: ?(?:status|service))?|veteran(?: ?status)?
        """,
        reason=_KNOWN,
    ),
    Sort("employment", "employment", _QUASI, reason=_KNOWN, fits=few(holding(WORK), 20), alone=0.9),
    Sort(
        "organization",
        "organisation",
        _QUASI,
        r"""
        compan(?:y|ies)(?: ?name)?|employer(?: ?name)?|organi[sz]ations?(?: ?name)?|org(?: name)?|
        business(?: ?name)?|firm|workplace|firma|unternehmen|arbeitgeber|branche|betrieb|entreprise|
        societe|employeur|empresa|empleador|compania|azienda|ditta|datore di lavoro|
        bedrijf(?:snaam)?|werkgever|organisatie
        """,
        exactly="institution|industry|sector|branch(?: ?name)?|secteur|sector|settore",
        reason=_KNOWN,
        entity="ORGANIZATION",
        fits=lambda profile: float(profile.kind == "text"),
    ),
    Sort(
        "organization",
        "organisation",
        _QUASI,
        reason="companies and institutions: " + _KNOWN,
        entity="ORGANIZATION",
        fits=either(varied(holding(COMPANIES)), firms),
        alone=0.3,
        blind=True,
    ),
    Sort(
        "family",
        "",
        _QUASI,
        r"""
        relationship(?: ?(?:to (?:head|householder)|type))?|household(?: ?(?:size|type|members|
        income group))?|(?:number of |num |n |no of )?(?:children|kids|dependents|dependants|
        siblings|people liable|cars|vehicles)|famil(?:y|ies)(?: ?(?:size|type|members|status))?|
        num dependents|sib ?sp|par ?ch|(?:anzahl )?kinder|haushalt(?:sgrosse)?|
        (?:nombre d )?enfants|(?:numero de )?hijos|(?:numero )?figli|(?:aantal )?kinderen|
        gezin(?:sgrootte)?
        """,
        exactly="parents?",
        reason=_KNOWN,
    ),
    Sort("family", "relationship", _QUASI, reason=_KNOWN, fits=few(holding(FAMILY), 30), alone=0.8),
    Sort(
        "language",
        "language",
        _QUASI,
        r"""
        (?:spoken |native |preferred |primary |first )?languages?|mother ?tongue|lang|
        (?:mutter)?sprache|langue(?: maternelle)?|idioma|lengua(?: materna)?|lingua|(?:moeder)?taal|
        accent
        """,
        reason=_KNOWN,
        fits=lambda profile: float(profile.kind == "text"),
    ),
    Sort("language", "language", _QUASI, reason=_KNOWN, fits=few(holding(LANGUAGES)), alone=0.9),
    Sort(
        "body",
        "",
        _QUASI,
        r"""
        eye ?colou?r|hair ?colou?r|shoe ?size|body ?(?:height|weight)|korpergrosse|korpergewicht|
        estatura|augenfarbe|haarfarbe
        """,
        exactly=r"""
        height(?: ?(?:cm|in|inches|m))?|weight(?: ?(?:kg|lbs?|pounds))?|grosse(?: cm)?|
        gewicht(?: kg)?|taille|poids|altura|peso|altezza|lengte
        """,
        reason=_KNOWN,
        fits=bodily,
    ),
    Sort(
        "event_date",
        "",
        _QUASI,
        r"""
        (?:admission|admit|discharge|visit|death|hire|joining|join|start|entry|exit|arrival|
        departure|appointment|surgery|procedure|diagnosis|encounter|service|screening|arrest|
        offen[cs]e|booking|jail|custody|release|marriage|wedding|divorce|graduation|termination|
        leave|enrol?lment|registration|sign ?up|accident|incident|crime|sentence|test|vaccination|
        treatment|onset|delivery|purchase|transaction|order|check ?in|check ?out|pickup|dropoff|
        trip|flight|event|contact|last seen|last login)(?: ?(?:date|day|time|datetime|ts|dt|at|on|
        in|out))|(?:in|out) (?:custody|jail|date)|jail (?:in|out)|date (?:of )?(?:admission|
        discharge|death|hire|birth|visit|arrest|entry|service|diagnosis|joining|marriage)|d ?o ?d|
        deceased(?: ?date)?|died(?: on)?|aufnahme ?datum|entlassung(?:s ?datum)?|eintritts ?datum|
        sterbe ?datum|todes ?datum|date (?:d )?(?:admission|entree|sortie|deces|embauche)|
        fecha (?:de )?(?:ingreso|alta|defuncion|contratacion|visita)|data (?:di )?(?:ricovero|
        dimissione|decesso|assunzione)|opnamedatum|ontslagdatum|overlijdensdatum
        """,
        reason="a day that others may know",
        entity="DATE_TIME",
        fits=both(dated, lambda profile: float(profile.distinct > 2)),  # noqa: PLR2004 - a day is one of many
    ),
    Sort(
        "event_date",
        "date",
        _QUASI,
        reason="days that others may know",
        entity="DATE_TIME",
        fits=varied(dated, 30),
        alone=0.9,
        blind=True,
    ),
)
