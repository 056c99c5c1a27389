"""seal: every artefact encrypted to every recipient, and nothing left in clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.stages._stage import Outcome, Reads, Stage, Way

if TYPE_CHECKING:
    from collections.abc import Mapping


def _settings(way: Way) -> Any:  # noqa: ANN401 - JSON
    return [list(way.config.seal.recipients), str(way.workspace.keyring.recipient)]


def _work(way: Way) -> Outcome:
    workspace = way.workspace
    outputs = dict(way.outputs["anonymize"])
    listed = []
    for index, (name, digest) in enumerate(sorted(outputs.items())):
        way.view.step(index, len(outputs), name)
        artefact = workspace.seal_to(digest, way.config.seal.recipients)
        outputs[name] = artefact.digest
        listed.append(
            {
                "name": name,
                "kind": artefact.kind,
                "size": artefact.size,
                "digest": artefact.digest,
                "fingerprint": artefact.fingerprint,
            }
        )
    recipients = [str(workspace.keyring.recipient), *way.config.seal.recipients]
    return Outcome(
        {"artefacts": listed, "recipients": recipients, "clear_files": workspace.clear_files()},
        outputs,
    )


def _summary(doc: Mapping[str, Any]) -> str:
    recipients = doc["recipients"]
    more = f" and {len(recipients) - 1} more" if len(recipients) > 1 else ""
    size = sum(a["size"] for a in doc["artefacts"]) / 1e6
    key = f"{recipients[0][:6]}…{recipients[0][-2:]}"
    return f"{len(doc['artefacts'])} artefacts, {size:.1f} MB · key {key}{more}"


STAGE = Stage(
    name="seal",
    reads={"anonymize": Reads(artefacts=("minimized", "anonymized", "test"))},
    rooms=("vault", "store"),
    settings=_settings,
    work=_work,
    summary=_summary,
)
