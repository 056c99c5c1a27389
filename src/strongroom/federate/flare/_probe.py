"""A handshake before FLARE's own, whose errors say why there is no connection."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

from strongroom.errors import InputError, KeyRefusedError

if TYPE_CHECKING:
    from strongroom.federate.flare._kit import Kit

_SECONDS = 5.0
_HANGS_UP = 2.0


def probe(kit: Kit) -> None:
    """Shake hands with the server of a kit, and hang up.

    Raises:
        InputError: nobody listens there, or the address is unknown.
        KeyRefusedError: one of the two doesn't take the other's certificate.
    """
    where = f"{kit.host}:{kit.port}"
    context = ssl.create_default_context(cafile=str(kit.authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    try:
        context.load_cert_chain(kit.certificate, kit.key)
        with (
            socket.create_connection((kit.host, kit.port), _SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=kit.host) as talk,
        ):
            # In TLS 1.3 the server looks at our certificate after we think that we are through: one
            # that takes it sends its HTTP/2 settings, or waits for ours; one that doesn't hangs up.
            talk.settimeout(_HANGS_UP)
            taken = _said_something(talk)
    except ssl.SSLCertVerificationError as error:
        raise KeyRefusedError(
            f"the server's certificate is not to be trusted: {error.verify_message}",
            where=where,
            hint="is this the right address? is your kit of this federation?",
        ) from error
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        taken = False
    except socket.gaierror as error:
        raise InputError(
            "the server's address is unknown here", where=where, hint="name servers, /etc/hosts"
        ) from error
    except TimeoutError as error:
        raise InputError("the server doesn't answer", where=where, hint="a firewall?") from error
    except OSError as error:
        raise InputError(
            "nobody listens there", where=where, hint="start it first: strongroom federate serve"
        ) from error
    if not taken:
        raise KeyRefusedError(
            "the server doesn't take this kit's certificate",
            where=where,
            hint="your kit is of another federation, or its certificate has expired",
        )


def _said_something(talk: ssl.SSLSocket) -> bool:
    try:
        return bool(talk.recv(1))
    except TimeoutError:
        return True
