"""A folder that Strongroom released."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from strongroom.models._formats import model_from_parts
from strongroom.vault import read_bundle

if TYPE_CHECKING:
    from strongroom.models._protocol import TrainedModel
    from strongroom.models.foreign._reference import Options, Reference

_FILES = ("model.json", "model.safetensors", "manifest.json")


class ReleasedAdapter:
    """Folders of ours; `api.load_model` gives their recipe and privacy statement, too."""

    name = "strongroom"

    def recognises(self, reference: Reference) -> bool:
        """Tell whether it is a folder with our files."""
        folder = reference.folder
        return folder is not None and all((folder / f).is_file() for f in _FILES)

    def open(self, reference: Reference, options: Options) -> TrainedModel:
        """Return the model; its file says all that options could."""
        del options
        assert reference.path is not None  # noqa: S101 - see `recognises`
        bundle = read_bundle(reference.path)
        made: Any = model_from_parts(bundle.tensors, bundle.meta)
        made.about = bundle.meta
        model: TrainedModel = made
        return model
