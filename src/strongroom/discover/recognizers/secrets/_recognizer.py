"""Secrets: keys and tokens with a structure of their own, held against how random they are.

The formats are the issuers' published ones (prefix, alphabet, length). A placeholder has the right
shape and too little randomness; the Shannon entropy of the secret part tells the two apart.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from strongroom.discover._detection import Detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from strongroom.config import DiscoverSpec


@dataclass(frozen=True)
class _Rule:
    """One kind of secret.

    Attributes:
        name: becomes `secret.NAME`.
        needles: the text holds one of them, in this case or in small letters, if it holds a hit.
        pattern: its group 1 is the secret.
        entropy: bits a character that the secret part has at least.
        score: of a hit.
    """

    name: str
    needles: tuple[str, ...]
    pattern: re.Pattern[str]
    entropy: float = 3.0
    score: float = 0.95


def _rule(
    name: str, needles: str, pattern: str, entropy: float = 3.0, score: float = 0.95
) -> _Rule:
    return _Rule(name, tuple(needles.split()), re.compile(pattern), entropy, score)


_FREE = r"(?<![\w-])"
_END = r"(?![\w-])"
_RULES = (
    _rule("aws_access_key", "AKIA ASIA ABIA ACCA",
          r"(?<![A-Za-z0-9])((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?![A-Za-z0-9])"),
    _rule("aws_secret_key", "secret",
          r"(?i:aws.{0,20}?(?:secret|key).{0,20}?)[\"' :=]{1,6}"
          r"([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
          4.0, 0.85),
    _rule("aws_bedrock_key", "ABSK", rf"{_FREE}(ABSK[A-Za-z0-9+/]{{109,269}}={{0,2}})", 3.5),
    _rule("gcp_api_key", "AIza", rf"{_FREE}(AIza[\w-]{{35}}){_END}", 3.8),
    _rule("gcp_client_secret", "GOCSPX-", rf"{_FREE}(GOCSPX-[\w-]{{28}}){_END}"),
    _rule("azure_client_secret", "Q~",
          r"(?<![\w~.-])([\w~.-]{3}\dQ~[\w~.-]{31,34})(?![\w~.-])", 3.5),
    _rule("azure_storage_key", "accountkey",
          r"(?i:accountkey)=([A-Za-z0-9+/]{86}==)", 4.0),
    _rule("github_token", "ghp_ gho_ ghu_ ghs_ ghr_",
          rf"{_FREE}(gh[pousr]_[A-Za-z0-9]{{36,251}}){_END}", 3.5),
    _rule("github_fine_grained", "github_pat_",
          rf"{_FREE}(github_pat_[A-Za-z0-9]{{22}}_[A-Za-z0-9]{{59}}){_END}", 3.5),
    _rule("gitlab_token", "glpat- glptt- glrt- gldt- glsoat- glcbt- glft- glagent-",
          rf"{_FREE}(gl(?:pat|ptt|rt|dt|soat|cbt|ft|agent)-[\w-]{{20,50}}(?:\.[\w.]{{9,20}})?){_END}",
          3.5),
    _rule("slack_token", "xoxb- xoxp- xoxa- xoxr- xoxs- xoxe",
          rf"{_FREE}(xox[abeprs](?:\.xox[bp])?-\d{{1,14}}-(?:\d{{8,14}}-){{0,2}}[A-Za-z0-9]{{20,200}})"
          rf"{_END}", 3.3),
    _rule("slack_app_token", "xapp-",
          rf"{_FREE}(xapp-\d-[A-Z0-9]{{8,14}}-\d{{8,14}}-[a-f0-9]{{40,80}}){_END}"),
    _rule("slack_webhook", "hooks.slack.com",
          r"((?:https?://)?hooks\.slack\.com/(?:services|workflows|triggers)/T[\w/]{25,80})(?![\w/])"),
    _rule("stripe_key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_ whsec_",
          rf"{_FREE}((?:[sr]k_(?:live|test|prod)_|whsec_)[A-Za-z0-9]{{16,99}}){_END}", 3.3),
    _rule("openai_key", "T3BlbkFJ",
          rf"{_FREE}(sk-(?:(?:proj|svcacct|admin)-)?[\w-]{{20,74}}T3BlbkFJ[\w-]{{20,74}}){_END}",
          3.5),
    _rule("anthropic_key", "sk-ant-", rf"{_FREE}(sk-ant-(?:api|admin)\d\d-[\w-]{{93}}AA){_END}",
          3.5),
    _rule("generic_sk_key", "sk-", rf"{_FREE}(sk-[A-Za-z0-9]{{32,64}}){_END}", 4.0, 0.8),
    _rule("huggingface_token", "hf_", rf"{_FREE}(hf_[A-Za-z0-9]{{34,40}}){_END}", 4.0),
    _rule("npm_token", "npm_", rf"{_FREE}(npm_[A-Za-z0-9]{{36}}){_END}", 3.5),
    _rule("pypi_token", "pypi-AgE", rf"{_FREE}(pypi-AgE[\w-]{{50,1000}}){_END}", 3.5),
    _rule("sendgrid_key", "SG.", rf"{_FREE}(SG\.[\w-]{{22}}\.[\w-]{{43}}){_END}", 3.5),
    _rule("shopify_token", "shpat_ shpca_ shppa_ shpss_",
          rf"{_FREE}(shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{{32}}){_END}"),
    _rule("digitalocean_token", "dop_v1_ doo_v1_ dor_v1_",
          rf"{_FREE}(do[opr]_v1_[a-f0-9]{{64}}){_END}"),
    _rule("telegram_token", ":AA", rf"{_FREE}(\d{{8,10}}:AA[\w-]{{33}}){_END}", 3.5),
    _rule("facebook_app_token", "|", rf"{_FREE}(\d{{15,16}}\|[\w-]{{27}}){_END}", 3.5, 0.85),
    _rule("facebook_page_token", "EAAM EAAC",
          rf"{_FREE}(EAA[MC][A-Za-z0-9]{{90,400}}){_END}", 4.0),
    _rule("notion_token", "ntn_", rf"{_FREE}(ntn_\d{{11}}[A-Za-z0-9]{{35}}){_END}", 3.8),
    _rule("vault_token", "hvs. hvb.", rf"{_FREE}(hv[sb]\.[\w-]{{90,300}}){_END}", 3.8),
    _rule("vault_token", "s.", rf"{_FREE}(?<!\.)(s\.(?=[A-Za-z]{{0,23}}\d)[A-Za-z0-9]{{24}}){_END}",
          3.8, 0.8),
    _rule("onepassword_token", "ops_eyJ", rf"{_FREE}(ops_eyJ[A-Za-z0-9+/_-]{{250,4000}}={{0,3}})",
          4.0),
    _rule("octopus_key", "API-", rf"{_FREE}(API-[A-Z0-9]{{26}}){_END}", 3.5, 0.8),
    _rule("sourcegraph_token", "sgp_",
          rf"{_FREE}(sgp_(?:(?:[A-Fa-f0-9]{{16}}|local)_)?[A-Fa-f0-9]{{40}}){_END}", 3.2),
    _rule("databricks_token", "dapi", rf"{_FREE}(dapi[a-f0-9]{{32}}(?:-\d)?){_END}", 3.2),
    _rule("age_identity", "AGE-SECRET-KEY-",
          r"(AGE-SECRET-KEY-(?:PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58,100})"),
    _rule("authorization_header", "authorization",
          r"(?i:authorization)[\"']?[:=][\"' ]{0,4}(?i:(?:basic|bearer|token|api-?token|apikey) +)?"
          r"([\w+/=.~@-]{12,4000})", 3.0, 0.8),
    _rule("api_key_header", "apikey api-key api-token -token",
          r"-H [\"'](?i:[\w-]{0,20}(?:api-?key|token)): {0,2}([\w+/=.~-]{10,400})[\"']", 3.0, 0.8),
    _rule("api_key_header", "--header",
          r"--header [\"'](?i:[\w-]{0,20}(?:api-?key|token)): {0,2}([\w+/=.~-]{10,400})[\"']", 3.0,
          0.8),
    _rule("curl_user", "curl",
          r"curl\b[^;|]{0,400}?\s(?:-u|--user)[ =]{1,3}[\"']?([^\s\"'$<{:]{0,64}:[^\s\"']{8,128})",
          2.8, 0.8),
    _rule("connection_string", "://",
          r"(?<![\w+.-])([A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:@/\"'<>?#]{0,128}:[^\s:@/\"'<>?#]{3,128}@"
          r"[\w.-]{1,253}(?::\d{1,5})?(?:/[\w./?&=%-]{0,200})?)", 0.0, 0.9),
    _rule("connection_string", "pwd= password=",
          r"(?i:(?:server|data source|host|user id|uid|database)\s?=[^;\n]{1,200};"
          r"[^\n]{0,300}?(?:password|pwd)\s?=\s?([^;\"'\s]{4,128}))", 2.0, 0.85),
)  # fmt: skip
_PLACEHOLDER = re.compile(
    r"(?i)x{5,}|\*{3,}|example$|\.\.\.|(?:your|my|some)[-_]?(?:api|secret|token|key|password)|"
    r"changeme|here$|placeholder|redacted|<[^>]*>|\$\{|\$\(|%\(|\{\{"
)
_PASSWORD = re.compile(r"://[^:@/]{0,128}:([^@]*)@")
_NO_PASSWORD = frozenset({
    "password", "pass", "passwd", "pwd", "secret", "xxx", "user", "username", "token", "pw",
})  # fmt: skip
_PEM = re.compile(r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PEM_LONGEST, _PEM_SHORTEST = 16_384, 40
_JWT = re.compile(r"(?<![\w-])(eyJ[\w-]{10,4000})\.([\w-]{2,16000})\.([\w-]{0,4000})")


class SecretRecognizer:
    """Finds `SECRET`; the kind stands in the recognizer's name (`secret.github_token`)."""

    name = "secret"
    entities = ("SECRET",)
    trigger = "(?i)" + "|".join(
        sorted({re.escape(n) for r in _RULES for n in r.needles} | {"-----BEGIN ", "eyJ"})
    )

    def __init__(self, _spec: DiscoverSpec) -> None:
        """Nothing depends on the specification."""

    def find(self, text: str) -> Iterator[Detection]:
        """Yield keys, tokens and passwords in `text`."""
        lower = text.lower()
        for rule in _RULES:
            if not any(n in text or n in lower for n in rule.needles):
                continue
            for match in rule.pattern.finditer(text):
                if _real(match.group(1), rule):
                    # "user:password@host" reads as an e-mail address unless the whole was parsed.
                    parsed = rule.name == "connection_string"
                    name = f"secret.{rule.name}"
                    yield Detection("SECRET", *match.span(1), rule.score, name, validated=parsed)
        if "-----BEGIN " in text:
            yield from _private_keys(text)
        if "eyJ" in text:
            yield from _tokens(text)


def _real(secret: str, rule: _Rule) -> bool:
    """Say whether it is more than a placeholder of the right shape."""
    if rule.name in {"connection_string", "curl_user"}:
        inside = _PASSWORD.search(secret)
        word = inside.group(1) if inside else secret.rpartition(":")[2]
        if _PLACEHOLDER.search(word) or word.lower() in _NO_PASSWORD:
            return False
        if inside:
            return True
    return _PLACEHOLDER.search(secret) is None and entropy(secret) >= rule.entropy


def entropy(text: str) -> float:
    """Return the Shannon entropy of the characters of `text`, in bits a character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values()) if total else 0.0


def _private_keys(text: str) -> Iterator[Detection]:
    done = 0
    for match in _PEM.finditer(text):
        if match.start() < done:
            continue
        close = text.find("-----END ", match.end(), match.end() + _PEM_LONGEST)
        if close < 0 or close - match.end() < _PEM_SHORTEST:
            continue
        end = text.find("-----", close + 9, close + 80)
        done = end + 5 if end >= 0 else close
        yield Detection("SECRET", match.start(), done, 1.0, "secret.private_key", validated=True)


def _tokens(text: str) -> Iterator[Detection]:
    for match in _JWT.finditer(text):
        if _header(match.group(1)):
            yield Detection("SECRET", match.start(), match.end(), 1.0, "secret.jwt", validated=True)


def _header(part: str) -> bool:
    """Say whether this is the first part of a JSON Web Token (RFC 7519): JSON with an "alg"."""
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header
