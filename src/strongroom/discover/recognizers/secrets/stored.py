"""What opens databases: passwords in addresses and connection strings, keys of hosted ones.

Sources: RFC 3986 (user information in an address); the makers' documentation.
"""

from __future__ import annotations

import re

from strongroom.discover.recognizers.secrets._password import plausible, variable
from strongroom.discover.recognizers.secrets._shape import ASSIGN, assigned, cased, token

_IN_ADDRESS = re.compile(r"://([^:@/?#]*):(.*)@", re.DOTALL)
_PORT_AND_PATH = re.compile(r"\d{1,5}/")  # the @ stands in the path
_NO_PASSWORD = frozenset({"password", "pass", "passwd", "pwd", "secret", "xxx", "user", "username",
                          "token", "pw", "port", "host", "tiger", "guest", "anonymous", "anoncvs",
                          "proxypass", "repo"})  # fmt: skip

_CRYPT = "[./A-Za-z0-9]"
_HASHES = (
    rf"2[abxy]\$[0-9]{{2}}\${_CRYPT}{{53}}",
    rf"[156]\$(?:rounds=[0-9]{{1,9}}\$)?{_CRYPT}{{4,16}}\${_CRYPT}{{22,86}}",
    rf"y\${_CRYPT}{{1,8}}\${_CRYPT}{{4,86}}\${_CRYPT}{{43}}",
    rf"apr1\${_CRYPT}{{4,8}}\${_CRYPT}{{22}}",
    r"argon2(?:id|i|d)\$v=[0-9]{1,3}\$m=[0-9]{1,8},t=[0-9]{1,4},p=[0-9]{1,3}\$<b8,>\$<b16,>",
)


def password_in_address(address: str) -> bool:
    """Say whether the password of an address is more than a word for one."""
    found = _IN_ADDRESS.search(address)
    user, word = found.groups() if found else ("", "")
    dull = word == user or word.lower() in _NO_PASSWORD or _PORT_AND_PATH.match(word)
    return not variable(word) and not dull


RULES = (
    token("connection_string",
          r"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s:@/,\"'<>?#\\]*:[^\s@\"'<>?#]{3,}@"
          r"[\w.-]+(?::[0-9]{1,5})?(?:,[\w.-]+(?::[0-9]{1,5})?){0,6}"
          r"(?:[/?][\w./?&=%:-]*)?",
          "://", entropy=0, score=0.9, verify=password_in_address, validated=True),
    token("sidekiq_address", r"https?://<H8>:<H8>@(?:gems|enterprise)\.contribsys\.com[\w./?&=#:-]*",
          "contribsys.com", entropy=0, score=1.0, validated=True),
    assigned("sidekiq_secret", "bundle_(?:enterprise|gems)__contribsys__com", "<H8>:<H8>",
             "contribsys", entropy=0),
    token("database_password", r"[^;\"'\s<>]{4,}", "password", "pwd", entropy=2.0, score=0.85,
          bounded=False, verify=plausible,
          lead=cased("server|data source|host|user id|uid|database|initial catalog")
          + r"\s?=[^;\r\n]+;[^\r\n]*(?i:password|pwd)\s?=\s?"),
    token("jdbc_password", r"[^&;\"'\s<>]{4,}", "jdbc:", entropy=2.0, score=0.85, bounded=False,
          verify=plausible, lead=r"jdbc:[a-z0-9:]{2,30}//[^\s\"'<>]+[?&;](?i:password|pwd)="),
    token("sql_password", r"[^'\"\s]{4,}", "identified by", "with password", "password",
          entropy=2.0, score=0.85, bounded=False, verify=plausible,
          lead=cased(r"identified\s+by|with\s+password|with\s+encrypted\s+password|set\s+password\s?=")
          + r"""\s+["']"""),
    token("pgpass_password", r"[^:\s]{4,}", "5432", "5433", "6432", entropy=2.0, score=0.8,
          bounded=False, verify=plausible,
          lead=r":(?:5432|5433|6432):[\w*-]+:[\w*.-]+:"),
    token("netrc_password", r"[^\s\"']{4,}", "machine", entropy=2.0, score=0.85, bounded=False,
          verify=plausible,
          lead=r"machine\s{1,8}[\w.-]+\s{1,8}login\s{1,8}\S+\s{1,8}password\s{1,8}"),
    token("mysql_login_password", r"[^\s\"'<>|&;]{4,64}", "mysql", entropy=2.0, score=0.8,
          bounded=False, verify=plausible,
          lead=r"(?:mysql|mysqldump|mysqladmin|mariadb)\s[^|;\r\n]*\s-p"),
    token("password_hash", rf"\$(?:{'|'.join(_HASHES)})", "$2a$", "$2b$", "$2x$", "$2y$", "$1$",
          "$5$", "$6$", "$y$", "$apr1$", "$argon2", entropy=3.5, score=0.8, bounded=False),
    token("docker_registry_auth", "<b16,>={0,2}", '"auth"', score=0.85, entropy=3.2,
          bounded=False, lead=r"\"auth\"\s{0,4}:\s{0,4}\""),
    token("supabase_token", "sbp_<h40>", "sbp_"),
    token("supabase_key", "sb_secret_<w22,>(?:_<w8>)?", "sb_secret_", entropy=3.6),
    token("planetscale_token", r"pscale_(?:tkn|oauth|pw)_[\w.=-]{32,64}", "pscale_tkn_",
          "pscale_oauth_", "pscale_pw_", entropy=3.4),
    token("neon_key", "napi_<a60,>", "napi_", entropy=4.0),
    token("mongodb_atlas_key", "mdb_sa_sk_<w40>", "mdb_sa_sk_", entropy=4.0),
    token("clickhouse_cloud_key", "4b1d<a38>", "4b1d", entropy=3.8),
    token("astra_token", "AstraCS:<a24>:<h64>", "AstraCS:"),
    token("xata_key", "xa[uo]_<a32,36>", "xau_", "xao_", entropy=3.8),
    token("fauna_key", "fn[AE]<w37,>", "fauna", lead=cased("fauna") + ASSIGN, entropy=3.8),
    token("prisma_key", r"eyJ<w20,>\.<w20,>\.<w20,>", "prisma", lead=r"prisma(?:\+postgres)?://[^\s\"'?]{4,100}\?api_key="),
    token("confluent_secret", "cflt<b60>", "cflt", entropy=4.2),
    assigned("confluent_key", "confluent", "<b64>|<u16>", entropy=3.2),
    token("aiven_token", "AVNS_<w19,>", "AVNS_", entropy=3.2),
    assigned("aiven_legacy_token", "aiven", "<b372>", entropy=4.0),
    assigned("snowflake_password", "snowflake_pass\\w{0,4}|snowsql_pwd", r"[^\s\"'<>;]{8,}",
             "snowflake", "snowsql", verify=plausible),
    assigned("neo4j_password", "neo4j_pass\\w{0,4}", "<w16,>", "neo4j", verify=plausible),
    assigned("redis_password", "redis_pass\\w{0,4}|requirepass", r"[^\s\"'<>;]{8,}", "redis",
             "requirepass", verify=plausible),
    assigned("couchbase_password", "couchbase_pass\\w{0,4}", r"[^\s\"'<>;]{8,}", "couchbase",
             verify=plausible),
)  # fmt: skip
