r"""Where comments and strings stand in source code, language by language: a table, not a compiler.

Patterns are of bytes. What a language writes only now and then (a string within a string within a
string) is left out: whoever reads on is back in step with the next line, or the next mark.
What may run far without an end is bounded, so that time stays linear in the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from strongroom.data.sources import Document


@dataclass(frozen=True)
class Language:
    r"""How comments and strings are written.

    Attributes:
        over: (how it begins, how it ends) of each that may go over lines; in the end, `{0}` is what
            the first group of the beginning matched.
        within: of those that end with their line.
        code: of code that looks like one of these: it is tried first.
        outside: how code begins, if a file begins without.
        data: strings are records that a dump holds, rather than parts of a program.
    """

    over: tuple[tuple[str, str], ...] = ()
    within: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    outside: str = ""
    data: bool = False


def _line(mark: str) -> str:
    return rf"{mark}[^\n]*"


def _quoted(*marks: str) -> tuple[str, ...]:
    return tuple(rf"{m}[^{m}\\\n]*(?:\\.[^{m}\\\n]*)*{m}" for m in marks)


# An even number of backslashes before a mark leaves it a mark.
_EVEN = r"(?<!\\)(?:\\\\)*"
_BLOCK = (r"/\*", r"\*/")
_CHAR = r"'(?:\\[^\n]{1,8}?|[^'\\\n]{1,4})'"
_TRIPLE, _SINGLES = ('"""', _EVEN + '"""'), ("'''", _EVEN + "'''")
_HERE = (r"<<[-~]?\\?['\"]?([A-Za-z_]\w*)[^\n]*\n", r"^[ \t]*{0}\b")
_DOUBLE, _SINGLE, _TICK = ('"', _EVEN + '"'), ("'", _EVEN + "'"), ("`", _EVEN + "`")
# In shells and their kin a hash mark begins a comment only where a word could begin.
_HASH = _line(r"(?<![^\s;({])#")
_REGEX = r"[=(,:;!&|?{}\[]\s{0,80}/(?![*/])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.){0,99}\]){1,500}/"

_C = Language((_BLOCK, (r'R"([^(\s]{0,16})\(', r'\){0}"')), (_line("//"), *_quoted('"')), (_CHAR,))
_JAVA = Language((_BLOCK, _TRIPLE), (_line("//"), *_quoted('"')), (_CHAR,))
_CSHARP = Language(
    (_BLOCK, _TRIPLE, (r'\$?@\$?"', r'(?<!")(?:"")*"(?!")')), (_line("//"), *_quoted('"')), (_CHAR,)
)
_PYTHON = Language((_TRIPLE, _SINGLES), (_line("#"), *_quoted('"', "'")))
# What people read stands between tags, in files with markup.
_SCRIPT = Language(
    (_BLOCK, _TICK), (_line("//"), *_quoted('"', "'"), r">[^<>{}=;]{1,2000}(?=</)"), (_REGEX,)
)
_STYLE = Language((_BLOCK,), _quoted('"', "'"), (r"url\([^)\n]{0,300}\)",))
_SHELL = Language((_HERE, _DOUBLE, _SINGLE), (_HASH,), (r"\\.",))
_HASHED = Language((_TRIPLE, _SINGLES), (_HASH, *_quoted('"', "'")))
_LISP = Language((_DOUBLE,), (_line(";"),), (r"\\.", r"#\\."))

_FAMILIES: Mapping[str, Language] = {
    ".py .pyi .pyx .pyw": _PYTHON,
    ".c .h .cpp .hpp .cc .hh .cxx .hxx .cu .m .mm .proto": _C,
    ".java .kt .kts .scala .swift .groovy .dart": _JAVA,
    ".cs": _CSHARP,
    ".js .mjs .cjs .ts .mts .jsx .tsx": _SCRIPT,
    ".go": Language((_BLOCK, ("`", "`")), (_line("//"), *_quoted('"')), (_CHAR,)),
    ".rs": Language((_BLOCK, (r'\br(#*)"', '"{0}'), _DOUBLE), (_line("//"),), (_CHAR,)),
    ".rb": Language(
        ((r"^=begin\b", r"^=end\b"), (r"<<[-~]['\"]?([A-Z_]\w*)[^\n]*\n", r"^[ \t]*{0}\b")),
        (_HASH, *_quoted('"', "'")),
        (_REGEX,),
    ),
    ".php": Language(
        (_BLOCK, (r"\?>", r"<\?(?:php|=)"), (r"<<<['\"]?(\w+)[^\n]*\n", r"^[ \t]*{0}\b"), _DOUBLE,
         _SINGLE),
        (r"//(?:[^\n?]|\?(?!>))*", r"(?<!\S)#(?!\[)(?:[^\n?]|\?(?!>))*"),
        outside=r"<\?(?:php|=)",
    ),
    ".pl .pm .t": Language(
        ((r"^=[a-z]\w*", r"^=cut\b"), (r"<<[-~]?['\"]?([A-Z_]\w*)[^\n]*\n", r"^[ \t]*{0}\b"),
         (r"^__(?:END|DATA)__", r"(?!)")),
        (_HASH, *_quoted('"', "'")),
        (r"\\.",),
    ),
    ".sh .bash .zsh .ksh": _SHELL,
    ".ps1 .psm1": Language(
        (("<#", "#>"), ('@"', '^"@'), ("@'", "^'@")), (_HASH, r'"(?:[^"`\n]|`.)*"', r"'[^'\n]*'")
    ),
    ".r .ex .exs .cr .nim": _HASHED,
    ".jl": Language((("#=", "=#"), _TRIPLE, _DOUBLE), (_line("#"),), (_CHAR,)),
    ".lua": Language(
        ((r"(?:--)?\[(=*)\[", r"\]{0}\]"),), (_line("--"), *_quoted('"', "'"))
    ),
    # A dump's rows are data, whether they are in quotes or not.
    ".sql .psql .ddl .dml": Language(
        (_BLOCK, (r"(?i:^COPY\b[^;\n]*\bFROM\s+stdin)\b[^\n]*\n", r"^\\\."), _SINGLE, _DOUBLE),
        (_line("--"), _line("^#")),
        data=True,
    ),
    ".css": _STYLE,
    ".scss .sass .less": Language((_BLOCK,), (_line("//"), *_quoted('"', "'")), _STYLE.code),
    ".hs .elm": Language(((r"\{-", r"-\}"),), (_line("--"), *_quoted('"')), (_CHAR,)),
    ".lisp .el .scm .rkt .clj .cljs": _LISP,
    ".erl .hrl": Language((_DOUBLE,), (_line("%"),), (r"\$\\?.",)),
}  # fmt: skip
LANGUAGES: Mapping[str, Language] = {
    suffix: language for suffixes, language in _FAMILIES.items() for suffix in suffixes.split()
}
"""Ending of a file to its language."""


def document_language(document: Document) -> Language | None:
    """Tell the language of a document by its ending; None if it is no source code."""
    if document.form != "text":
        return None
    return LANGUAGES.get(PurePath(document.name or document.path).suffix.lower())
