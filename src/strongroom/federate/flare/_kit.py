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

import contextlib
import datetime as dt
import io
import json
import logging
import os
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from strongroom import __version__
from strongroom.errors import InputError, KeyRefusedError, MissingExtraError, WorkspaceError
from strongroom.files import user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COORDINATOR = "coordinator@strongroom.federation"
PROJECT = "strongroom"
ORGANIZATION = "strongroom"
_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_TAKEN = {"server", "coordinator"}
_DAYS = 3650
_MOST_FILES, _MOST_BYTES = 64, 1 << 20
_GATE = "strongroom.federate.flare._gate"
_HALL = "strongroom.federate.flare._hall"


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
                _write(folder / name, archive.read(member))
    except FileNotFoundError:
        raise InputError("no such start-up kit", where=str(path)) from None
    except zipfile.BadZipFile:
        raise InputError("this zip file can't be read", where=str(path)) from None
    return folder


def _write(path: Path, content: bytes) -> None:
    with user_errors(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_bytes(path, content, mode=0o600)


def make_kits(folder: Path, sites: Sequence[str], host: str, port: int) -> dict[str, Kit]:
    """Make an authority, and a kit for the server, the coordinator and each site.

    Run again with more sites, it keeps the authority and everybody's certificates.

    Args:
        folder: where to; see the module.
        sites: their names.
        host: of the server, as the sites reach it: a name or an IPv4 address.
        port: of the server.

    Raises:
        InputError: a name that can't be one, twice, or a host that the kits there don't have.
        MissingExtraError: NVIDIA FLARE isn't installed.
    """
    _check_names(sites, host, port)
    every = _with_earlier(folder, sites, host, port)
    with tempfile.TemporaryDirectory() as scratch:
        made = _provision(Path(scratch), folder / "ca" / "cert.json", every, host, port)
        _write(folder / "ca" / "cert.json", (made.parent / "state" / "cert.json").read_bytes())
        kits = {
            "server": _keep(made / host, folder / "server", "server", "server", host, port, every),
            "coordinator": _keep(
                made / COORDINATOR, folder / "coordinator", "coordinator", "coordinator",
                host, port, every,
            ),
        }  # fmt: skip
        for name in every:
            place = folder / "sites" / name
            kits[name] = _keep(made / name, place, "site", name, host, port, ())
            _zip(place)
    return kits


def _check_names(sites: Sequence[str], host: str, port: int) -> None:
    for name in sites:
        if not _SITE.fullmatch(name) or name in _TAKEN:
            raise InputError(
                f'"{name}" can\'t name a site',
                hint="lower-case letters, digits and hyphens, up to 40, such as hospital-a",
            )
    if len(set(sites)) != len(sites):
        raise InputError("a site is named twice")
    if not _HOST.fullmatch(host) or host in sites:
        raise InputError(
            f"\"{host}\" can't be the server's address", hint="a host name or an IPv4 address"
        )
    if not 0 < port < 1 << 16:
        raise InputError(f"{port} is not a port", hint="1 to 65535")


def _with_earlier(folder: Path, sites: Sequence[str], host: str, port: int) -> tuple[str, ...]:
    about = folder / "coordinator" / "kit.json"
    if not about.is_file():
        return tuple(sites)
    told = json.loads(about.read_bytes())
    if (told["host"], told["port"]) != (host, port):
        raise InputError(
            f"the kits there are for {told['host']}:{told['port']}",
            where=str(folder),
            hint="name another folder with -o: a federation has one address",
        )
    return tuple(dict.fromkeys([*told["sites"], *sites]))


def _provision(scratch: Path, state: Path, sites: Sequence[str], host: str, port: int) -> Path:
    """Let FLARE's provisioner make everybody's certificate; return the folder of its kits."""
    try:
        from nvflare.lighter.entity import Project
        from nvflare.lighter.impl.cert import CertBuilder
        from nvflare.lighter.impl.static_file import StaticFileBuilder
        from nvflare.lighter.impl.workspace import WorkspaceBuilder
        from nvflare.lighter.provisioner import Provisioner
    except ImportError:
        raise MissingExtraError("nvflare", "federated") from None
    project = Project(name=PROJECT, description="")
    ports = {"fed_learn_port": port, "admin_port": port}
    names = {"default_host": host, "host_names": ["127.0.0.1"] if host == "localhost" else []}
    project.set_server(host, ORGANIZATION, {**ports, **names})
    for name in sites:
        project.add_client(name, ORGANIZATION, {})
    project.add_admin(COORDINATOR, ORGANIZATION, {"role": "member"})
    if state.is_file():
        _write(scratch / PROJECT / "state" / "cert.json", state.read_bytes())
    # gRPC takes this federation's authority alone and checks the host's name; FLARE's plain TCP
    # trusts the system's authorities too.
    provisioner = Provisioner(
        str(scratch),
        [WorkspaceBuilder(), StaticFileBuilder(scheme="grpc"), CertBuilder(_valid_days(state))],
    )
    provisioner.add_template(_templates())
    log = logging.getLogger(f"{__name__}.provision")
    log.propagate = False
    context = provisioner.provision(project, logger=log)
    place = context.get("current_prod_dir")
    if not isinstance(place, str):
        raise WorkspaceError("NVIDIA FLARE could not make the kits")
    return Path(place)


def _valid_days(state: Path) -> int:
    """Return how long an authority that is there is valid: FLARE takes it with no other."""
    if not state.is_file():
        return _DAYS
    from cryptography import x509

    told = json.loads(state.read_bytes())["root_cert"]
    root = x509.load_pem_x509_certificate(told.encode())
    return (root.not_valid_after_utc - root.not_valid_before_utc).days


def _templates() -> dict[str, Any]:
    import yaml
    from nvflare import lighter

    text = (Path(lighter.__file__).parent / "templates" / "master_template.yml").read_text()
    loaded = yaml.safe_load(text)
    if not isinstance(loaded, dict):
        raise TypeError("FLARE's templates")
    return loaded


def _keep(
    made: Path,
    place: Path,
    kind: Literal["server", "coordinator", "site"],
    name: str,
    host: str,
    port: int,
    sites: Sequence[str],
) -> Kit:
    """Take over what a kit needs: certificates and FLARE's start configuration, nothing else."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(place)
    for path in sorted((made / "startup").iterdir()):
        if path.suffix in {".crt", ".key", ".pem", ".json"}:
            _write(place / "startup" / path.name, path.read_bytes())
    if kind != "coordinator":
        for file, content in _local(kind).items():
            _write(place / "local" / file, _json(content))
    told = {
        "kind": kind, "name": name, "host": host, "port": port, "version": __version__,
        "sites": list(sites),
    }  # fmt: skip
    _write(place / "kit.json", _json(told))
    return Kit(place.resolve(), kind, name, host, port, __version__, tuple(sites))


def _local(kind: Literal["server", "site"]) -> dict[str, Mapping[str, Any]]:
    """Return FLARE's local configuration: our components, and none that could start a job."""
    site = kind == "site"
    components = {"gate": f"{_GATE}.Gate"} if site else {"hall": f"{_HALL}.Hall"}
    validator = f"{_GATE}.NoJobs"
    resources: dict[str, Any] = {
        "format_version": 2,
        "class_list_enforcement_mode": "enforce",
        "class_allow_list": sorted([validator, *components.values()]),
        "allow_log_streaming": False,
        "app_validator": {"path": validator, "args": {}},
        "components": [{"id": i, "path": p, "args": {}} for i, p in components.items()],
    }
    if site:
        resources["client"] = {"retry_timeout": 30, "maint_msg_timeout": 10.0}
    else:
        resources["servers"] = [{"max_num_clients": 10_000, "heart_beat_timeout": 60,
                                 "shutdown_period": 1.0}]  # fmt: skip
    return {
        "resources.json": resources,
        "authorization.json": {"format_version": "1.0", "permissions": {"member": {}}},
        "log_config.json": _log_config(),
    }


def _log_config() -> dict[str, Any]:
    """Return FLARE's logging: warnings and worse, into a file of the kit; nothing on a terminal."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.handlers.RotatingFileHandler",
                "formatter": "plain",
                "filename": "flare.log",
                "maxBytes": 1 << 20,
                "backupCount": 2,
            }
        },
        # It misses the job manager that a server of ours doesn't have.
        "loggers": {"nvflare.private.fed.server.job_runner": {"level": "CRITICAL"}},
        "root": {"level": "WARNING", "handlers": ["file"]},
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2).encode() + b"\n"


def _zip(folder: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.writestr(path.relative_to(folder).as_posix(), path.read_bytes())
    write_bytes(folder.with_suffix(".zip"), buffer.getvalue(), mode=0o600)
