"""What harms when it comes out: special categories of GDPR Art. 9, crime (Art. 10), money."""

from __future__ import annotations

from strongroom.data import Role
from strongroom.discover.columns import _shapes as shapes
from strongroom.discover.columns._fits import being, diagnoses, few, holding, shaped, varied
from strongroom.discover.columns._sort import Sort
from strongroom.discover.columns._words import (
    BLOOD,
    CONDITIONS,
    ORIENTATIONS,
    PARTIES,
    RELIGIONS,
)

_SENSITIVE = Role.SENSITIVE
HEALTH = "health (GDPR Art. 9)"
_BELIEF = "religion or belief (GDPR Art. 9)"
_POLITICS = "political opinion (GDPR Art. 9)"
_SEX_LIFE = "sexual orientation (GDPR Art. 9)"
_CRIME = "criminal record (GDPR Art. 10)"

SENSITIVE = (
    Sort(
        "religion",
        "religion",
        _SENSITIVE,
        r"""
        religio(?:n|us)(?: ?(?:belief|affiliation|group|denomination))?|church(?: ?(?:member|tax))?|
        denomination|konfession|glaube|religionszugehorigkeit|kirchensteuer|
        (?:creencia )?religi(?:on|osa)|religione|confessione|godsdienst|geloof|kerk|
        philosophical belief|worldview
        """,
        exactly="faith|culte|confession|fede",
        reason=_BELIEF,
        entity="NRP",
    ),
    Sort(
        "religion",
        "religion",
        _SENSITIVE,
        reason=_BELIEF,
        entity="NRP",
        fits=few(holding(RELIGIONS)),
        alone=0.9,
    ),
    Sort(
        "politics",
        "political opinion",
        _SENSITIVE,
        r"""
        politic(?:al|s)(?: ?(?:part(?:y|ies)|opinions?|views?|affiliation|leaning|orientation|
        ideology))?|party(?: ?(?:affiliation|membership|id|registration|member))?|
        partei(?:zugehorigkeit)?|vote intention|opinion politique|partido(?: politico)?|voto|
        partito|partij(?:lidmaatschap)?|stemgedrag
        """,
        exactly=r"""
        vot(?:e|ed|es|ing)(?: ?(?:intention|choice|for))?|ideology|parti(?: politique)?|ideologia
        """,
        reason=_POLITICS,
        entity="NRP",
    ),
    Sort(
        "politics",
        "political opinion",
        _SENSITIVE,
        reason=_POLITICS,
        entity="NRP",
        fits=few(holding(PARTIES), 20),
        alone=0.9,
    ),
    Sort(
        "union",
        "trade union",
        _SENSITIVE,
        r"""
        gewerkschaft(?:smitglied(?:schaft)?)?|syndicat|syndique|sindicato|afiliacion sindical|
        sindacato|vakbond(?:slid)?
        """,
        exactly="(?:trade |labou?r )?union(?: ?(?:member(?:ship)?|status|name))?",
        reason="trade union membership (GDPR Art. 9)",
    ),
    Sort(
        "sex_life",
        "sexual orientation",
        _SENSITIVE,
        r"""
        sex(?:ual)? ?(?:orientation|preference|life|history|activity|partners?)|lgbtq?(?:ia)?|
        number of sexual partners|sexuelle orientierung|orientation sexuelle|orientacion sexual|
        orientamento sessuale|seksuele (?:geaardheid|voorkeur)|gender reassignment|transgender
        """,
        exactly="orientation",
        reason=_SEX_LIFE,
    ),
    Sort(
        "sex_life",
        "sexual orientation",
        _SENSITIVE,
        reason=_SEX_LIFE,
        fits=few(holding(ORIENTATIONS), 20),
        alone=0.8,
    ),
    Sort(
        "genetic",
        "",
        _SENSITIVE,
        r"""
        genotypes?|genom(?:e|ic)(?: ?(?:data|sequence))?|genetic(?:s| ?(?:data|marker|test|risk|
        variant))?|dna(?: ?(?:sequence|profile))?|rna|snps?|rs ?\d+|alleles?|brca ?\d?|haplotype|
        karyotype|apoe|genotyp|erbgut|genetique|genetico|genetica|genetisch
        """,
        exactly="mutation",
        reason="genetic data (GDPR Art. 9)",
    ),
    Sort(
        "genetic",
        "gene sequence",
        _SENSITIVE,
        reason="genetic data (GDPR Art. 9)",
        fits=varied(shaped(r"^\s*(?:[ACGTN]{20,}|rs\d{3,})\s*$")),
        alone=0.9,
    ),
    Sort(
        "biometric",
        "",
        _SENSITIVE,
        r"""
        biometrics?(?: ?(?:data|id|template|hash))?|finger ?prints?(?: ?(?:hash|template|id))?|
        (?:face|facial) ?(?:print|id|embedding|encoding|template|vector|recognition|features?)|
        iris(?: ?(?:scan|code))?|retina(?: ?scan)?|voice ?(?:print|template|id)|palm ?print|gait|
        keystroke ?dynamics|fingerabdruck|gesichtserkennung|empreinte(?: digitale)?|
        huella(?: dactilar)?|impronta digitale|vingerafdruk|biometri(?:sch|que|co)
        """,
        reason="biometric data (GDPR Art. 9)",
    ),
    Sort(
        "health",
        "",
        _SENSITIVE,
        r"""
        diag(?:nos[ei]s|nostics?|noses)?(?: ?(?:\d|code|desc|description|primary|text))*|
        dx(?: ?(?:code|\d))?|icd ?(?:9|10|11)?(?: ?(?:cm|code|pcs))*|snomed(?: code)?|loinc|
        atc(?: ?code)?|drg|cpt(?: code)?|ndc|diseases?|illness(?:es)?|symptoms?|comorbidit(?:y|ies)|
        medications?(?: ?(?:name|list|dose))?|medicines?|prescriptions?|rx|medical ?(?:condition|
        history|speciality|specialty|notes?|problem)|health(?: ?(?:status|condition|score))?|
        (?:clinical|nursing|physician) ?notes?|hiv(?: ?status)?|disab(?:ility|led|
        ilities)(?: ?status)?|pregnan(?:t|cy|cies)(?: ?status)?|gravidity|menopause|
        contracepti(?:on|ve)|abortion|bmi|blood ?(?:type|group|pressure|sugar|glucose|test)|(?:sys|
        dia)(?:tolic)?(?: ?(?:bp|blood pressure))?|(?:heart|pulse|respiratory) ?rate|resting ?(?:bp|
        ecg)|rest ?ecg|trestbps|thalach|exang|oldpeak|(?:max )?glu(?:cose)?(?: ?(?:serum|level))?|
        a1 ?c(?: ?result)?|hb ?a1 ?c|chol(?:esterol)?|hdl|ldl|triglycerides|creatinine|hemoglobin|
        haemoglobin|platelets|wbc|rbc|albumin|bilirubin|(?:medical|health|chronic) conditions?|
        allerg(?:y|ies|ic)|immuni[sz]ations?|vaccin(?:e|ation|ated)(?: ?status)?|covid(?: ?(?:19|
        test|status|result))*|mental ?(?:health|illness|disorder)|psych(?:iatric|
        ological)?(?: ?history)?|depression|anxiety|suicid(?:e|al)|phq ?9|smok(?:er|ing|es|
        e)(?: ?(?:status|history))?|tobacco|alcohol(?: ?(?:use|intake|consumption))?|drinking|
        substance ?(?:use|abuse)|insulin|diabet(?:es|ic)(?: ?(?:med|status|type|
        pedigree function))?|cancer(?: ?stage)?|tumou?r(?: ?size)?|stroke|asthma|copd|
        heart ?(?:disease|attack|failure)|hyper ?tension|cardio(?:vascular)?|chest ?pain(?: type)?|
        cp type|angina|anemia|anaemia|lab ?(?:results?|tests?|values?)|pathology|biopsy|surgery|
        surgeries|admission ?(?:diagnosis|reason)|reason for (?:visit|admission)|chief complaint|
        cause of death|krankheit(?:en)?|diagnose(?:n)?|erkrankung|medikament(?:e)?|medikation|
        behinderung(?:sgrad)?|schwerbehindert|schwangerschaft|labor ?werte?|blutwerte?|blutgruppe|
        blutdruck|krankenstand|allergien|impfstatus|maladies?|medicaments?|symptomes?|grossesse|
        groupe sanguin|sante|enfermedad(?:es)?|diagnostico|medicamentos?|medicacion|sintomas?|
        discapacidad|embarazo|grupo sanguineo|salud|malattia|malattie|diagnosi|farmac(?:o|i)|
        terapia|sintomi|disabilita|gravidanza|gruppo sanguigno|salute|patologia|ziekte|aandoening|
        medicijnen|medicatie|klachten|zwanger(?:schap)?|bloedgroep|gezondheid|sick ?(?:leave|days)|
        krankheitstage|arret maladie
        """,
        exactly=r"""
        treatments?|therap(?:y|ies)|drugs?(?: ?name)?|dos(?:e|age)|aids|std|handicap|impairment|
        parity|bp|sodium|potassium|test ?results?|procedures?(?: ?code)?|befund|diagnostic|
        traitement|handicap|tratamiento|behandeling|handicap
        """,
        reason=HEALTH,
    ),
    Sort(
        "medication",
        "",
        _SENSITIVE,
        # Stems of international non-proprietary names (WHO, "The use of stems", 2018).
        r"""
        (?:[a-z]*(?:formin|glitazone?|gliptin|gliflozin|glinide|glutide|statin|sartan|olol|prazole|
        tidine|dipine|
        cillin|mycin|micin|cycline|floxacin|conazole|vudine|navir|tegravir|buvir|ciclovir|
        umab|zumab|ximab|tinib|ciclib|rubicin|platin|taxel|trexate|zepam|zolam|azepine|
        oxetine|traline|ipramine|triptyline|triptan|apine|peridone|peridol|setron|caine|profen|coxib|
        fibrate|xaban|gatran|parin|terol|sone|solone|lukast|thiazide|semide|dronate|urea|
        butamide|azamide|propamide|hexamide|glitol|arbose|thyroxine|codone|morphone|fentanil?|
        racetam|prost)|
        gli[a-z]+|gly(?:buride|clazide)|[a-z]{3,}(?<!m)pril|lithium|warfarin|aspirin|paracetamol|
        acetaminophen|metamizole?|
        morphine|codeine|methadone|naloxone|digoxin|heparin|insulin[a-z ]*|citoglipton|examide|
        nateglinide|repaglinide)(?: (?:[a-z]*(?:formin|glitazone|gliptin)|mg|dose))*
        """,
        reason="health (GDPR Art. 9): a drug that was given",
        fits=lambda profile: float(profile.distinct <= 30 or profile.numbers is not None),  # noqa: PLR2004
    ),
    Sort(
        "diagnosis",
        "category (ICD-10)",
        _SENSITIVE,
        reason=HEALTH,
        entity="MEDICAL_CODE",
        fits=shaped(shapes.ICD10),
        alone=0.5,
    ),
    Sort(
        "diagnosis",
        "category (ICD-9)",
        _SENSITIVE,
        reason=HEALTH,
        entity="MEDICAL_CODE",
        fits=diagnoses,
        alone=0.95,
        blind=True,
    ),
    Sort(
        "medication",
        "category (ATC)",
        _SENSITIVE,
        reason="health (GDPR Art. 9): a drug that was given",
        entity="MEDICAL_CODE",
        fits=shaped(shapes.ATC),
        alone=0.7,
    ),
    Sort(
        "health",
        "diagnosis",
        _SENSITIVE,
        reason=HEALTH,
        fits=few(holding(CONDITIONS), 2_000),
        alone=0.9,
    ),
    Sort(
        "blood_group",
        "blood group",
        _SENSITIVE,
        reason=HEALTH,
        fits=lambda profile: few(being(BLOOD), 8)(profile) if profile.share(r"[+-]") else 0.0,
        alone=0.9,
    ),
    Sort(
        "crime",
        "",
        _SENSITIVE,
        r"""
        (?:criminal|arrest|police|court|prison|jail)(?: ?(?:records?|history|status|case))?|
        arrests?(?: ?count)?|(?:juv(?:enile)? )?(?:fel(?:on(?:y|ies))?|
        misd(?:emeanou?rs?)?)(?: ?counts?)?|juv(?:enile)? (?:other )?counts?|
        (?:[a-z]{1,2} )?(?:charges?|charge (?:degree|desc(?:ription)?|code|type))|convict(?:ed|
        ions?)|(?:priors?|previous) ?(?:counts?|offen[cs]es?|convictions?|arrests?|record)|priors|
        offen[cs]es?(?: ?(?:code|type|desc(?:ription)?))?|offender|sentence(?: ?length)?|parole|
        (?:is |two year |one year |violent |is violent )*recid(?:ivism|ivist)?|crimes?(?: ?(?:type|
        code))?|fraud ?record|vorstrafen|straftat(?:en)?|fuhrungszeugnis|casier judiciaire|
        condamnation|antecedentes(?: penales)?|delito|precedenti(?: penali)?|reato|strafblad|
        misdrijf|veroordeling
        """,
        exactly="probation|delikt|infraction|condena|condanna",
        reason=_CRIME,
        fits=lambda profile: float(profile.distinct_share <= 0.9 or profile.kind == "text"),  # noqa: PLR2004
    ),
    Sort(
        "money",
        "",
        _SENSITIVE,
        r"""
        (?:annual |monthly |yearly |gross |net |base |total |household |family |hourly |applicant |
        co ?applicant )*(?:salar(?:y|ies)|wages?|incomes?|pay|earnings?|compensation|
        bonus)(?: ?(?:usd|eur|gbp|amount|range|band|class|level|k|per year|per month))*|net ?worth|
        wealth|capital ?(?:gains?|loss(?:es)?)|propert(?:y|ies)(?: ?(?:magnitude|value))|
        credit ?(?:score|rating|history|amount|limit|usage|utili[sz]ation)|fico(?: ?score)?|
        existing ?credits|debts?|dti|bankrupt(?:cy|cies)|savings?(?: ?(?:status|account|balance))*|
        check(?:ing)?(?: ?(?:account|status))*|loan ?(?:amount|amt|status)|mortgage(?: ?amount)?|
        delinquen(?:t|cy|cies)|welfare|social ?(?:assistance|benefits?)|gehalt|lohn|einkommen|
        vermogen|schulden|bonitat|schufa(?: ?score)?|kontostand|salaire|revenus?|dettes?|patrimoine|
        salario|sueldo|ingresos|deudas?|patrimonio|stipendio|reddito|debiti|salaris|loon|inkomen|
        vermogen
        """,
        exactly=r"""
        assets|(?:account |current )?balance|defaults?|benefits?|pension|renta|schuld(?:en)?
        """,
        reason="income or wealth, harmful when it comes out",
    ),
)
