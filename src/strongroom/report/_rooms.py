"""The rooms of attacks in words: what each chapter of an audit asks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Room:
    """A room of attacks, by the first word of its metrics.

    Attributes:
        id: that word.
        title: the question that its chapter answers.
        short: its name in contents and in the terminal.
        about: a sentence or two for someone who reads of it for the first time.
    """

    id: str
    title: str
    short: str
    about: str


ROOMS = (
    Room(
        "privacy",
        "Does the privacy claim hold up?",
        "Privacy measured",
        "An attacker tries to tell which planted records the training saw. What is certified "
        "holds whatever the training does; what is estimated takes the kind of its noise for "
        "granted. Both must stay below what was claimed.",
    ),
    Room(
        "attribute",
        "Does the model give away what people kept to themselves?",
        "Attributes",
        "An attacker who knows the rest of a record guesses a sensitive value. Only what the "
        "model adds counts: how much better the guess is than one that never asked the model "
        "(attribute inference).",
    ),
    Room(
        "extraction",
        "Does the model repeat its training text?",
        "Extraction",
        "Language models can recite what they were trained on. Planted phrases measure how "
        "much, and texts of the training data how often (training-data extraction).",
    ),
    Room(
        "inversion",
        "Can people be drawn from the model?",
        "Inversion",
        "An attacker looks for the input that the model is surest of, and asks whether it "
        "shows a person of the training data (model inversion).",
    ),
    Room(
        "reconstruction",
        "Can training records be computed back?",
        "Reconstruction",
        "From gradients or from the weights themselves an attacker computes records that the "
        "training saw (reconstruction).",
    ),
    Room(
        "stealing",
        "Can the model be copied by asking it?",
        "Stealing",
        "An attacker asks the model questions and trains a copy on the answers (model "
        "stealing). A copy can then be attacked at leisure.",
    ),
    Room(
        "structure",
        "Does the model hold its training data in itself?",
        "Structure",
        "No attack: what can be read from the model itself, such as leaves that hold one "
        "person or training records kept inside.",
    ),
    Room(
        "erasure",
        "Were the deleted records forgotten?",
        "Erasure",
        "Records that were to be deleted are held against others that the model never saw: if "
        "an attacker can tell them apart, they weren’t forgotten.",
    ),
)
"""In the order of their chapters; membership, evasion and usefulness have chapters of their own."""
