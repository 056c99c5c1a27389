"""Short word lists, written by hand; every word in small letters."""

from __future__ import annotations

_LISTS = {
    "title": """
        mr mrs ms miss mx dr prof professor doctor sir madam madame lord lady rev reverend father
        sister brother rabbi imam fr hon judge justice captain capt colonel col lt lieutenant sgt
        sergeant major maj general gen admiral adm cmdr commander pvt private cpl corporal
        president pres senator sen rep congressman congresswoman governor gov mayor minister
        secretary chancellor king queen prince princess duke duchess baron baroness count countess
        emperor pope bishop archbishop cardinal saint st dame sheikh sultan ambassador councillor
        herr frau fräulein dipl ing mag monsieur mademoiselle mme mlle me maître señor señora
        señorita sr sra srta don doña signor signora signorina sig dott dottore dottoressa
        avv meneer mevrouw dhr mevr mw drs jr esq phd md dds dvm cpa rn
    """,
    "organisation_ending": """
        inc incorporated corp corporation co company ltd limited llc llp lp plc pllc pc gmbh ag kg
        ohg ug mbh kgaa se ev sa sas sarl eurl sprl bv nv vof cv spa srl snc sl slu ab as asa oy
        oyj aps pty pte pvt kk sdn bhd sp zoo kft zrt doo ooo sro holdings holding group partners
        associates sons brothers bros
    """,
    "organisation_word": """
        bank university college school institute institution academy hospital clinic medical
        foundation trust fund agency department ministry office bureau commission committee council
        association society union federation league club team party church temple museum library
        theatre theater orchestra band records studios pictures films entertainment productions
        media press times news journal post herald tribune gazette magazine radio television
        network channel airlines airways air motors automotive industries enterprises systems
        technologies technology tech software solutions services consulting capital financial
        finance insurance investments securities energy oil gas power electric foods pharmacy
        pharmaceuticals health healthcare laboratories labs research international global worldwide
        national federal united american royal police army navy force court senate congress
        parliament assembly house government authority administration board corps division brigade
        regiment battalion squadron fc afc cf sc hotel restaurant cafe store stores market markets
        supermarket mart shop outfitters supply logistics express transport railways railway
        universität hochschule schule verein verband bund bundesamt ministerium krankenhaus
        klinik stiftung gesellschaft werke partei kirche université école hôpital banque société
        universidad escuela hospital banco sociedad partido iglesia università scuola ospedale
        banca società partito chiesa universiteit hogeschool ziekenhuis vereniging stichting
        maatschappij partij kerk
    """,
    "street": """
        street st str avenue ave av road rd lane ln drive dr court ct place pl boulevard blvd way
        terrace ter parkway pkwy circle cir square sq highway hwy trail trl loop alley crescent cres
        close grove gardens mews row walk hill rise quay esplanade turnpike pike plaza path pass
        route expressway freeway
        straße strasse gasse weg allee platz ring damm ufer stieg chaussee
        rue chemin impasse quai allée allées cours voie route boulevard bd
        calle avenida avda paseo plaza carrera camino ronda travesía carretera
        via viale piazza corso vicolo largo strada piazzale
        straat laan weg plein kade gracht singel dreef steenweg
        ulica ul ulice rua travessa avenida estrada vej gade väg vägen gata gatan katu tie utca út
        tér körút cesta trg ulitsa prospekt
    """,
    "dwelling": """
        apt apartment suite ste unit floor fl flat room rm building bldg box po pmb lot level
        wohnung etage stock postfach appartement bâtiment étage piso planta apartado interno scala
        bus appt
    """,
    "street_address_word": """
        address residing resides lives located residence home mailing billing shipping deliver
        delivery adresse anschrift wohnhaft domicilié demeurant dirección domicilio indirizzo
        residente adres wonende
    """,
    "month": """
        january february march april may june july august september october november december
        jan feb mar apr jun jul aug sep sept oct nov dec
        januar februar märz mai juni juli oktober dezember jänner
        janvier février mars avril juin juillet août septembre octobre novembre décembre
        enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre
        gennaio febbraio aprile maggio giugno luglio settembre ottobre dicembre
        januari februari maart mei augustus
    """,
    "weekday": """
        monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri
        sat sun montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
        lundi mardi mercredi jeudi vendredi samedi dimanche
        lunes martes miércoles jueves viernes sábado domingo
        lunedì martedì mercoledì giovedì venerdì sabato domenica
        maandag dinsdag woensdag donderdag vrijdag zaterdag zondag
    """,
    "time": """
        second seconds minute minutes hour hours day days week weeks weekend month months year years
        decade decades century centuries morning afternoon evening night noon midnight today
        tomorrow yesterday tonight spring summer autumn fall winter quarter annual daily weekly
        monthly yearly old aged age ago
        sekunde minute stunde stunden tag tage woche wochen monat monate jahr jahre jahren alt
        heute morgen gestern jour jours semaine semaines mois an ans année années hier demain
        aujourd día días semana semanas mes meses año años ayer hoy mañana giorno giorni settimana
        mese mesi anno anni ieri oggi domani dag dagen week weken maand maanden jaar jaren oud
        gisteren vandaag
    """,
    "number": """
        one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
        sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
        hundred thousand million first third fourth fifth sixth seventh eighth ninth tenth
        twenties thirties forties fifties sixties seventies eighties nineties
        ein eine zwei drei vier fünf sechs sieben acht neun zehn zwanzig dreißig vierzig fünfzig
        un deux trois quatre cinq six sept huit neuf dix vingt trente quarante cinquante
        uno dos tres cuatro cinco seis siete ocho nueve diez veinte treinta cuarenta cincuenta
        due tre quattro cinque sei sette otto nove dieci venti trenta quaranta cinquanta
        een twee drie vier vijf zes zeven acht negen tien twintig dertig veertig vijftig
    """,
    "group": """
        christian christians muslim muslims jewish jew jews hindu hindus buddhist buddhists sikh
        sikhs catholic catholics protestant protestants orthodox lutheran lutherans baptist baptists
        methodist methodists mormon mormons anglican anglicans evangelical evangelicals presbyterian
        presbyterians quaker quakers atheist atheists agnostic shia shiite sunni sufi islamic
        christianity islam judaism hinduism buddhism sikhism jain taoist zoroastrian pagan bahai
        democrat democrats democratic republican republicans liberal liberals conservative
        conservatives labour tory tories socialist socialists communist communists marxist marxists
        libertarian libertarians green greens nationalist nationalists fascist fascists nazi nazis
        anarchist whig whigs peronist zionist
        african asian european caucasian hispanic latino latina latinx arab arabs arabic kurdish
        kurd kurds native indigenous aboriginal inuit roma romani gypsy black white slavic nordic
        scandinavian celtic basque catalan bavarian flemish walloon sicilian breton cherokee navajo
        sioux apache aztec maya zulu xhosa yoruba igbo hausa berber bedouin tamil punjabi bengali
        gujarati sinhalese tibetan uyghur han cossack latin texan texans californian californians
        londoner londoners parisian parisians new yorker yorkers
    """,
    "nature": """
        river lake mount mountain mountains sea ocean bay gulf island islands isle peninsula cape
        valley desert forest park beach coast creek canyon falls glacier volcano hills ridge plateau
        strait channel fjord reef bridge airport station stadium arena tower castle palace cathedral
        abbey fort cemetery dam harbour harbor port square hall centre center north south east west
        northern southern eastern western central fluss see berg gebirge meer insel wald brücke
        flughafen bahnhof schloss rivière lac mont montagne mer île forêt pont aéroport gare château
        río lago monte montaña mar isla bosque puente aeropuerto fiume isola ponte aeroporto rivier
        meer zee eiland bos brug luchthaven
    """,
    "particle": """
        van von der den de del della di da do dos das du la le les el al bin ibn ben abu ter ten te
        zu zum zur mac mc st saint san santa são o' d' y i
    """,
    "family": """
        mother father mom mum dad son daughter brother sister wife husband uncle aunt cousin nephew
        niece grandmother grandfather grandma grandpa friend colleague boss partner fiancé fiancée
        girlfriend boyfriend roommate neighbor neighbour
        mutter vater sohn tochter bruder schwester frau mann mère père fils fille frère sœur femme
        mari madre padre hijo hija hermano hermana esposa esposo figlio figlia fratello sorella
        moglie marito moeder vader zoon dochter broer zus
    """,
    "form": """
        name names fullname firstname lastname surname forename patient client customer employee
        applicant contact attn dear hi hello hey regards sincerely cheers thanks signed from to cc
        bcc re subject plaintiff defendant witness attorney counsel physician provider nurse author
        user username owner sender recipient tenant landlord borrower lender seller buyer guest host
        vorname nachname patientin patient kunde mandant nom prénom client nombre apellido paciente
        nome cognome paziente naam voornaam achternaam patiënt
    """,
}

LISTS = {name: tuple(dict.fromkeys(words.split())) for name, words in _LISTS.items()}
