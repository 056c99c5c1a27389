"""Makes start-up kits: FLARE's provisioner issues the certificates, and the rest stays out."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from strongroom import __version__
from strongroom.errors import InputError, MissingExtraError, WorkspaceError
from strongroom.federate.flare._kit import COORDINATOR, ORGANIZATION, PROJECT, Kit, write_secret
from strongroom.files import write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SITE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
_TAKEN = {"server", "coordinator"}
_DAYS = 3650
_GATE = "strongroom.federate.flare._gate"
_HALL = "strongroom.federate.flare._hall"


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
        write_secret(
            folder / "ca" / "cert.json", (made.parent / "state" / "cert.json").read_bytes()
        )
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
        write_secret(scratch / PROJECT / "state" / "cert.json", state.read_bytes())
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
            write_secret(place / "startup" / path.name, path.read_bytes())
    if kind != "coordinator":
        for file, content in _local(kind).items():
            write_secret(place / "local" / file, _json(content))
    told = {
        "kind": kind, "name": name, "host": host, "port": port, "version": __version__,
        "sites": list(sites),
    }  # fmt: skip
    write_secret(place / "kit.json", _json(told))
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
