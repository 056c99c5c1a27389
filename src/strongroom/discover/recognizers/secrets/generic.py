"""Secrets without a maker: what a name says is one, what a request carries, what a command is told.

Sources: RFC 7617 and RFC 6750 (`Authorization`), curl's manual.
"""

from __future__ import annotations

import re

from strongroom.discover.recognizers.secrets._checked import basic_credentials
from strongroom.discover.recognizers.secrets._password import key, plausible, variable
from strongroom.discover.recognizers.secrets._shape import cased, token

_OF = (
    "api|app|application|auth|oauth|access|client|secret|private|session|signing|signature|"
    "encrypt(?:ion)?|decrypt(?:ion)?|master|bearer|refresh|service|webhook|deploy(?:ment)?|bot|"
    "user|admin|license|consumer|shared|account|storage|hmac|jwt|cookie|gateway|merchant|security|"
    "request|server|site|sdk|write|read|integration|push|registry|project|org|team"
)
_KEYS = cased(_OF) + r"[_. -]?(?i:key|token|secret)(?i:[_. -]?(?:key|value|base|v?[0-9]))?"
_GIVEN = r"""["'`\]]{0,2}\s{0,4}(?:: ?(?:[Ss]tr|[Ss]tring)\s{0,2})?(?::=|=>|={1,3}|:|,)\s{0,4}"""
_PASSWORDS = cased("password|passwd|passwort|passphrase|pass_phrase|pass|pwd|contraseña|contrasena")
_DULL = frozenset({"password", "pass", "passwd", "pwd", "test", "token", "secret", "changeme",
                   "changeit", "yyy", "user", "username", "apikey", "api_key", "key"})  # fmt: skip
_NO_SECRETS = ("csrf", "xsrf", "nexttoken", "pagetoken", "nextpagetoken", "continuation", "cursor",
               "pagination", "publictoken", "publishable", "sha256", "sha512", "sha1", "md5",
               "integrity", "checksum", "digest", "hash", "etag")  # fmt: skip


def password_of_user(pair: str) -> bool:
    """Say whether `user:password` holds one; where one of the two is empty, the other is."""
    user, colon, word = re.sub("[\"']", "", pair).partition(":")
    word = (word or user).strip("{}")
    return bool(colon) and "{{" not in pair and not variable(word) and word.lower() not in _DULL


_HEADER = cased("authorization") + r"""["']?\s{0,3}[:=,]\s{0,3}["'`]?"""
_SCHEME = r"(?:(?i:bearer|token|api-?token|apikey|basic|splunk|jwt)\s{1,3})?"
_QUOTED = "\"[^\"\r\n]{3,}\"|'[^'\r\n]{3,}'"
_CURL = r"curl(?:\s(?:[^;|\r\n\\]|\\\r?\n|\\.)*)?\s(?:-u|--user)[ =]{0,4}"
_DRAWN = r"[A-Za-z0-9+/=_.~-]{16,}"
_UNQUOTED = r"[\"']?\s{0,2}(?::|=|:=)[ \t]{0,4}"

RULES = (
    # what a request carries
    token("basic_authorization", "<b8,>={0,2}", "basic ", entropy=2.0, score=0.95, bounded=False,
          verify=basic_credentials, validated=True, lead=rf"{_HEADER}(?i:basic)\s{{1,3}}"),
    token("authorization_header", r"[\w+/=.~@-]{12,}", "authorization", entropy=2.75, score=0.85,
          bounded=False, verify=key, lead=f"{_HEADER}{_SCHEME}"),
    token("key_header", r"[\w+/=.~@-]{10,}", "key:", "token:", "secret:", "auth:", entropy=2.75,
          score=0.85, bounded=False,
          lead=r"""(?:-H|--header)[ =]{1,3}["'](?i:[a-z-]{0,24}(?:api-?key|token|secret|auth)):"""
          r"\s{0,3}"),
    token("curl_user", rf"(?:{_QUOTED}|[^\s\"'<>{{}}$|;:]{{1,64}}:(?:'[^'\r\n]{{3,}}'|"
          r"[^\s\"'<>|;]{3,}))(?::\"[^\"\r\n]{3,}\")?", "curl", entropy=2.0, score=0.85,
          bounded=False, verify=password_of_user, lead=_CURL),
    token("address_parameter", r"[A-Za-z0-9+/=_.~%-]{16,}", "token=", "key=", "secret=", "sig=",
          "signature=", entropy=3.4, score=0.6, bounded=False, verify=key,
          lead=r"""https?://[^\s"'<>]{3,}[?&](?i:(?:access_|auth_|id_)?token|api_?key|"""
          r"(?:client_)?secret|sig(?:nature)?)="),
    token("session_cookie", r"[A-Za-z0-9+/=_.%-]{20,}", "cookie:", entropy=3.5, score=0.65,
          bounded=False, verify=key,
          lead=r"(?i:cookie:)(?:[^\r\n\"]*[; ])?(?i:[a-z_.-]*(?:sess|sid|auth|token)[a-z_.-]*)="),
    # what a name says is one
    token("password", r"[^\s\"'`]{4,}", "pass", "pwd", "contrase", entropy=1.9, score=0.7,
          bounded=False, verify=plausible, lead=rf"""{_PASSWORDS}[0-9]?{_GIVEN}["'`]"""),
    token("password_unquoted", r"[^\s\"'`,;<>(){}\[\]]{6,}", "pass", "pwd", "contrase",
          entropy=2.25, score=0.6, bounded=False, verify=plausible,
          lead=rf"{_PASSWORDS}[0-9]?{_UNQUOTED}"),
    token("password_in_xml", r"[^\s\"'<>@][^\s\"'<>]{3,}", "passw", "pwd", entropy=1.9, score=0.7,
          bounded=False, verify=plausible, lead=cased("password>|passwd>|pwd>")),
    token("password_option", r"[^\s\"'<>|;&]{6,}", "-pass", entropy=2.25, score=0.7,
          bounded=False, verify=plausible,
          lead=r"\s--?(?:password|passwd|passphrase|pass)[ =]{1,2}[\"']?"),
    token("secret", _DRAWN, "key", "token", "secret", entropy=3.4, score=0.7, bounded=False,
          verify=key, lead=rf"""{_KEYS}{_GIVEN}["'`]""", against=_NO_SECRETS),
    token("secret_unquoted", _DRAWN, "key", "token", "secret", entropy=3.5, score=0.6,
          bounded=False, verify=key, lead=f"{_KEYS}{_UNQUOTED}", against=_NO_SECRETS),
    token("token", _DRAWN, "token", "secret", entropy=3.4, score=0.65, bounded=False, verify=key,
          lead=cased("token|secret") + rf"""{_GIVEN}["'`]""", against=_NO_SECRETS),
    # what frameworks sign and encrypt with
    token("django_secret_key", r"[A-Za-z0-9!@#$%^&*(_=+)-]{40,80}", "secret_key", entropy=3.5,
          score=0.9, bounded=False, lead=r"""SECRET_KEY\s{0,3}[=:]\s{0,3}["']"""),
    token("laravel_key", "<b43><e1>", "base64:", entropy=3.8, score=0.9, bounded=False,
          lead=r"APP_KEY\s{0,2}[=:]\s{0,2}[\"']?base64:"),
    token("rails_secret", "<h64,128>", "secret_key_base", score=0.9,
          lead=r"(?:secret_key_base|SECRET_KEY_BASE)[\"']?\s{0,3}[:=]{1,2}\s{0,3}[\"']?"),
    token("rails_master_key", "<h32>", "rails_master_key", score=0.9,
          lead=r"(?:rails_master_key|RAILS_MASTER_KEY)[\"']?\s{0,3}[:=]{1,2}\s{0,3}[\"']?"),
    token("wordpress_salt", r"[^'\"\r\n]{40,100}", "auth_key", "auth_salt", "logged_in_", "nonce_",
          entropy=3.5, score=0.9, bounded=False,
          lead=r"""define\(\s{0,3}['"](?:AUTH|SECURE_AUTH|LOGGED_IN|NONCE)_(?:KEY|SALT)['"],"""
          r"""\s{0,8}['"]"""),
)  # fmt: skip
