"""Words that tell what the values of a column are: in small letters, without accents.

English, German, French, Spanish, Italian and Dutch; written for this file.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


def _list(words: str) -> frozenset[str]:
    """Return words, and phrases whose words are joined by hyphens."""
    return frozenset(word.replace("-", " ").strip() for word in words.split())


SEX = _list("""
    m f w d x u h v mf male female males females man woman men women boy girl mann frau
    maennlich mannlich weiblich divers homme femme masculin feminin hombre mujer masculino
    femenino varon hembra maschio femmina uomo donna femminile maschile vrouw vrouwelijk
    mannelijk nonbinary non-binary transgender other diverse unspecified
""")
MALE = _list("""
    m h male males man men boy mann maennlich mannlich homme masculin hombre masculino varon
    maschio uomo maschile mannelijk
""")
FEMALE = _list("""
    f w v female females woman women girl frau weiblich femme feminin mujer femenino hembra
    femmina donna femminile vrouw vrouwelijk
""")
MARITAL = _list("""
    single married divorced widowed widow widower separated never-married unmarried partnered
    cohabiting engaged ledig verheiratet geschieden verwitwet getrennt celibataire marie mariee
    divorce divorcee veuf veuve separe separee pacse pacsee soltero soltera casado casada
    divorciado divorciada viudo viuda separado separada celibe nubile coniugato coniugata
    divorziato divorziata vedovo vedova gehuwd ongehuwd gescheiden weduwe weduwnaar
""")
EDUCATION = _list("""
    bachelor bachelors master masters doctorate doctoral phd mba graduate undergraduate
    postgraduate hs-grad school highschool secondary primary preschool college associate
    associates assoc diploma degree kindergarten 1st-4th 5th-6th 7th-8th 9th 10th 11th 12th ged
    vocational abitur hauptschule realschule gymnasium fachhochschule hochschule universitat
    lehre promotion bac baccalaureat licence doctorat bep cap brevet bachillerato licenciatura
    licenciado universitario primaria secundaria doctorado laurea diploma licenza media
    superiori basisonderwijs vmbo havo vwo mbo hbo wo
""")
WORK = _list("""
    employed unemployed self-employed self-emp-inc self-emp-not-inc self employed retired
    student part-time full-time parttime fulltime freelance freelancer homemaker private
    state-gov federal-gov local-gov without-pay never-worked government intern apprentice
    contractor angestellt arbeitslos selbststandig rentner beamter employe chomeur retraite
    etudiant empleado desempleado autonomo jubilado estudiante occupato disoccupato pensionato
    studente werkzaam werkloos gepensioneerd zelfstandig
""")
OCCUPATIONS = _list("""
    accountant actor adviser advisor agent analyst animator architect artist assembler assistant
    associate astronomer attendant attorney auditor baker banker barber bartender biologist
    bookkeeper bricklayer broker builder butcher buyer captain caretaker carpenter cashier
    caterer ceo cfo chairperson chauffeur chef chemist cleaner clerk coach collector conductor
    consultant contractor controller cook coordinator coroner counselor courier cto curator
    custodian dealer dentist designer detective developer dietitian director dispatcher doctor
    draftsman drafter driver economist editor educator electrician engineer epidemiologist
    estimator examiner executive farmer farmworker firefighter fisher fitter florist forester
    gardener geologist groomer guard guide hairdresser handler handyman handymen historian
    housekeeper illustrator inspector installer instructor interpreter interviewer investigator
    janitor jeweler journalist judge laborer labourer lawyer lecturer legislator librarian
    lieutenant lifeguard loader locksmith machinist maid manager manicurist marketer mason
    mechanic merchandiser merchant metalworker midwife miner model musician nanny nurse
    nutritionist officer operator optician optometrist paralegal paramedic patrol pharmacist
    photographer physician physicist pilot planner plumber police porter postman principal
    producer professor programmer psychologist radiologist ranger realtor receptionist recruiter
    referee repairer reporter representative researcher retailer rigger roofer sailor salesman
    salesperson saleswoman scientist scout sculptor secretary seller servant shopkeeper singer
    sociologist soldier specialist statistician steward stewardess student stylist
    superintendent supervisor surgeon surveyor tailor teacher technician technologist
    telemarketer teller therapist trader trainer translator treasurer tutor undertaker
    upholsterer vendor veterinarian videographer vocalist waiter waitress warden watchmaker
    weaver welder worker writer tech-support craft-repair other-service sales exec-managerial
    prof-specialty handlers-cleaners machine-op-inspct adm-clerical farming-fishing
    transport-moving priv-house-serv protective-serv armed-forces arzt arztin lehrer lehrerin
    ingenieur ingenieurin verkaufer verkauferin koch kochin krankenschwester krankenpfleger
    buchhalter mechaniker elektriker tischler maurer backer kaufmann kauffrau sekretarin anwalt
    anwaltin richter polizist informatiker medecin infirmier infirmiere enseignant professeur
    ingenieur avocat comptable vendeur vendeuse cuisinier macon ouvrier technicien secretaire
    chauffeur directeur directrice medico medica enfermero enfermera maestro maestra profesor
    profesora ingeniero ingeniera abogado abogada contador vendedor vendedora cocinero albanil
    obrero tecnico secretaria conductor infermiere infermiera insegnante ingegnere avvocato
    ragioniere commesso cuoco muratore operaio impiegato impiegata autista arts verpleegkundige
    leraar lerares docent advocaat boekhouder verkoper kok metselaar monteur chauffeur
    secretaresse
""")
FAMILY = _list("""
    husband wife own-child child son daughter mother father parent sibling brother sister spouse
    partner not-in-family other-relative unmarried grandchild grandparent head relative in-law
    ehemann ehefrau kind sohn tochter mutter vater mari femme fils fille mere pere enfant
    conjoint esposo esposa hijo hija madre padre marito moglie figlio figlia coniuge echtgenoot
    echtgenote zoon dochter moeder vader
""")
ETHNIC = _list("""
    white black asian hispanic latino latina latinx caucasian africanamerican african-american
    african american asian-pac-islander amer-indian-eskimo indian native pacific islander mixed
    multiracial biracial arab arabic jewish roma romani sinti indigenous aboriginal maori
    european alaska hawaiian mestizo mulatto han coloured colored white-british ethnicity
""")
# These are also colours and kinds of anything.
ETHNIC_OR_COLOUR = _list("""
    white black mixed coloured colored pacific islander native
""")
RELIGIONS = _list("""
    christian christianity catholic roman-catholic protestant lutheran anglican baptist
    methodist orthodox evangelical mormon muslim islam islamic sunni shia jewish judaism hindu
    hinduism buddhist buddhism sikh sikhism jain atheist agnostic pagan quaker adventist
    pentecostal christlich katholisch evangelisch muslimisch judisch hinduistisch buddhistisch
    konfessionslos romisch-katholisch chretien chretienne catholique protestant musulman
    musulmane juif juive athee bouddhiste cristiano cristiana catolico catolica musulman judio
    judia ateo budista cattolico cattolica musulmano ebreo ebraico buddista katholiek
    protestants islamitisch joods hindoe boeddhistisch
""")
PARTIES = _list("""
    democrat democrats democratic republican republicans libertarian greens labour conservative
    conservatives tory liberal liberals socialist communist nationalist centrist cdu csu spd fdp
    grune linke afd bsw lr rn ps lfi psoe pp podemos vox sumar pd m5s lega forza fdi vvd d66 pvv
    groenlinks pvda cda ukip snp plaid left-wing right-wing
""")
ORIENTATIONS = _list("""
    heterosexual homosexual bisexual straight gay lesbian asexual pansexual queer heterosexuell
    homosexuell bisexuell schwul lesbisch heterosexuel heterosexuelle homosexuel homosexuelle
    bisexuel bisexuelle lesbienne eterosessuale omosessuale bisessuale lesbica heteroseksueel
    homoseksueel biseksueel
""")
CONDITIONS = _list("""
    diabetes diabetic cancer carcinoma tumor tumour leukemia lymphoma melanoma asthma copd
    hypertension hypotension stroke infarction heart cardiac angina arrhythmia fibrillation
    pneumonia bronchitis influenza covid covid-19 hiv aids hepatitis tuberculosis malaria sepsis
    depression anxiety schizophrenia bipolar autism adhd dementia alzheimer alzheimers parkinson
    parkinsons epilepsy migraine arthritis osteoporosis anemia anaemia obesity allergy eczema
    psoriasis gastritis ulcer colitis crohn crohns celiac nephritis renal kidney cirrhosis
    fracture sclerosis fibrosis gout thyroid hypothyroidism hyperthyroidism infection syndrome
    disease disorder krebs herzinfarkt bluthochdruck schlaganfall demenz lungenentzundung
    depressionen diabete hypertendu asthme grippe cancer demence hipertension asma gripe
    depresion demencia ipertensione asma depressione demenza polmonite
""")
BLOOD = _list("""
    a+ a- b+ b- ab+ ab- o+ o- 0+ 0- a b ab o
""")
HONORIFICS = _list("""
    mr mrs ms miss mx dr prof sir madam rev hon herr frau fraulein mme mlle monsieur madame
    mademoiselle sr sra srta dona senor senora senorita sig signor signora signorina dott
    dottoressa dhr mevr mevrouw meneer mister doctor professor
""")
CARDS = _list("""
    visa mastercard amex maestro discover jcb diners unionpay electron girocard elo mir rupay
    vpay cirrus
""")
LANGUAGES = _list("""
    english german french spanish italian dutch portuguese russian chinese mandarin cantonese
    japanese korean arabic hindi bengali punjabi urdu turkish polish ukrainian romanian greek
    hungarian czech swedish danish norwegian finnish vietnamese thai indonesian malay tagalog
    hebrew persian farsi swahili deutsch englisch franzosisch francais anglais espagnol espanol
    ingles italiano nederlands engels
""")
STREETS = _list("""
    street st avenue ave av road rd lane ln drive dr boulevard blvd court ct way place pl square
    sq terrace ter highway hwy parkway pkwy circle cir trail trl crescent cres close grove
    gardens alley plaza row walk mews hill rise pike quay path strasse str gasse weg platz allee
    ring ufer damm chaussee rue chemin impasse quai cours calle avenida avda paseo carrera
    camino plaza via viale piazza corso vicolo largo straat laan plein gracht kade singel dreef
    steenweg ulica ul rua travessa estrada vej gade vag vagen gata gatan katu tie utca ut ter
    korut utja cesta trg ulitsa prospekt box po postfach apartado postbus
""")
STREET_ENDINGS = (
    "strasse", "str", "gasse", "weg", "allee", "platz", "straat", "laan", "gatan", "vagen", "vej",
    "gade", "vegen", "gata", "katu", "tie", "utca",
)  # fmt: skip
COMPANIES = _list("""
    inc incorporated corp corporation co company companies ltd limited llc llp lp plc gmbh ag kg
    ohg ug mbh kgaa se ev sa sas sarl eurl bv nv vof spa srl snc sl slu oy oyj ab as aps asa pty
    pvt kk bank group holding holdings partners associates sons bros brothers services solutions
    systems technologies industries enterprises foods stores store markets university hospital
    institute agency insurance consulting logistics motors airlines
""")
STATES = _list("""
    al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm
    ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy dc pr
""")
REGIONS = _list("""
    alabama alaska arizona arkansas california colorado connecticut delaware florida georgia
    hawaii idaho illinois indiana iowa kansas kentucky louisiana maine maryland massachusetts
    michigan minnesota mississippi missouri montana nebraska nevada ohio oklahoma oregon
    pennsylvania tennessee texas utah vermont virginia wisconsin wyoming hampshire jersey
    carolina dakota ontario quebec alberta manitoba saskatchewan queensland victoria tasmania
    bayern berlin brandenburg bremen hamburg hessen niedersachsen nordrhein-westfalen
    rheinland-pfalz saarland sachsen sachsen-anhalt schleswig-holstein thuringen
    baden-wurttemberg bretagne normandie occitanie corse ile-de-france grand-est hauts-de-france
    nouvelle-aquitaine andalucia aragon asturias cantabria cataluna catalunya extremadura
    galicia murcia navarra madrid valencia lombardia veneto piemonte toscana sicilia sardegna
    puglia campania calabria liguria umbria lazio abruzzo limburg utrecht gelderland overijssel
    drenthe friesland groningen zeeland flevoland noord-brabant zuid-holland noord-holland
""")
# Nothing is said by these, whatever the column holds.
UNKNOWN = _list("""
    unknown other others none na n/a nan null missing unspecified ? - -- . unknown/invalid
    not-specified undisclosed refused unbekannt sonstige keine autre inconnu aucun otro
    desconocido ninguno altro sconosciuto nessuno overig onbekend geen
""")


@cache
def countries() -> frozenset[str]:
    """Return names of countries in six languages (Unicode CLDR, GeoNames)."""
    return frozenset(name.replace("-", " ") for name in _listed("countries").splitlines())


@cache
def country_codes() -> frozenset[str]:
    """Return ISO 3166 codes of two and three letters."""
    return frozenset(_listed("country_codes").split())


@cache
def nationalities() -> frozenset[str]:
    """Return nationalities in six languages; two words are joined by a hyphen."""
    return _list(_listed("nationalities"))


def _listed(name: str) -> str:
    file = resources.files("strongroom.discover.columns").joinpath(f"lists/{name}.txt")
    return file.read_text("utf-8")
