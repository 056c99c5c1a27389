"""Numbers that countries give to people: identity, tax, social insurance, health.

The country and the kind stand in the recognizer's name (`national_id.pl.pesel`). A number whose
shape says little counts only beside a word that names it, or in the country that the scan is for.
"""

from strongroom.discover.recognizers.national_id import americas, asia_africa, europe

RULES = (*europe.RULES, *americas.RULES, *asia_africa.RULES)
