"""Places on the earth: decimal pairs, degrees with minutes and seconds, geo: addresses."""

from __future__ import annotations

from strongroom.discover._rule import Rule
from strongroom.discover.recognizers._label import alone

_WORDS = (
    "lat", "latitude", "lon", "lng", "long", "longitude", "coordinates", "coordinate", "coords",
    "gps", "location", "position", "geo", "breitengrad", "längengrad", "koordinaten",
    "coordonnées", "coordenadas", "coordinate", "geolocation", "latlng", "latlong",
)  # fmt: skip
_LAT = r"[-+]?(?:90\.0{2,15}|[1-8]?\d\.\d{3,15})"
_LON = r"[-+]?(?:180\.0{2,15}|1[0-7]\d\.\d{3,15}|[1-9]?\d\.\d{3,15})"
_DEGREES = r"\d{1,3}(?:\.\d{1,10})? ?(?:°|º|deg) ?"
_PARTS = r"(?:\d{1,2}(?:\.\d{1,6})? ?['′’] ?(?:\d{1,2}(?:\.\d{1,6})? ?(?:\"|″|”|'') ?)?)?"

RULES = (
    Rule("coordinates.pair", "COORDINATES", rf"{_LAT} ?[,;/] ?{_LON}", 0.2, context=_WORDS,
         context_score=0.85, apart="", examples=("location: 48.85837, 2.294481",
                                                 "gps 40.7128,-74.0060"),
         lookalikes=("48.85837, 2.294481", "gps 95.85837, 2.294481")),
    Rule("coordinates.degrees", "COORDINATES",
         rf"{_DEGREES}{_PARTS}[NSns](?:,| |, |/|; ){_DEGREES}{_PARTS}[EWOewo]", 0.95,
         keywords=("°", "º", "deg"), examples=("40.7128° N, 74.0060° W", "40°26'46\"N 79°58'56\"W",
                                               "51° 30′ 26″ N, 0° 7′ 39″ W"),
         lookalikes=("20° N of it",)),
    Rule("coordinates.geo", "COORDINATES", rf"{_LAT},{_LON}", 0.95, lead=r"geo:|[?&/]@|[?&](?:q|ll|"
         r"sll|center|query)=", keywords=("geo:", "@", "q=", "ll=", "center=", "query="), apart="",
         examples=("geo:37.786971,-122.399677", "maps?ll=48.8583,2.2944")),
    Rule("coordinates.iso6709", "COORDINATES",
         r"[-+](?:90\.0{2,10}|[0-8]\d\.\d{3,10})[-+](?:180\.0{2,10}|1[0-7]\d\.\d{3,10}|"
         r"0\d{2}\.\d{3,10})(?:[-+]\d{1,5}(?:\.\d{1,5})?)?/", 0.9, bounded=False, apart="",
         examples=("+40.75889-073.98513/",)),
    Rule("coordinates.named", "COORDINATES", r"[-+]?\d{1,3}\.\d{3,15}", 0.7,
         lead=alone("latitude", "longitude", "lat", "lng", "lon")
         + r"""["']?(?:\s{0,2}[:=]\s{0,2}| (?:is |of )?)["']?""",
         keywords=("lat", "lng", "lon"), apart="",
         examples=('{"lat": 48.85837, "lng": 2.29448}', "at latitude 48.8584"),
         lookalikes=("flat: 3", "epsilon = 0.1234")),
)  # fmt: skip
