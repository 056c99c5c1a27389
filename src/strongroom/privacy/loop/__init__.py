"""Two lines that turn a user's own PyTorch loop private: `make_private`.

In: a model, an optimizer, the data, a guarantee. Out: the same model and optimizer, watched, and a
loader that draws private batches; the loop itself stays as it is.
Never: a step whose batch was not drawn by the loader, or more steps than were paid for.
"""

from __future__ import annotations

from strongroom.privacy.loop._adam import AdamCorrected
from strongroom.privacy.loop._loader import PrivateLoader
from strongroom.privacy.loop._make import make_private
from strongroom.privacy.loop._run import PrivateRun

__all__ = ["AdamCorrected", "PrivateLoader", "PrivateRun", "make_private"]
