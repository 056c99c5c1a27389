"""The coordinator's signature on each request, so that not even the server can ask in its name.

RSA-PSS with SHA-256 by the key of the coordinator's kit, over what is asked and of whom; the
certificate travels along, and a site takes it if its own authority issued it to the coordinator.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from strongroom.federate.flare._kit import COORDINATOR

if TYPE_CHECKING:
    from strongroom.federate.flare._kit import Kit

_PADDING = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)


class Signer:
    """Signs with the key of the coordinator's kit."""

    def __init__(self, kit: Kit) -> None:
        key = serialization.load_pem_private_key(kit.key.read_bytes(), None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("FLARE's provisioner makes RSA keys")
        self._key = key
        self.certificate = kit.certificate.read_bytes()

    def sign(self, site: str, topic: str, content: bytes) -> bytes:
        """Return the signature of a request to a site."""
        return self._key.sign(_said(site, topic, content), _PADDING, hashes.SHA256())


class Verifier:
    """Holds requests against the authority of a site's kit."""

    def __init__(self, kit: Kit) -> None:
        self._site = kit.name
        self._authority = x509.load_pem_x509_certificate(kit.authority.read_bytes())
        self._trusted: tuple[bytes, x509.Certificate] | None = None

    def verify(self, topic: str, content: bytes, certificate: object, signature: object) -> bool:
        """Tell whether the coordinator signed this request to this site."""
        if not isinstance(certificate, bytes) or not isinstance(signature, bytes):
            return False
        try:
            key = self._certified(certificate).public_key()
            if not isinstance(key, rsa.RSAPublicKey):
                return False
            key.verify(signature, _said(self._site, topic, content), _PADDING, hashes.SHA256())
        except (ValueError, TypeError, InvalidSignature):
            return False
        return True

    def _certified(self, pem: bytes) -> x509.Certificate:
        if self._trusted is None or self._trusted[0] != pem:
            found = x509.load_pem_x509_certificate(pem)
            found.verify_directly_issued_by(self._authority)
            names = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            if [name.value for name in names] != [COORDINATOR]:
                raise ValueError("not the coordinator's certificate")
            self._trusted = (pem, found)
        found = self._trusted[1]
        now = dt.datetime.now(dt.UTC)
        leeway = dt.timedelta(minutes=5)  # clocks differ
        if not found.not_valid_before_utc - leeway <= now <= found.not_valid_after_utc:
            raise ValueError("a certificate out of its time")
        return found


def _said(site: str, topic: str, content: bytes) -> bytes:
    head = f"strongroom federate request\0{site}\0{topic}\0".encode()
    return head + hashlib.sha256(content).digest()
