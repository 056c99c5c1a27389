"""Words that templates need: peoples, creeds and parties, dates; and what only looks like a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.names.people import pick

if TYPE_CHECKING:
    from random import Random

PEOPLES = {
    "en": """American British English Scottish Welsh Irish French German Italian Spanish Portuguese Dutch Belgian
        Swiss Austrian Swedish Norwegian Danish Finnish Icelandic Polish Czech Slovak Hungarian Romanian Bulgarian
        Greek Turkish Russian Ukrainian Belarusian Lithuanian Latvian Estonian Serbian Croatian Slovenian Bosnian
        Albanian Macedonian Montenegrin Maltese Cypriot Israeli Palestinian Lebanese Syrian Iraqi Iranian Jordanian
        Saudi Kuwaiti Qatari Emirati Yemeni Omani Egyptian Libyan Tunisian Algerian Moroccan Sudanese Ethiopian
        Eritrean Somali Kenyan Ugandan Tanzanian Rwandan Nigerian Ghanaian Ivorian Senegalese Malian Cameroonian
        Congolese Angolan Zambian Zimbabwean Mozambican Namibian Malagasy Indian Pakistani Bangladeshi Nepalese
        Afghan Kazakh Uzbek Mongolian Chinese Taiwanese Japanese Korean Vietnamese Thai Cambodian Laotian Burmese
        Malaysian Singaporean Indonesian Filipino Bruneian Australian Canadian Mexican Guatemalan Honduran
        Salvadoran Nicaraguan Panamanian Cuban Haitian Dominican Jamaican Colombian Venezuelan Ecuadorian Peruvian
        Bolivian Chilean Argentine Argentinian Uruguayan Paraguayan Brazilian European African Asian Hispanic Latino
        Latina Kurdish Basque Catalan Flemish Bavarian Sicilian Texan Californian Parisian Navajo Cherokee Maori
        Armenian Georgian Azerbaijani Sikh Punjabi Tamil Bengali Hmong Roma Caucasian Black""",
    "de": """deutsche österreichische Schweizer französische italienische spanische polnische türkische russische
        ukrainische syrische afghanische iranische irakische kurdische griechische niederländische englische
        britische amerikanische portugiesische ungarische rumänische bulgarische kroatische serbische schwedische
        norwegische dänische finnische tschechische chinesische japanische indische vietnamesische marokkanische
        Deutsche Franzose Italiener Spanier Pole Türke Russin Ukrainerin Syrer Grieche Brite Amerikaner""",
    "fr": """français française allemand allemande italien italienne espagnol portugais portugaise belge suisse
        anglais anglaise américain américaine marocain marocaine algérien algérienne tunisien sénégalais camerounais
        ivoirien malien chinois japonaise vietnamien turc turque russe ukrainien polonais roumain grec canadien
        québécois libanais syrien Français Allemande Italien Espagnole Belge Marocain""",
    "es": """español española francés francesa alemán alemana italiano italiana portugués mexicano mexicana argentino
        argentina colombiano colombiana chileno peruana venezolano ecuatoriano cubano dominicana marroquí rumano
        inglés estadounidense brasileño chino ucraniana ruso polaco catalán vasca gallego""",
    "it": """italiano italiana francese tedesco tedesca spagnolo inglese rumeno rumena albanese marocchino ucraina
        cinese filippino polacca moldavo peruviana svizzero austriaca greco turco russa americano brasiliana
        siciliano lombarda veneta""",
    "nl": """Nederlandse Nederlander Belgische Belg Vlaamse Duitse Duitser Franse Engelse Turkse Marokkaanse
        Surinaamse Indonesische Poolse Spaanse Italiaanse Amerikaanse Chinese Syrische Griekse Russische Friese""",
}  # fmt: skip
CREEDS = {
    "en": """Catholic Protestant Christian Muslim Jewish Hindu Buddhist Sikh Mormon Baptist Methodist Lutheran
        Anglican Orthodox Presbyterian Sunni Shia Evangelical Quaker Democrat Republican Conservative Liberal
        Libertarian Socialist Communist Marxist Tory atheist Christians Muslims Jews Catholics Hindus Buddhists
        Democrats Republicans Conservatives""",
    "de": "katholische evangelische muslimische jüdische Katholik Protestantin Muslim Sozialdemokrat Grüne",
    "fr": "catholique protestant musulmane juif bouddhiste socialiste communiste gaulliste",
    "es": "católico católica protestante musulmán judía evangélico socialista comunista",
    "it": "cattolico cattolica protestante musulmano ebrea buddista socialista leghista",
    "nl": "katholieke protestantse islamitische joodse christelijke hindoeïstische moslim socialist liberaal",
}  # fmt: skip
LANDS = {
    "de": """Deutschland Österreich Schweiz Frankreich Italien Spanien Polen Türkei Russland Ukraine Syrien Griechenland
        Niederlande Belgien Schweden Norwegen Dänemark Ungarn Rumänien Kroatien USA China Japan Indien Bayern
        Sachsen Hessen Nordrhein-Westfalen Thüringen Tirol Steiermark""",
    "fr": """France Allemagne Italie Espagne Portugal Belgique Suisse Maroc Algérie Tunisie Sénégal Canada Chine Japon
        Turquie Russie Ukraine Pologne Grèce Bretagne Normandie Provence Alsace Québec""",
    "es": """España Francia Alemania Italia Portugal México Argentina Colombia Chile Perú Venezuela Ecuador Cuba
        Marruecos Brasil China Ucrania Andalucía Cataluña Galicia Madrid Jalisco Antioquia""",
    "it": """Italia Francia Germania Spagna Svizzera Austria Romania Albania Marocco Ucraina Cina Polonia Lombardia
        Toscana Sicilia Veneto Puglia Sardegna Brasile Argentina""",
    "nl": """Nederland België Duitsland Frankrijk Spanje Italië Turkije Marokko Suriname Indonesië Polen China
        Vlaanderen Friesland Limburg Brabant Zeeland Utrecht""",
}  # fmt: skip
REGIONS = {
    "en": (
        "the Rocky Mountains",
        "the Mississippi",
        "the Alps",
        "Lake Michigan",
        "the Pacific",
        "Mount Everest",
        "the Middle East",
        "Eastern Europe",
        "Scandinavia",
        "the Sahara",
        "Central Park",
        "Times Square",
        "the Thames",
        "the Midwest",
        "Silicon Valley",
        "the Caribbean",
        "North Africa",
        "Southeast Asia",
        "the Great Lakes",
        "Cape Cod",
        "Long Island",
        "the Danube",
        "Heathrow Airport",
        "JFK",
        "Golden Gate Bridge",
        "Yellowstone National Park",
        "the Black Sea",
        "Mount Rainier",
        "Lake Victoria",
        "the Amazon",
        "Wall Street",
        "Capitol Hill",
        "Brooklyn",
        "Manhattan",
        "the Bronx",
        "Soho",
        "Hyde Park",
        "the West Coast",
        "Europe",
        "Asia",
        "Africa",
        "South America",
        "Antarctica",
        "Latin America",
        "the Mediterranean",
        "Gare du Nord",
    ),
    "de": (
        "Schwarzwald",
        "Bodensee",
        "Rhein",
        "Elbe",
        "Alpen",
        "Ruhrgebiet",
        "Ostsee",
        "Alexanderplatz",
        "Donau",
    ),
    "fr": (
        "les Alpes",
        "la Seine",
        "la Loire",
        "les Pyrénées",
        "le Mont-Blanc",
        "la Méditerranée",
        "Montmartre",
    ),
    "es": (
        "los Pirineos",
        "el Ebro",
        "Sierra Nevada",
        "el Mediterráneo",
        "los Andes",
        "la Costa Brava",
    ),
    "it": ("le Dolomiti", "il Po", "il Lago di Como", "il Vesuvio", "l'Adriatico", "gli Appennini"),
    "nl": ("de Veluwe", "de Maas", "het IJsselmeer", "de Randstad", "de Noordzee", "de Wadden"),
}
MONTHS = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
}
DAYS = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "it": "lunedì martedì mercoledì giovedì venerdì sabato domenica",
    "nl": "maandag dinsdag woensdag donderdag vrijdag zaterdag zondag",
}
_WORDED = {
    "en": ("{d} {m} {y}", "{m} {d}, {y}", "{m} {d}", "{m} {o}", "{m} {o}, {y}", "{o} {m} {y}", "{b} {d}, {y}",
           "{m} {y}", "{d}-{b}-{y}", "{w}, {m} {d}, {y}", "{w}, {d} {m} {y}", "the {o} of {m}, {y}", "{b}. {d}, {y}",
           "{d} {b} {y}"),
    "de": ("{d}. {m} {y}", "{d}. {m}", "{m} {y}", "{w}, den {d}. {m} {y}", "{w}, {d}. {m}"),
    "fr": ("{d} {m} {y}", "{w} {d} {m} {y}", "{d} {m}", "{m} {y}", "1er {m} {y}"),
    "es": ("{d} de {m} de {y}", "{w} {d} de {m}", "{m} de {y}", "{d} de {m}"),
    "it": ("{d} {m} {y}", "{w} {d} {m} {y}", "{d} {m}", "{m} {y}", "1° {m} {y}"),
    "nl": ("{d} {m} {y}", "{w} {d} {m} {y}", "{d} {m}", "{m} {y}"),
}  # fmt: skip
_NUMERIC = {
    "en": (
        "{n}/{d}/{y}",
        "{N}/{D}/{y}",
        "{N}-{D}-{y}",
        "{n}/{d}/{s}",
        "{y}-{N}-{D}",
        "{D}/{N}/{y}",
    ),
    "de": ("{D}.{N}.{y}", "{d}.{n}.{y}", "{y}-{N}-{D}", "{D}.{N}.{s}"),
    "fr": ("{D}/{N}/{y}", "{y}-{N}-{D}", "{D}/{N}/{s}"),
    "es": ("{D}/{N}/{y}", "{y}-{N}-{D}", "{D}-{N}-{y}"),
    "it": ("{D}/{N}/{y}", "{y}-{N}-{D}", "{D}.{N}.{y}"),
    "nl": ("{D}-{N}-{y}", "{y}-{N}-{D}", "{d}-{n}-{y}"),
}

# What begins with a capital, stands where names stand, and is none. Made up or generic.
LOOKALIKES = {
    "drug": """Metformin|Lisinopril|Atorvastatin|Amoxicillin|Ibuprofen|Omeprazole|Amlodipine|Gabapentin|Sertraline
        Levothyroxine|Albuterol|Prednisone|Warfarin|Insulin glargine|Losartan|Furosemide|Tramadol|Simvastatin
        Clopidogrel|Escitalopram|Hydrochlorothiazide|Metoprolol|Pantoprazole|Zolpidem|Tylenol|Advil|Lipitor""",
    "disease": """Hypertension|Type 2 Diabetes Mellitus|Asthma|Migraine|Osteoarthritis|Hypothyroidism|Atrial Fibrillation
        Chronic Kidney Disease|Generalized Anxiety Disorder|Major Depressive Disorder|Pneumonia|Anemia|COPD
        Crohn's disease|Parkinson's disease|Alzheimer's disease|Hodgkin lymphoma|Bell's palsy|Graves' disease
        Coronary Artery Disease|Gastroesophageal Reflux Disease|Lyme disease|Down syndrome|Influenza|Obesity""",
    "procedure": """Echocardiogram|Complete Blood Count|Colonoscopy|MRI of the brain|Chest X-Ray|CT Abdomen|Appendectomy
        Comprehensive Metabolic Panel|Lipid Panel|Electrocardiogram|Foley catheter|Glasgow Coma Scale|Pap smear
        Physical Therapy|Blood Culture|Urinalysis|Hemoglobin A1c|Biopsy|Hip Replacement""",
    "department": """Cardiology|Neurology|Oncology|Radiology|Emergency Department|Intensive Care Unit|Pediatrics|Surgery
        Human Resources|Accounts Payable|Customer Support|Legal|Engineering|Quality Assurance|Internal Medicine
        Gastroenterology|Orthopedics|Billing|Facilities|Procurement|Information Technology|Dermatology""",
    "product": """Windows 11|Excel|iPhone|Galaxy S21|PlayStation|Kubernetes|Docker|PostgreSQL|Redis|Jenkins|Python|Java
        Photoshop|Chrome|Firefox|Android|Linux|Ubuntu|Apache Kafka|Terraform|Grafana|Prometheus|MongoDB|Elasticsearch
        Node.js|React|Visual Studio Code|Jira|Confluence|Outlook|PowerPoint|Model X|Corolla|Civic|Golf GTI|Xbox""",
    "legal": """Complaint|Motion to Dismiss|Summary Judgment|Request for Production|Interrogatories|Plaintiff|Defendant
        Exhibit A|Exhibit B|Affidavit|Petitioner|Respondent|Court|Agreement|Confidential Information|Effective Date
        Memorandum of Law|Order|Discovery|Privilege Log|Deposition|Counsel|Statement of Facts|Prayer for Relief
        Breach of Contract|Negligence|Statute of Limitations|Settlement|Jury|Verdict|Witness|Notary Public|Judgment""",
    "heading": """Introduction|Executive Summary|Background|Methods|Results|Discussion|Conclusion|References|Appendix
        Table of Contents|Terms and Conditions|Privacy Policy|Next Steps|Action Items|Agenda|Overview|Scope|Summary
        Release Notes|Known Issues|Frequently Asked Questions|Getting Started|Acknowledgements|Open Questions""",
    "holiday": "Christmas|Thanksgiving|Easter|New Year's Eve|Ramadan|Hanukkah|Memorial Day|Labor Day|Halloween",
    "tongue": "SQL|JSON|HTML|UTF-8|HTTP|TCP|SSH|TLS|REST|GraphQL|YAML|XML|CSV|PDF|API|CPU|GPU|RAM|DNS|VPN|S3",
    "work": """The Great Gatsby|Hamlet|War and Peace|Abbey Road|Star Wars|Breaking Bad|The Odyssey|Pride and Prejudice
        The Matrix|Game of Thrones|Moby Dick|Jane Eyre|Don Quixote|Harry Potter|Macbeth|Emma|Casablanca""",
    "subject": "Mathematics|Biology|Computer Science|Economics|History|Nursing|Law|Chemistry|Psychology|Physics",
    "item": """invoice|contract|laptop|printer|badge|parking permit|prescription|lab result|account statement|order
        passport copy|lease|insurance card|tax form|payslip|refund|voucher|subscription|shipment|warranty claim""",
}


def choose(rng: Random, words: str) -> str:
    """Choose one of some words."""
    return pick(rng, tuple(words.split()))


def lookalike(rng: Random, kind: str) -> str:
    """Choose something that is no name."""
    return pick(rng, tuple(LOOKALIKES[kind].replace("\n        ", "|").split("|")))


def date(rng: Random, language: str, *, worded: float = 0.6) -> str:
    """Write a date."""
    forms = _WORDED if rng.random() < worded else _NUMERIC
    day, month = 1 + int(rng.random() * 28), int(rng.random() * 12)
    year, name = int(1930 + rng.random() * 97), MONTHS[language].split()[month]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day // 10 != 1 else 0, "th")
    return pick(rng, forms[language]).format(
        d=day, m=name, y=year, b=name[:3], n=month + 1, N=f"{month + 1:02}", D=f"{day:02}",
        s=f"{year % 100:02}", o=f"{day}{ending}", w=choose(rng, DAYS[language]),
    )  # fmt: skip
