"""One connection to an endpoint: verified TLS, a rate limit, patience, and limits of size."""

from __future__ import annotations

import email.utils
import http.client
import json
import random
import re
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from strongroom.errors import EndpointError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LARGEST_ANSWER = 64 << 20
_LONGEST_WAIT = 120.0  # seconds, whatever Retry-After says
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_HINTS = {
    401: "a header with a key is missing or refused; name it under [headers]",
    403: "the key in [headers] isn't allowed to ask for this",
    404: "check the url",
    405: "check the method",
    415: "it wants another content type; name it under [headers]",
    422: "the rows don't have the form that it wants; check [request] and the columns",
}


class TooLargeError(Exception):
    """The endpoint wants smaller requests (413)."""


class GarbageError(ValueError):
    """An answer that isn't one; the text says how, and quotes nothing of it."""


@dataclass
class Transport:
    """Sends JSON and returns JSON.

    Attributes:
        url: http or https; http only to this machine, unless `plaintext` says so.
        method: POST, PUT or GET.
        headers: sent each time; never repeated in an error.
        authorities: PEM file of certificate authorities beside the system's own.
        timeout: seconds for one answer.
        retries: how often the same is asked again.
        backoff: seconds before the first retry; each further one waits twice as long.
        requests_per_second: at most; 0 is no limit.
        requests, retried: how many there were.
    """

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    authorities: str | None = None
    timeout: float = 30.0
    retries: int = 5
    backoff: float = 0.5
    requests_per_second: float = 0.0
    plaintext: bool = False
    requests: int = 0
    retried: int = 0
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)
    _last: float = field(default=0.0, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in {"http", "https"} and bool(parts.hostname)
            sound = sound and (parts.port is None or parts.port > 0)
        except ValueError:
            sound = False
        if not sound or re.search(r"[\s\x00-\x1f\x7f]", self.url):
            raise InputError("not an address of http or https", hint="https://host/path")
        if parts.username or parts.password:
            raise InputError(
                "the address holds a password",
                where=self.shown,
                hint='name it under [headers], from the environment: Authorization = "Bearer ${X}"',
            )
        if parts.scheme == "http" and parts.hostname not in _LOCAL and not self.plaintext:
            raise InputError(
                "rows would cross the network unencrypted",
                where=self.shown,
                hint="give an https address; or say plaintext = true in the mapping, if the "
                "network itself is trusted",
            )

    @property
    def shown(self) -> str:
        """The address without query and password, for messages."""
        parts = urlsplit(self.url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"

    def ask(self, body: Any, understand: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - JSON
        """Return what `understand` makes of the answer to a request.

        Args:
            body: JSON; None sends none.
            understand: from the answer's JSON; raises `GarbageError` for one that isn't usable.

        Raises:
            EndpointError: it didn't answer usably, however often it was asked.
            TooLargeError: it wants smaller requests.
        """
        why = ""
        for attempt in range(self.retries + 1):
            wait = 0.0
            try:
                status, headers, content = self._once(body)
                if status in _AGAIN:
                    why, wait = f"it answered with status {status}", _retry_after(headers)
                else:
                    self._refuse(status)
                    return understand(_json(content))
            except GarbageError as error:
                why = f"its answer is not usable: {error}"
            except TimeoutError:
                why = f"no answer within {self.timeout:g} s"
            except ssl.SSLCertVerificationError as error:
                raise EndpointError(
                    "its certificate can't be verified",
                    where=self.shown,
                    hint="name the file of its certificate authority in the mapping (ca); there is "
                    "no way to go without",
                ) from error
            except (OSError, http.client.HTTPException) as error:
                why = f"the connection failed ({type(error).__name__})"
            self.close()
            if attempt < self.retries:
                self.retried += 1
                # Jitter, so that many clients don't come back at the same moment.
                pause = self.backoff * 2**attempt * random.uniform(0.75, 1.25)  # noqa: S311
                time.sleep(min(max(pause, wait), _LONGEST_WAIT))
        raise EndpointError(
            f"the endpoint was asked {self.retries + 1} times: {why}",
            where=self.shown,
            hint="what was answered before is kept; ask fewer rows a second (requests_per_second) "
            "or wait longer (timeout, retries) in the mapping",
        )

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, body: Any) -> tuple[int, Mapping[str, str], bytes]:  # noqa: ANN401
        self._wait_for_turn()
        parts = urlsplit(self.url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Accept": "application/json", "User-Agent": "strongroom-audit"}
        if sent is not None:
            headers["Content-Type"] = "application/json"
        self.requests += 1
        connection = self._connect()
        connection.request(self.method, path, sent, {**headers, **self.headers})
        answer = connection.getresponse()
        content = answer.read(_LARGEST_ANSWER + 1)
        if len(content) > _LARGEST_ANSWER:
            self.close()
            raise GarbageError("it is larger than 64 MiB")
        if answer.will_close:
            self.close()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, content

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            host = parts.hostname or ""
            if parts.scheme == "https":
                context = ssl.create_default_context()
                if self.authorities is not None:
                    try:
                        context.load_verify_locations(self.authorities)
                    except (OSError, ssl.SSLError) as error:
                        raise InputError(
                            "not a file of certificates", where=str(self.authorities)
                        ) from error
                self._connection = http.client.HTTPSConnection(
                    host, parts.port, timeout=self.timeout, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(
                    host, parts.port, timeout=self.timeout
                )
        return self._connection

    def _wait_for_turn(self) -> None:
        if self.requests_per_second > 0:
            rest = self._last + 1 / self.requests_per_second - time.monotonic()
            if rest > 0:
                time.sleep(rest)
        self._last = time.monotonic()

    def _refuse(self, status: int) -> None:
        if status == 413:  # noqa: PLR2004 - content too large
            raise TooLargeError
        if 300 <= status < 400:  # noqa: PLR2004 - redirects could carry rows and keys elsewhere
            raise EndpointError(
                "it sends us to another address, which is not followed",
                where=self.shown,
                hint="give the final address",
            )
        if status >= 400:  # noqa: PLR2004 - errors that asking again won't mend
            raise EndpointError(
                f"it answered with status {status}",
                where=self.shown,
                hint=_HINTS.get(status, "its own log says why"),
            )


def _json(content: bytes) -> Any:  # noqa: ANN401
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise GarbageError("it is not JSON") from error


def _retry_after(headers: Mapping[str, str]) -> float:
    """Return the seconds that the header asks for (RFC 9110, 10.2.3): a number or a date."""
    told = headers.get("retry-after", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(told).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
