"""What a model's own structure gives away: no shadow model, no guess, seconds.

In: a model that can be looked into (an estimator, a network, the graph of an ONNX file) and the
rows that it learnt from. Out: counts: rows against parameters, the smallest leaf, the smallest
region of equal answers, training rows that stand in the file as they are. Never: a value of a row.
After SACRO-ML's structural attack (Smith et al., arXiv:2502.09396, and its version 2.0.1), with the
checks for stored rows our own. One file per check.
"""

from strongroom.attacks.structure._degrees_of_freedom import DegreesOfFreedom
from strongroom.attacks.structure._leaves import Leaves
from strongroom.attacks.structure._regions import Regions
from strongroom.attacks.structure._settings import RiskySettings
from strongroom.attacks.structure._stored import StoredRows

__all__ = ["DegreesOfFreedom", "Leaves", "Regions", "RiskySettings", "StoredRows"]
