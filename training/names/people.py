"""Made-up people from many places: names, and all the ways to write them."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from training.names.filling import Pieces

T = TypeVar("T")

_DRAWN, _DRAWN_ABROAD = 1500, 400
_COINED = 0.12

# Whose names appear in texts of a language, and how often. Names of all places appear in each.
HOME = {
    "en": (("en_US", 10), ("en_GB", 4), ("en_CA", 1), ("en_AU", 1), ("en_IE", 1), ("en_NZ", 1),
           ("es_MX", 2), ("en_IN", 1)),
    "de": (("de_DE", 8), ("de_AT", 3), ("de_CH", 3), ("tr_TR", 1), ("pl_PL", 1)),
    "fr": (("fr_FR", 8), ("fr_CA", 2), ("fr_BE", 2), ("fr_CH", 2), ("ar_Latn", 1)),
    "es": (("es_ES", 6), ("es_MX", 3), ("es_AR", 2), ("es_CO", 2), ("es_CL", 1)),
    "it": (("it_IT", 10), ("ro_RO", 1)),
    "nl": (("nl_NL", 8), ("nl_BE", 4), ("tr_TR", 1)),
}  # fmt: skip
ABROAD = (
    "de_DE", "de_AT", "de_CH", "fr_FR", "fr_CA", "es_ES", "es_MX", "es_AR", "it_IT", "nl_NL", "nl_BE",
    "pl_PL", "hu_HU", "cs_CZ", "fi_FI", "sv_SE", "da_DK", "no_NO", "pt_BR", "pt_PT", "tr_TR", "ro_RO",
    "is_IS", "sl_SI", "hr_HR", "en_NG", "vi_VN", "id_ID", "en_PH", "ga_IE", "et_EE", "lt_LT", "lv_LV",
    "sk_SK", "en_IN", "sq_AL", "bs_BA", "az_AZ", "sw", "yo_NG", "ig_NG", "zu_ZA", "en_PK", "tw_GH",
    "zh_Latn", "ja_Latn", "ko_Latn", "ar_Latn", "ru_Latn", "el_Latn", "he_Latn", "fa_Latn",
)  # fmt: skip
OTHER_SCRIPTS = ("ru_RU", "el_GR", "ja_JP", "zh_CN", "ko_KR", "ar_AA", "uk_UA", "he_IL")

# Spellings in Latin letters, where the library has only the native script: common ones.
_LATIN = {
    "zh_Latn": ("Wei Fang Ming Jing Hui Xin Yan Lei Jie Na Li Qiang Xiu Ying Juan Yong Jun Tao Chao Bin  Ping Hong Yun Lan Mei Hua Guang Zhen Jia Hao Yu Chen Tian Rui Yi Xiang Shu Ling Peng",
                "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo Zheng  Liang Xie Tang Deng Feng Han Cao Zeng Peng Xiao Cai Pan Yuan Dong Yu Su Ye Lu Wei Jiang"),
    "ja_Latn": ("Haruto Yuto Sota Yuki Hayato Haruki Ryusei Koki Sora Kaito Yuna Hina Aoi Sakura Rin  Misaki Nanami Akari Yui Kaori Akiko Naoko Keiko Yoko Hiroshi Takeshi Kenji Satoshi Makoto",
                "Sato Suzuki Takahashi Tanaka Watanabe Ito Yamamoto Nakamura Kobayashi Kato Yoshida Yamada  Sasaki Yamaguchi Matsumoto Inoue Kimura Hayashi Shimizu Saito Mori Abe Ikeda Hashimoto Ogawa"),
    "ko_Latn": ("Min-jun Seo-yeon Ji-hoon Ji-woo Hyun-woo Soo-jin Min-seo Jae-hyun Yoon-ah Eun-ji Sang-min  Dong-hyun Ha-eun Kyung-soo Mi-kyung Young-ho Jisoo Minho Hyejin Yuna Seojun Taehyung",
                "Kim Lee Park Choi Jung Kang Cho Yoon Jang Lim Han Oh Seo Shin Kwon Hwang Ahn Song Yoo Hong  Jeon Ko Moon Son Yang Bae Baek Heo Nam"),
    "ar_Latn": ("Mohammed Ahmed Ali Omar Hassan Hussein Khalid Yusuf Ibrahim Karim Tariq Samir Nabil Faisal  Fatima Aisha Maryam Zainab Layla Noor Huda Salma Amina Yasmin Rania Nadia Samira Khadija Hanan",
                "Al-Hassan El-Sayed Haddad Khoury Mansour Nasser Saleh Rahman Abdullah Al-Farsi Bakri Hamdan  Aziz Darwish Farouk Ghanem Jaber Kassem Mahmoud Najjar Qasim Sabbagh Shaheen Tahan Zaman Benali"),
    "ru_Latn": ("Ivan Dmitry Sergei Alexei Nikolai Mikhail Vladimir Andrei Pavel Oleg Yuri Boris Maxim Kirill  Olga Natalia Svetlana Tatiana Irina Elena Anastasia Ekaterina Ksenia Yulia Galina Polina Daria",
                "Ivanov Petrov Sidorov Smirnova Kuznetsov Popova Volkov Sokolov Lebedeva Kozlov Novikov Morozova  Pavlov Semenov Golubev Vinogradova Bogdanov Vorobyov Fedorova Mikhailov Belyaev Tarasova Orlov"),
    "el_Latn": ("Giorgos Dimitris Nikos Kostas Yannis Panagiotis Vasilis Christos Maria Eleni Katerina Sofia  Anastasia Despina Ioanna Evangelia Stavros Spyros Thanasis Petros",
                "Papadopoulos Georgiou Dimitriou Nikolaidis Pappas Vlachos Angelopoulos Makris Karagiannis  Alexiou Oikonomou Papadaki Stathopoulou Christodoulou Antoniou Theodorou Katsaros"),
    "he_Latn": ("Avi Moshe Yael Noa David Shira Eitan Tamar Yonatan Michal Amir Rivka Itai Maya Ronit Gal",
                "Cohen Levi Mizrahi Peretz Biton Friedman Avraham Azoulay Katz Shapiro Goldberg Ben-David Dahan"),
    "fa_Latn": ("Reza Ali Hossein Mehdi Amir Farhad Shirin Leila Parisa Nasrin Maryam Zahra Arash Babak Nima",
                "Ahmadi Hosseini Mohammadi Karimi Rahimi Moradi Jafari Sadeghi Rezaei Ebrahimi Tehrani Farahani"),
}  # fmt: skip

TITLES = {
    "en": (("Mr.", "Mr", "Dr.", "Prof.", "Sir", "Rev.", "Capt.", "Sgt.", "Judge", "Officer", "Detective"),
           ("Mrs.", "Ms.", "Miss", "Mrs", "Ms", "Dr.", "Prof.", "Dr", "Judge", "Officer", "Sister")),
    "de": (("Herr", "Herr Dr.", "Dr.", "Prof. Dr.", "Herrn"), ("Frau", "Frau Dr.", "Dr.", "Prof. Dr.")),
    "fr": (("M.", "Monsieur", "Dr", "Maître", "Me", "Pr"), ("Mme", "Madame", "Mlle", "Dr", "Maître", "Me")),
    "es": (("Sr.", "Señor", "Don", "D.", "Dr."), ("Sra.", "Señora", "Doña", "D.ª", "Dra.", "Srta.")),
    "it": (("Sig.", "Signor", "Dott.", "Avv.", "Ing."), ("Sig.ra", "Signora", "Dott.ssa", "Avv.")),
    "nl": (("dhr.", "De heer", "Dr.", "Meneer"), ("mevr.", "Mevrouw", "Dr.", "mw.")),
}  # fmt: skip
_COMMON_TITLES = 3
# How often each way of writing a person is taken where a template doesn't care.
_COMMON = ((0.6, "full"), (0.75, "first"), (0.85, "titled"), (0.95, "formal"), (1.0, "initial"))


@dataclass(frozen=True)
class Person:
    """One made-up person."""

    first: str
    last: str
    middle: str
    suffix: str
    title: str
    common_title: str


@cache
def pool(locale: str, what: str) -> tuple[str, ...]:
    """Return distinct values of a Faker locale, always the same ones.

    Args:
        locale: of Faker, or one of ours with names in Latin letters.
        what: a method of Faker: `first_name_female`, `last_name`, `city`, `street_name`, …
    """
    if locale in _LATIN and what.startswith(("first_name", "last_name")):
        return tuple(dict.fromkeys(_LATIN[locale][what.startswith("last")].split()))
    maker = _maker(locale)
    maker.seed_instance(f"{locale} {what}")
    method = getattr(maker, what)
    at_home = any(locale == home for homes in HOME.values() for home, _ in homes)
    times = _DRAWN if at_home else _DRAWN_ABROAD
    drawn = (" ".join(str(method()).split()) for _ in range(times))
    return tuple(dict.fromkeys(v for v in drawn if v))


@cache
def _maker(locale: str) -> Any:  # noqa: ANN401 - Faker's methods are made at run time
    from faker import Faker

    return Faker(locale)


def pick(rng: Random, options: Sequence[T]) -> T:
    """Choose one."""
    return options[int(rng.random() * len(options))]


def locale_for(rng: Random, language: str, abroad: float = 0.4) -> str:
    """Choose whose name it is."""
    if rng.random() < abroad:
        return pick(rng, ABROAD)
    names, weights = zip(*HOME[language], strict=True)
    return str(rng.choices(names, weights)[0])


def make_person(rng: Random, language: str, *, scripts: float = 0.01) -> Person:
    """Make somebody up."""
    locale = locale_for(rng, language)
    if rng.random() < scripts:
        locale = pick(rng, OTHER_SCRIPTS)
    woman = rng.random() < 0.5
    first = pick(rng, pool(locale, "first_name_female" if woman else "first_name_male"))
    last = pick(rng, pool(locale, "last_name"))
    if rng.random() < _COINED:
        from training.names.coined import coined  # it reads the names here

        first, last = (
            coined(rng, kind) if rng.random() < share else name
            for kind, share, name in (("first", 0.3, first), ("last", 0.9, last))
        )
    if rng.random() < 0.04:
        other = pick(rng, pool(locale, "last_name"))
        last = f"{last} {other}" if locale.startswith(("es", "pt")) else f"{last}-{other}"
    if locale.startswith(("es_", "pt_")) and rng.random() < 0.4:
        last = f"{last} {pick(rng, pool(locale, 'last_name'))}"
    if rng.random() < 0.03:
        first = f"{first}-{pick(rng, pool(locale, 'first_name_male'))}"
    middle = ""
    if rng.random() < 0.15:
        middle = f"{chr(65 + int(rng.random() * 25))}{'.' if rng.random() < 0.7 else ''}"
    elif rng.random() < 0.06:
        middle = pick(rng, pool(locale, "first_name_female" if woman else "first_name_male"))
    suffix = pick(rng, ("Jr.", "Sr.", "III", "II", "Jr", "MD", "PhD", "Esq.")) if (
        language == "en" and rng.random() < 0.03) else ""  # fmt: skip
    titles = TITLES[language][woman]
    person = Person(first, last, middle, suffix if suffix not in {"MD", "PhD", "Esq."} else "",
                    pick(rng, titles), pick(rng, titles[:_COMMON_TITLES]))  # fmt: skip
    return _plain(person) if rng.random() < 0.08 else person


def _plain(person: Person) -> Person:
    """Write without accents, as many forms do."""

    def bare(text: str) -> str:
        kept = unicodedata.normalize("NFD", text)
        return "".join(c for c in kept if not unicodedata.combining(c))

    return Person(bare(person.first), bare(person.last), person.middle, person.suffix, person.title,
                  person.common_title)  # fmt: skip


def full_name(person: Person) -> str:
    """Write first, middle and last name, and what follows them."""
    parts = (person.first, person.middle, person.last, person.suffix)
    return " ".join(p for p in parts if p)


def written(person: Person, how: str, rng: Random) -> Pieces:
    """Write a person as a template asks.

    Args:
        person: who.
        how: `full`, `first`, `last`, `any` (a common mixture), `plain` (first and last only),
            `titled`, `formal` (title and last name), `sorted` (last name first), `initial`,
            `upper`, `uppersorted`, `doctor`, `plus` (as in addresses of pages), `handle`, `mail`.
        rng: decides small matters.
    """
    if how == "any":
        roll = rng.random()
        how = next(name for share, name in _COMMON if roll < share)
    first, last = person.first, person.last
    if how in {"titled", "formal"}:
        title, name = (
            (person.title, full_name(person)) if how == "titled" else (person.common_title, last)
        )
        return [(title, "TITLE"), (" ", ""), (name, "PERSON")]
    if how == "doctor":
        name = f"{first} {last}" if rng.random() < 0.6 else last
        return [(pick(rng, ("Dr.", "Dr")), "TITLE"), (" ", ""), (name, "PERSON")]
    if how in {"handle", "mail"}:
        return [(_account(first, last, rng, mail=how == "mail"), "")]
    middle = f" {person.middle}" if person.middle else ""
    plus = pick(rng, ("+", "%20", "_"))
    forms = {
        "full": full_name(person),
        "first": first,
        "last": last,
        "plain": f"{first} {last}",
        "sorted": f"{last}, {first}{middle}",
        "initial": f"{first[0]}. {last}" if rng.random() < 0.7 else f"{last}, {first[0]}.",
        "upper": full_name(person).upper(),
        "lastupper": last.upper(),
        "uppersorted": f"{last}, {first}".upper(),
        "plus": f"{first}{plus}{last}".replace(" ", plus),
    }
    return [(forms[how], "PERSON")]


def _account(first: str, last: str, rng: Random, *, mail: bool) -> str:
    bare = (
        unicodedata.normalize("NFD", f"{first}|{last}").encode("ascii", "ignore").decode().lower()
    )
    one, _, two = bare.replace(" ", "").replace("'", "").partition("|")
    number = str(int(rng.random() * 100)) if rng.random() < 0.5 else ""
    forms = (f"{one}.{two}", f"{one}{two}", f"{one[:1]}{two}", f"{one}_{two}", f"{two}{one[:1]}")
    name = pick(rng, forms) + number
    if not mail:
        return name
    hosts = ("gmail.com", "yahoo.com", "outlook.com", "example.com", "mail.de", "web.de", "orange.fr",
             "company.org", "acmecorp.io", "hotmail.com", "uni-mainz.de", "clinic.example", "gmx.net")  # fmt: skip
    return f"{name}@{pick(rng, hosts)}"
