"""Is a model file safe to load? Answered without loading it.

In: a path or bytes. Out: an `Inspection`. Nothing of the file is ever executed, imported or
unpickled; formats are told by content, never by name; and what isn't proved safe is not safe.
"""

from strongroom.vault.inspection._inspect import inspect_bytes, inspect_file
from strongroom.vault.inspection._result import Inspection, Verdict

__all__ = ["Inspection", "Verdict", "inspect_bytes", "inspect_file"]
