"""Made-up and known things that aren't people or places: organisations, jobs, peoples, dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.names.coined import coined
from training.names.people import HOME, pick, pool

if TYPE_CHECKING:
    from random import Random

_ONE_WORD = 0.06
_KNOWN = tuple(
    """Microsoft|Google|Apple|Amazon|IBM|Intel|Oracle|Siemens|Bosch|BMW|Volkswagen|Toyota|Honda|Sony|Samsung
    Nokia|Ericsson|Boeing|Airbus|Pfizer|Novartis|Roche|Bayer|Merck|AstraZeneca|GlaxoSmithKline|Nestlé|Unilever
    Coca-Cola|PepsiCo|McDonald's|Starbucks|Walmart|Target|Costco|IKEA|Tesco|Carrefour|Aldi|Lidl|FedEx|UPS|DHL
    Visa|Mastercard|PayPal|Goldman Sachs|JPMorgan Chase|Morgan Stanley|Citigroup|HSBC|Barclays|Deutsche Bank
    Wells Fargo|Bank of America|Credit Suisse|UBS|BNP Paribas|Santander|ING|AXA|Allianz|Aetna|Cigna|Humana
    Netflix|Spotify|Facebook|Twitter|LinkedIn|Uber|Lyft|Airbnb|Tesla|SpaceX|Nvidia|AMD|Qualcomm|Cisco|Dell
    NASA|FBI|CIA|NATO|UNESCO|WHO|UNICEF|FIFA|UEFA|NBA|NFL|BBC|CNN|Reuters|Associated Press|The New York Times
    The Guardian|Washington Post|Harvard University|Stanford University|MIT|Oxford University|Yale|Red Cross
    Greenpeace|Amnesty International|World Bank|European Commission|United Nations|Supreme Court|Congress
    Labour Party|Republican Party|Democratic Party|Real Madrid|Manchester United|Bayern Munich|New York Yankees
    Los Angeles Lakers|Chicago Bulls|Boston Red Sox|Juventus|Ajax|Arsenal|Liverpool FC|Lufthansa|Air France
    British Airways|Delta Air Lines|Verizon|AT&T|Vodafone|Telefónica|Orange|T-Mobile|Shell|BP|ExxonMobil|Total
    Accenture|Deloitte|KPMG|McKinsey|PwC|Blue Cross Blue Shield|Kaiser Permanente|Mayo Clinic|NHS|Medicare
    Department of Justice|Department of Defense|Internal Revenue Service|Home Office|Bundestag|Greenberg Traurig
    Stripe|Square|Shopify|Slack|Zoom|Dropbox|GitHub|GitLab|Atlassian|Salesforce|Adobe|SAP|HubSpot|Twilio
    Rolling Stones|Coldplay|Metallica|Pink Floyd|U2|Nirvana|Beatles""".replace("\n    ", "|").split("|")
)  # fmt: skip
_COINED_A = (
    "Acu", "Alti", "Astra", "Aura", "Beta", "Blue", "Bright", "Cira", "Clear", "Cobalt", "Core", "Crest",
    "Cyber", "Data", "Delta", "Echo", "Ever", "Fin", "Flex", "Geo", "Glo", "Green", "Helio", "Hyper", "Info",
    "Inno", "Iron", "Kin", "Lumi", "Meta", "Micro", "Neo", "Nex", "Nova", "Omni", "Opti", "Para", "Penta",
    "Pix", "Quanta", "Rapid", "Red", "Sky", "Sol", "Star", "Stella", "Sun", "Syn", "Tele", "Terra", "Trans",
    "Tri", "True", "Ultra", "Uni", "Vel", "Veri", "Vita", "Well", "Xen", "Zen", "Zeta",
)  # fmt: skip
_COINED_B = (
    "base", "bridge", "byte", "care", "cast", "cloud", "corp", "craft", "dyne", "field", "flow", "forge",
    "gen", "grid", "io", "labs", "land", "lane", "logic", "lytics", "mark", "mate", "media", "mind", "net",
    "nix", "path", "pay", "plex", "point", "pulse", "scape", "sense", "shift", "soft", "source", "span",
    "stream", "sys", "tech", "tek", "tron", "vant", "verse", "via", "view", "vista", "ware", "wave", "works",
    "ify", "ly", "ora", "ium", "ix", "us", "eo", "app",
)  # fmt: skip
_ADJECTIVES = (
    "Advanced", "Allied", "American", "Applied", "Atlantic", "Blue Ridge", "Capital", "Cascade", "Central",
    "Coastal", "Consolidated", "Continental", "Crescent", "Dynamic", "Eastern", "Evergreen", "First",
    "General", "Global", "Golden", "Granite", "Great Lakes", "Harbor", "Heritage", "Horizon", "Imperial",
    "Integrated", "International", "Keystone", "Liberty", "Lighthouse", "Metro", "Midwest", "Modern",
    "National", "Northern", "Northwest", "Pacific", "Pinnacle", "Pioneer", "Precision", "Premier", "Prime",
    "Quantum", "Rocky Mountain", "Royal", "Sierra", "Silver", "Southern", "Standard", "Sterling", "Summit",
    "Superior", "Tri-State", "United", "Universal", "Valley", "Vanguard", "Western", "Zenith", "Umbrella",
    "Obsidian", "Copper Kettle", "Wandering", "Clockwork", "Hollow Oak", "Painted", "Stellar", "Monolith",
)  # fmt: skip
_NOUNS = (
    "Aerospace", "Analytics", "Automation", "Biotech", "Brewing", "Builders", "Capital", "Chemical",
    "Communications", "Components", "Construction", "Consulting", "Design", "Diagnostics", "Dynamics",
    "Electric", "Electronics", "Energy", "Engineering", "Entertainment", "Equipment", "Financial", "Foods",
    "Freight", "Health", "Healthcare", "Holdings", "Hotels", "Industries", "Innovations", "Instruments",
    "Insurance", "Investments", "Laboratories", "Logistics", "Manufacturing", "Marine", "Marketing", "Media",
    "Medical", "Metals", "Mining", "Motors", "Networks", "Oil & Gas", "Packaging", "Partners", "Petroleum",
    "Pharmaceuticals", "Plastics", "Power", "Press", "Properties", "Publishing", "Realty", "Records",
    "Research", "Resources", "Robotics", "Securities", "Semiconductor", "Services", "Shipping", "Software",
    "Solutions", "Steel", "Studios", "Supply", "Systems", "Technologies", "Telecom", "Textiles", "Therapeutics",
    "Tools", "Trading", "Transport", "Trust", "Utilities", "Ventures", "Water Works", "Wireless", "Worldwide",
)  # fmt: skip
_PAIRED_A = (
    "Amber", "Atlas", "Balanced", "Brave", "Bright", "Broken", "Carbon", "Careful", "Civic", "Clever", "Cloud",
    "Common", "Compass", "Copper", "Credit", "Crystal", "Curious", "Daily", "Digital", "Direct", "Double",
    "Dream", "Early", "Electric", "Ember", "Equal", "Expert", "Family", "Fast", "Fair", "Feather", "Field",
    "First", "Focus", "Forward", "Frontier", "Future", "Gentle", "Giant", "Glass", "Good", "Grand", "Happy",
    "Hidden", "Home", "Honest", "Human", "Infinite", "Inner", "Iron", "Ivory", "Jolly", "Junction", "Kind",
    "Lantern", "Lean", "Little", "Local", "Loud", "Lucky", "Magic", "Marble", "Market", "Modern", "Motion",
    "Mutual", "Native", "Nimble", "Noble", "Ocean", "Open", "Orbit", "Paper", "Patch", "Patient", "People",
    "Pilot", "Pixel", "Plain", "Planet", "Polar", "Public", "Pure", "Quiet", "Rapid", "Ready", "Real", "Regal",
    "River", "Rocket", "Round", "Ruby", "Safe", "Salt", "Second", "Sharp", "Signal", "Silent", "Simple",
    "Smart", "Social", "Solid", "Spark", "Stone", "Sunny", "Sweet", "Swift", "Third", "Tiny", "Trade", "Twin",
    "Urban", "Velvet", "Vital", "Vivid", "Warm", "Whole", "Wild", "Wise", "Wonder", "Young",
)  # fmt: skip
_PAIRED_B = (
    "Aid", "Anchor", "Apple", "Arrow", "Bay", "Beacon", "Bear", "Bee", "Bloom", "Board", "Box", "Bridge",
    "Bridges", "Brook", "Canvas", "Care", "Castle", "Circle", "Club", "Coffee", "Compass", "Cove", "Crow",
    "Data", "Deck", "Desk", "Door", "Drop", "Dynamics", "Eagle", "Earth", "Edge", "Exchange", "Factory",
    "Falcon", "Farm", "Finance", "Fish", "Flame", "Force", "Forest", "Fox", "Garden", "Gate", "Global", "Goods",
    "Guide", "Harbor", "Health", "Hive", "House", "Index", "Initiative", "Island", "Journal", "Karma", "Kitchen",
    "Lab", "Leaf", "Ledger", "Lens", "Library", "Lift", "Light", "Lion", "List", "Loop", "Map", "Market",
    "Markets", "Mind", "Moon", "Mountain", "Nest", "Network", "Oak", "Owl", "Page", "Path", "Penguin", "Pilot",
    "Pine", "Planet", "Point", "Post", "Project", "Rabbit", "Report", "River", "Robot", "Rocket", "Room",
    "School", "Scout", "Sense", "Shop", "Signal", "Smile", "Space", "Spring", "Square", "Station", "Stone",
    "Story", "Street", "Table", "Tank", "Team", "Tiger", "Tower", "Track", "Tree", "Turtle", "Union", "View",
    "Village", "Vision", "Wagon", "Watch", "Wave", "Wheel", "Wind", "Wolf", "Works", "Yard",
)  # fmt: skip
_FORMS = {
    "en": ("Inc.", "Inc", "LLC", "Ltd", "Ltd.", "Corp.", "Corporation", "Co.", "Group", "PLC", "& Co.", "LP",
           "& Sons", "Company", "Holdings", "Limited", "LLP"),
    "de": ("GmbH", "AG", "KG", "GmbH & Co. KG", "OHG", "e.V.", "SE", "mbH", "Stiftung"),
    "fr": ("SA", "SARL", "SAS", "et Fils", "SNC", "Groupe"),
    "es": ("S.A.", "S.L.", "S.A. de C.V.", "e Hijos", "S.L.U."),
    "it": ("S.p.A.", "S.r.l.", "e figli", "SNC", "s.r.l."),
    "nl": ("B.V.", "N.V.", "BV", "VOF", "& Zonen", "Stichting"),
}  # fmt: skip
_BODIES = {
    "en": ("University of {c}", "{c} University", "{c} General Hospital", "St. {f}'s Hospital", "Bank of {c}",
           "{c} Medical Center", "{c} Police Department", "{c} Public Schools", "{c} City Council",
           "{c} Community College", "Church of St. {f}", "{l} Foundation", "{l} & {l2} LLP", "{l} Law Group",
           "Law Offices of {f} {l}", "{c} Chamber of Commerce", "{c} School District", "{c} Times",
           "{c} Herald", "{c} Gazette", "{c} United", "{c} Tigers", "{c} Symphony Orchestra", "{l} College",
           "Institute for {n} Research", "Association of {n}", "Ministry of Health", "{c} Family Practice",
           "{l} Elementary School", "{c} Credit Union", "{l} Brothers", "{l}, {l2} and {l3}", "{l}-{l2}",
           "{l} Memorial Hospital", "{c} Clinic", "{c} Water Authority", "{c} County Sheriff's Office"),
    "de": ("Universität {c}", "Klinikum {c}", "Stadtwerke {c}", "Sparkasse {c}", "Amtsgericht {c}",
           "Landgericht {c}", "Volksbank {c}", "FC {c}", "TSV {c}", "Stadt {c}", "{l} & Partner",
           "Autohaus {l}", "Bäckerei {l}", "Kanzlei {l}", "Gymnasium {c}", "Hochschule {c}", "Finanzamt {c}"),
    "fr": ("Université de {c}", "CHU de {c}", "Mairie de {c}", "Banque de {c}", "Tribunal de {c}", "FC {c}",
           "Clinique Saint-{f}", "Lycée {l}", "Cabinet {l}", "Garage {l}", "Boulangerie {l}", "Fondation {l}"),
    "es": ("Universidad de {c}", "Hospital de {c}", "Ayuntamiento de {c}", "Banco de {c}", "Juzgado de {c}",
           "Clínica San {f}", "Grupo {l}", "Bufete {l}", "Talleres {l}", "Fundación {l}", "CD {c}"),
    "it": ("Università di {c}", "Ospedale di {c}", "Comune di {c}", "Banca di {c}", "Tribunale di {c}",
           "Clinica San {f}", "Studio Legale {l}", "Gruppo {l}", "Officina {l}", "Fondazione {l}", "AC {c}"),
    "nl": ("Universiteit {c}", "Ziekenhuis {c}", "Gemeente {c}", "Rechtbank {c}", "Bakkerij {l}", "FC {c}",
           "Advocatenkantoor {l}", "Stichting {l}", "Garage {l}", "Basisschool {l}", "Woningcorporatie {c}"),
}  # fmt: skip


def organisation(rng: Random, language: str, town: str) -> str:
    """Make an organisation up, or name a known one."""
    if rng.random() < _ONE_WORD:
        return coined(rng, pick(rng, ("last", "town")))
    roll = rng.random()
    if roll < 0.12:
        return pick(rng, _KNOWN)
    if roll < (0.52 if language == "en" else 0.36):
        made, formal = _invented(rng, roll)
        return f"{made} {pick(rng, _FORMS[language])}" if rng.random() < formal else made
    last = pool(_home(rng, language), "last_name")
    if roll < 0.75:
        form = pick(rng, _BODIES[language])
        return form.format(
            c=town, l=pick(rng, last), l2=pick(rng, last), l3=pick(rng, last), n=pick(rng, _NOUNS),
            f=pick(rng, pool(_home(rng, language), "first_name_male")),
        )  # fmt: skip
    if roll < 0.85:
        return f"{pick(rng, last)} {pick(rng, (*_FORMS[language], *_NOUNS[:40]))}"
    company = pick(rng, pool(_home(rng, language), "company"))
    return company.upper() if rng.random() < 0.04 else company


def _invented(rng: Random, roll: float) -> tuple[str, float]:
    """Coin a name of plain words or syllables; and say how often its legal form is written."""
    if roll < 0.2:
        paired = f"{pick(rng, _PAIRED_A)} {pick(rng, _PAIRED_B)}"
        return (paired if rng.random() < 0.75 else paired.replace(" ", "")), 0.25
    if roll < 0.36:
        front, back = pick(rng, _COINED_A), pick(rng, _COINED_B)
        return (front + back if rng.random() < 0.7 else front + back.title()), 0.4
    return f"{pick(rng, _ADJECTIVES)} {pick(rng, _NOUNS)}", 0.5


def _home(rng: Random, language: str) -> str:
    names, weights = zip(*HOME[language], strict=True)
    chosen = str(rng.choices(names, weights)[0])
    return chosen if not chosen.endswith("Latn") else str(names[0])


_JOBS = {"en": "en_US", "de": "de_DE", "fr": "fr_FR", "es": "es_ES"}
_MORE_JOBS = (
    "CEO", "CTO", "CFO", "Managing Director", "Vice President of Sales", "VP Marketing", "Head of Finance",
    "Senior Software Engineer", "Software Engineer", "Data Scientist", "Project Manager", "Product Manager",
    "Registered Nurse", "Nurse Practitioner", "Cardiologist", "Attending Physician", "Pharmacist", "Dentist",
    "Attorney at Law", "Paralegal", "Partner", "Associate", "General Counsel", "Legal Assistant", "Clerk",
    "Teacher", "Professor of Biology", "Research Fellow", "PhD student", "School Principal", "Librarian",
    "Plumber", "Electrician", "Carpenter", "Truck driver", "Cashier", "Waiter", "Chef", "Bartender", "Farmer",
    "Accountant", "Auditor", "Bookkeeper", "Receptionist", "Office Manager", "Executive Assistant",
    "Sales Representative", "Account Executive", "Customer Service Representative", "Marketing Director",
    "Journalist", "Editor", "Photographer", "Graphic Designer", "Architect", "Civil Engineer", "Surveyor",
    "Police Officer", "Firefighter", "Paramedic", "Detective", "Security Guard", "Pilot", "Flight Attendant",
    "Social Worker", "Psychologist", "Physical Therapist", "Radiologist", "Surgeon", "Midwife", "Optician",
    "Systems Administrator", "Network Engineer", "DevOps Engineer", "Security Analyst", "Business Analyst",
    "Human Resources Manager", "Recruiter", "Real Estate Agent", "Insurance Broker", "Bank Teller", "Economist",
    "Operations Lead", "Chief Medical Officer", "Director of Nursing", "Compliance Officer", "Case Manager",
)  # fmt: skip


_LOCAL_JOBS = {
    "it": """avvocato medico infermiera insegnante impiegato operaio architetto ingegnere commessa ragioniere
        giornalista farmacista cuoco cameriera autista elettricista idraulico falegname parrucchiera
        dirigente consulente segretaria contabile traduttrice agricoltore notaio veterinario""",
    "nl": """advocaat huisarts verpleegkundige leraar docent ambtenaar metselaar architect ingenieur verkoper
        boekhouder journalist apotheker kok ober vrachtwagenchauffeur elektricien loodgieter timmerman
        kapper directeur adviseur secretaresse accountant vertaler boer notaris dierenarts""",
}  # fmt: skip


def job(rng: Random, language: str) -> str:
    """Return what somebody does for a living."""
    if language in _LOCAL_JOBS:
        return pick(rng, _LOCAL_JOBS[language].split())
    if language == "en" and rng.random() < 0.6:
        return pick(rng, _MORE_JOBS)
    return pick(rng, pool(_JOBS[language], "job"))
