"""Attribute inference: what a model gives away about single values of those it learnt from.

In: rows whose other values and true label are known. Out: how much better the attacker guesses with
the model than without, and than for people who never were in the training data. Never: a guess
about a person.
"""

from strongroom.attacks.attribute._inference import AttributeInference

__all__ = ["AttributeInference"]
