"""What a model of text gives away of the texts that it learnt from.

Only models of what token comes next are concerned. In: sequences of tokens, planted canaries. Out:
counts, shares and ranks with intervals, and numbers of rows. Never: a text, a value found in one,
or a planted secret.
"""

from strongroom.attacks.extraction._exposure import Exposure
from strongroom.attacks.extraction._free_run import FreeRun
from strongroom.attacks.extraction._memorised import Memorised
from strongroom.attacks.extraction._plant import Canary, Plant, Template, plant

__all__ = ["Canary", "Exposure", "FreeRun", "Memorised", "Plant", "Template", "plant"]
