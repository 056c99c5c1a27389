"""Private keys, and tokens that prove who somebody is.

Sources: RFC 7468 and RFC 1421 (PEM), RFC 4880 (PGP), RFC 7519 (JWT), RFC 7517 (JWK), RFC 6238
(one-time passwords); PuTTY's, age's, WireGuard's and minisign's documentation; BIP 32.
"""

from __future__ import annotations

from strongroom.discover.recognizers.secrets._checked import (
    age_identity,
    base58check,
    encoded_web_token,
    json_web_token,
    private_key,
    putty_key,
)
from strongroom.discover.recognizers.secrets._shape import ASSIGN, cased, token

_KEY = "(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_BECH32 = "[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]"
_BASE58 = "[1-9A-HJ-NP-Za-km-z]"

ACROSS_LINES = (
    token("private_key", rf"-----BEGIN {_KEY}(?:[^-]|-[^-])*-----END {_KEY}", "-----BEGIN ",
          entropy=0, score=1.0, bounded=False, verify=private_key, validated=True),
    # Each line ends with an end of line and nothing else, so that it is read in one way only.
    token("putty_private_key",
          r"PuTTY-User-Key-File-[23]: [a-z0-9-]{1,40}\s+(?:(?:Encryption|Comment|Public-Lines|"
          r"Key-Derivation|Argon2-[A-Z][a-z]{1,12}|Private-Lines): [^\r\n]*[\r\n]+|"
          r"[A-Za-z0-9+/=]{1,80}[\r\n]+)+Private-MAC: <h40,64>",
          "PuTTY-User-Key-File-", entropy=0, score=1.0, verify=putty_key, validated=True),
    token("ssh2_private_key", r"---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----(?:[^-]|-[^-])*"
          r"---- END SSH2 ENCRYPTED PRIVATE KEY ----", "---- BEGIN SSH2 ENCRYPTED",
          entropy=0, score=1.0, bounded=False, validated=True),
)  # fmt: skip

RULES = (
    *ACROSS_LINES,
    token("age_identity", f"AGE-SECRET-KEY-1{_BECH32}{{58}}", "AGE-SECRET-KEY-1", score=1.0,
          verify=age_identity, validated=True),
    token("age_identity_unproved", f"AGE-SECRET-KEY-1{_BECH32}{{58}}", "AGE-SECRET-KEY-1",
          score=0.75),
    token("age_identity_post_quantum", f"AGE-SECRET-KEY-PQ-1{_BECH32}{{58,120}}",
          "AGE-SECRET-KEY-PQ-1", score=1.0, verify=age_identity, validated=True),
    token("minisign_secret_key", "RWRTY0Iy<b120,>={0,2}", "RWRTY0Iy", entropy=3.5),
    token("wireguard_private_key", "<b43><e1>", "privatekey", "private_key", entropy=3.8, score=0.9,
          bounded=False, lead=r"(?i:private_?key)\s{0,3}[=:]\s{0,3}[\"']?"),
    token("wireguard_preshared_key", "<b43><e1>", "presharedkey", "preshared_key",
          entropy=3.8, score=0.9, bounded=False,
          lead=r"(?i:preshared_?key)\s{0,3}[=:]\s{0,3}[\"']?"),
    token("jwk_private_part", "<w20,>", '"d"', entropy=3.8, score=0.8,
          lead=r"\"kty\"\s?:\s?\"[A-Za-z]{2,4}\"[^}]*\"d\"\s?:\s?\""),
    token("bitcoin_private_key", f"[5KL]{_BASE58}{{50,51}}", "wif", "private", "bitcoin", "btc",
          lead=cased("wif|private|bitcoin|btc") + ASSIGN, verify=base58check, validated=True,
          score=1.0),
    token("extended_private_key", f"[xtyzuv]prv{_BASE58}{{107,108}}", "prv", verify=base58check,
          validated=True, score=1.0),
    token("web_token", r"eyJ<w10,>\.<w2,>\.<w0,>(?:\.<w0,>\.<w0,>)?", "eyJ", entropy=3.5, score=1.0,
          verify=json_web_token, validated=True),
    token("encoded_web_token", "ZXlK<b40,>={0,2}", "ZXlK", entropy=3.5, score=1.0,
          verify=encoded_web_token, validated=True),
    token("one_time_password_seed", "[A-Z2-7]{16,128}", "secret=", entropy=3.0, score=0.95,
          lead=r"otpauth(?:-migration)?://[^\s\"'<>]+[?&]secret="),
)  # fmt: skip
