"""A federation and the workspaces at its two ends: what a site brings, what a coordinator keeps."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from strongroom.errors import ConfigError, InputError, WorkspaceError
from strongroom.files import fsync_folder, user_errors, write_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from strongroom.config import Config, Limit
    from strongroom.federate import Answers, Channel, Recipe, Settings
    from strongroom.federate.coordinator import FederationResult
    from strongroom.federate.evidence import FederationEvidence, LeakReport
    from strongroom.federate.site import Site
    from strongroom.models import TrainedModel
    from strongroom.progress import Progress
    from strongroom.store import Workspace

NAME = "federation"
MODEL_KIND, STATEMENTS_KIND = "model-bundle", "federation-statements"


def check_name(config: Config, name: str) -> None:
    """See that a site's configuration and its kit are of the same site.

    Raises:
        ConfigError: they aren't.
    """
    if config.federation.site not in {None, name}:
        raise ConfigError(
            f'strongroom.toml is of the site "{config.federation.site}", and the kit of "{name}"',
            where="[federation] site",
            hint="take the other kit, or correct the name",
        )


def make_site(
    config: Config,
    workspace: Workspace,
    name: str,
    *,
    approve: Callable[[str], bool],
    tell: Callable[[str, str], None],
    progress: Progress,
) -> Site:
    """Return the site that answers for the rows that lie sealed in a workspace.

    Args:
        config: the site's: policy, declarations, budget.
        workspace: where `strongroom run --until seal` left its rows.
        name: by which its kit knows it.
        approve: whether people said yes to the recipe of a digest.
        tell: what people should know: (job, text).
        progress: is told every local step.

    Raises:
        ConfigError: see `check_name`.
        WorkspaceError: no rows are sealed there.
    """
    from strongroom.federate.site import Site

    check_name(config, name)
    sealed = workspace.stage("seal")
    if sealed is None:
        raise WorkspaceError("no rows are sealed here", hint="strongroom run --until seal")
    test = sealed.outputs.get("test")
    return Site(
        name,
        workspace.get_dataset(sealed.outputs["minimized"]),
        workspace.get_dataset(test) if test else None,
        config.federation,
        key=workspace.keyring.signing_key,
        ledger=workspace.ledger,
        account=config.project.name,
        budget=config.data.budget,
        columns=config.data.columns,
        rows=config.data.rows,
        checkpointer=lambda job: workspace.checkpointer(f"{NAME}-{job}"),
        evidence=workspace.evidence,
        approve=approve,
        tell=tell,
        progress=progress,
    )


def examined(
    site: Site,
    config: Config,
    workspace: Workspace,
    *,
    told: Callable[[str, LeakReport], None],
    alarmed: Callable[[str, LeakReport], None],
) -> Answers:
    """Return what answers for a site: with `[federation] examine`, nothing leaves unsearched.

    Args:
        site: from `make_site`.
        config: the site's.
        workspace: the site's, where its rows are.
        told: is given the report of each finished job.
        alarmed: is given the report when an answer was held back.
    """
    sealed = workspace.stage("seal")
    if not config.federation.examine or sealed is None:
        return site
    from strongroom.federate.evidence import Examined

    rows = workspace.get_dataset(sealed.outputs["minimized"])
    return Examined(site, rows, told=told, alarmed=alarmed)


class Unfinished:
    """The job that a coordinator began and hasn't finished: its recipe, to go on with.

    Args:
        workspace: the coordinator's.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._path = workspace.folder / NAME / "job.json"

    def load(self) -> Recipe | None:
        """Return its recipe, if there is one."""
        from strongroom.federate import Recipe

        if not self._path.is_file():
            return None
        return Recipe.model_validate(json.loads(self._path.read_bytes())["recipe"])

    def fits(self, settings: Settings) -> bool:
        """Tell whether the settings are still those that it was begun with."""
        known = json.loads(self._path.read_bytes())["settings"]
        return bool(known == settings.model_dump(mode="json"))

    def save(self, recipe: Recipe, settings: Settings) -> None:
        """Keep a recipe before the first site is asked."""
        with user_errors(self._path):
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
        kept = {"recipe": recipe.model_dump(mode="json"),
                "settings": settings.model_dump(mode="json")}  # fmt: skip
        write_bytes(self._path, json.dumps(kept).encode(), mode=0o600)

    def clear(self) -> None:
        """Forget it and its rounds."""
        self._workspace.checkpointer(NAME).clear()
        self._path.unlink(missing_ok=True)


def run_job(
    workspace: Workspace,
    channel: Channel,
    recipe: Recipe,
    settings: Settings,
    *,
    progress: Progress,
    patience: float,
) -> FederationEvidence:
    """Run a job, or go on with it at its last finished round, and keep what it came to.

    Its rounds lie sealed in the workspace; in the end the model does, and every site's evidence.
    """
    from strongroom.federate.coordinator import Coordinator
    from strongroom.federate.evidence import FederationEvidence, Watched
    from strongroom.vault import VerifyKey

    unfinished = Unfinished(workspace)
    goes_on = unfinished.load() is not None
    unfinished.save(recipe, settings)
    watched = Watched(channel)
    result = Coordinator(
        recipe,
        watched,
        store=workspace.checkpointer(NAME),
        pinned={site: VerifyKey.parse(text) for site, text in settings.peers.items()},
        progress=progress,
        patience=patience,
    ).run()
    # Of a job that goes on, what crossed before wasn't counted here.
    evidence = FederationEvidence(result, {} if goes_on else watched.traffic())
    keep_result(workspace, evidence)
    unfinished.clear()
    return evidence


def measure_model(
    workspace: Workspace, channel: Channel, model: TrainedModel, settings: Settings
) -> FederationEvidence:
    """Let the sites measure a model on their test rows, and keep what they say."""
    from strongroom.federate.coordinator import evaluate_model
    from strongroom.federate.evidence import FederationEvidence, Watched
    from strongroom.vault import VerifyKey

    watched = Watched(channel)
    result = evaluate_model(
        watched,
        model,
        project=settings.project.name,
        sites=settings.job.sites or None,
        pinned={site: VerifyKey.parse(text) for site, text in settings.peers.items()},
        deadline=settings.job.deadline,
        min_sites=settings.job.min_sites,
    )
    evidence = FederationEvidence(result, watched.traffic())
    keep_result(workspace, evidence, f"{NAME}-measured")
    return evidence


def keep_result(workspace: Workspace, evidence: FederationEvidence, name: str = NAME) -> None:
    """Seal the model and the sites' statements, and write down what was done, signed."""
    from strongroom.vault import pack_bundle

    result = evidence.result
    doc = document(evidence)
    content = pack_bundle(result.model.tensors(), _about(result), _card(result))
    statements = json.dumps(doc["statements"], sort_keys=True).encode()
    outputs = {
        "model": workspace.put("model", MODEL_KIND, content).digest,
        "statements": workspace.put("statements", STATEMENTS_KIND, statements).digest,
    }
    told = {
        "recipe": doc["digest"],
        "sites": {site: s["verified"] for site, s in doc["statements"].items()},
    }
    workspace.finish_stage(name, result.recipe.job, outputs, doc, told)


def document(evidence: FederationEvidence) -> dict[str, Any]:
    """Return what a job came to and what was found when it was looked at, as JSON values."""
    findings = evidence.findings()
    return {
        **evidence.result.to_json(),
        "evidence": evidence.to_json(),
        "findings": [finding.to_json() for finding in findings],
    }


def release_model(workspace: Workspace, result: FederationResult, folder: Path) -> None:
    """Write the model in the clear, signed by the coordinator.

    Raises:
        InputError: there is something else in the way.
    """
    from strongroom.vault import write_bundle

    if folder.exists() and not (folder / "manifest.json").is_file():
        raise InputError(
            "the model can't be written here: this folder isn't one of ours",
            where=str(folder),
            hint="move it away; the model lies sealed in the workspace",
        )
    beside = folder.with_name(f".{folder.name}-new")
    with user_errors(folder):
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        write_bundle(
            beside,
            result.model.tensors(),
            _about(result),
            _card(result),
            workspace.keyring.signing_key,
        )
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)
        fsync_folder(folder.parent)


def write_report(
    workspace: Workspace, evidence: FederationEvidence, policy: Mapping[str, Limit], folder: Path
) -> bool:
    """Write report.html, report.json and report.sarif, and return whether the policy agrees.

    Raises:
        ConfigError: the policy names a metric that doesn't exist.
    """
    from strongroom.federate.evidence import report_of
    from strongroom.report import render_html, render_json, render_sarif

    records = tuple(record.to_json() for record in workspace.evidence.records())
    data = report_of(evidence, policy, records=records)
    with user_errors(folder):
        folder.mkdir(exist_ok=True)
    pages = {
        "report.html": render_html(data),
        "report.json": json.dumps(render_json(data), ensure_ascii=False, indent=2),
        "report.sarif": json.dumps(render_sarif(data), ensure_ascii=False, indent=2),
    }
    for name, page in pages.items():
        write_bytes(folder / name, page.encode())
    return data.verdict is None or bool(data.verdict["ok"])


def _about(result: FederationResult) -> dict[str, Any]:
    return {
        **result.model.meta(),
        "train": result.recipe.train.model_dump(mode="json"),
        "privacy": result.privacy.to_json() if result.privacy else None,
        "metrics": result.metrics,
        "federation": {"recipe": result.recipe.digest(), "sites": sorted(result.members)},
    }


def _card(result: FederationResult) -> str:
    """Return a model card: what it is, who took part, what is proved and what isn't."""
    return f"# {result.recipe.project}\n\nTrained by a federation.\n\n```\n{result}\n```\n"
