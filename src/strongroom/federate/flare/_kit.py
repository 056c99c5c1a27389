"""Start-up kits: who takes part, with a certificate each, made and signed by FLARE's provisioner.

    FOLDER/
      ca/              the federation's own authority: its key signs kits, and never leaves here
      server/          runs the federation's only open port: `strongroom federate serve`
      coordinator/     asks the sites: `strongroom federate run`
      sites/NAME/      and sites/NAME.zip, to hand to that site: `strongroom federate join`

A kit has no code and no start script: `kit.json`, certificates, and FLARE's configuration without
jobs, launchers, telemetry, filters and log streaming.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from strongroom import __version__
from strongroom.errors import InputError, KeyRefusedError
from strongroom.files import user_errors, write_bytes

COORDINATOR = "coordinator@strongroom.federation"
PROJECT = "strongroom"
ORGANIZATION = "strongroom"
_MOST_FILES, _MOST_BYTES = 64, 1 << 20


@dataclass(frozen=True)
class Kit:
    """One participant's start-up kit.

    Attributes:
        folder: where it is.
        kind: of whom.
        name: the site's; "server", "coordinator".
        host, port: of the server.
        version: of the Strongroom that made it.
        sites: who was invited, as far as known when it was made; empty in a site's kit.
    """

    folder: Path
    kind: Literal["server", "coordinator", "site"]
    name: str
    host: str
    port: int
    version: str
    sites: tuple[str, ...] = ()

    @property
    def startup(self) -> Path:
        """Where its certificates are."""
        return self.folder / "startup"

    @property
    def certificate(self) -> Path:
        """Its own."""
        return self.startup / f"{self._base}.crt"

    @property
    def key(self) -> Path:
        """The secret key of its certificate."""
        return self.startup / f"{self._base}.key"

    @property
    def authority(self) -> Path:
        """The certificate of the federation's authority."""
        return self.startup / "rootCA.pem"

    @property
    def ends(self) -> dt.datetime:
        """When its certificate expires, UTC."""
        from cryptography import x509

        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc

    @property
    def _base(self) -> str:
        return "server" if self.kind == "server" else "client"

    def check(self) -> None:
        """See that it can be used today.

        Raises:
            KeyRefusedError: its key can be read by others; its certificate isn't its
                authority's, has expired or isn't valid yet.
            InputError: a file of it is missing.
        """
        from cryptography import x509
        from cryptography.exceptions import InvalidSignature

        for path in (self.certificate, self.key, self.authority):
            if not path.is_file():
                raise InputError(
                    "this start-up kit isn't whole",
                    where=str(path),
                    hint="ask for it again: strongroom federate init made it",
                )
        if os.name == "posix" and self.key.stat().st_mode & 0o077:
            raise KeyRefusedError(
                "others can read this kit's key", where=str(self.key), hint=f"chmod 600 {self.key}"
            )
        try:
            own = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            authority = x509.load_pem_x509_certificate(self.authority.read_bytes())
        except ValueError as error:
            raise KeyRefusedError(
                "a certificate of this kit can't be read", where=str(self.startup)
            ) from error
        try:
            own.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature) as error:
            raise KeyRefusedError(
                "this kit's certificate is not from the kit's authority",
                where=str(self.certificate),
                hint="use the kit as it was handed over; kits of two federations don't mix",
            ) from error
        for path, one in ((self.certificate, own), (self.authority, authority)):
            _check_dates(path, one.not_valid_before_utc, one.not_valid_after_utc)


def _check_dates(path: Path, begins: dt.datetime, ends: dt.datetime) -> None:
    now = dt.datetime.now(dt.UTC)
    if now > ends:
        raise KeyRefusedError(
            f"this certificate expired on {ends:%Y-%m-%d}",
            where=str(path),
            hint="ask the coordinator for a new kit: strongroom federate init",
        )
    # FLARE makes certificates valid from the very second: clocks may differ by a few minutes.
    if now + dt.timedelta(minutes=5) < begins:
        raise KeyRefusedError(
            f"this certificate is valid from {begins:%Y-%m-%d %H:%M} UTC on",
            where=str(path),
            hint="set this machine's clock",
        )


def read_kit(path: Path, kind: str | None = None) -> Kit:
    """Read a kit from its folder, or unpack it beside its zip file.

    Args:
        path: a folder or a `.zip`.
        kind: of whom it must be.

    Raises:
        InputError: it isn't a kit, or another's.
        KeyRefusedError: see `Kit.check`.
    """
    folder = _unpacked(path) if path.suffix == ".zip" else path
    about = folder / "kit.json"
    if not about.is_file():
        raise InputError("this is not a start-up kit", where=str(path),
                         hint="strongroom federate init makes kits")  # fmt: skip
    try:
        told = json.loads(about.read_bytes())
        kit = Kit(
            folder.resolve(), told["kind"], told["name"], told["host"], int(told["port"]),
            told["version"], tuple(told["sites"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("this start-up kit can't be read", where=str(about)) from error
    if kind is not None and kit.kind != kind:
        verb = {"server": "serve", "coordinator": "run", "site": "join"}.get(kit.kind, "")
        raise InputError(
            f"this is the kit of the {kit.kind}{f' {kit.name}' if kit.kind == 'site' else ''}, "
            f"not of a {kind}",
            where=str(path),
            hint=f"strongroom federate {verb} takes it",
        )
    _check_version(kit)
    kit.check()
    return kit


def _check_version(kit: Kit) -> None:
    if kit.version.split(".")[:2] != __version__.split(".")[:2]:
        raise InputError(
            f"this kit is from Strongroom {kit.version}, and here is {__version__}",
            where=str(kit.folder),
            hint="all sites need the same version: install it, or ask for a new kit",
        )


def _unpacked(path: Path) -> Path:
    folder = path.with_suffix("")
    try:
        content = path.read_bytes()
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            names = [Path(m.filename) for m in members]
            if (
                len(members) > _MOST_FILES
                or sum(m.file_size for m in members) > _MOST_BYTES
                or any(n.is_absolute() or ".." in n.parts for n in names)
            ):
                raise InputError("this is not a start-up kit", where=str(path))
            for member, name in zip(members, names, strict=True):
                write_secret(folder / name, archive.read(member))
    except FileNotFoundError:
        raise InputError("no such start-up kit", where=str(path)) from None
    except zipfile.BadZipFile:
        raise InputError("this zip file can't be read", where=str(path)) from None
    return folder


def write_secret(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read, making its folder."""
    with user_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_bytes(path, content, mode=0o600)
