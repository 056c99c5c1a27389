"""What the metrics of the rooms of attacks mean to people; see `_metrics`."""

from __future__ import annotations

from strongroom.report._metrics_kinds import Metric, Unit

WORDS = (
    Metric(
        "attribute.advantage",
        "sensitive values guessed better with the model",
        "the model helps to guess people’s sensitive values",
        Unit.SHARE,
        "How much more often an attacker guesses a sensitive value of people in the training data "
        "with the model’s help than without it, beyond what the model adds for anybody else. 0 "
        "means that it adds nothing.",
    ),
    Metric(
        "attribute.value_advantage",
        "people with one sensitive value found",
        "the model gives away who holds some sensitive value",
        Unit.SHARE,
        "The sensitive value for which the model helps most: how many more of the people who hold "
        "it are found with the model than without it, beyond what it does for others.",
    ),
    Metric(
        "erasure.forgotten_known",
        "deleted records still known",
        "records that were to be deleted are still in the model",
        Unit.YES,
        "Whether the model treats records that were to be deleted otherwise than records that it "
        "never saw. If it does, it has not forgotten them (GDPR Article 17).",
    ),
    Metric(
        "erasure.auc",
        "skill at telling deleted records",
        "records that were to be deleted can be told from others",
        Unit.AUC,
        "How well records that were to be deleted are told from records that the model never saw: "
        "0.5 is as if they had never been in.",
    ),
    Metric(
        "erasure.tpr_at_fpr_0.01",
        "deleted records recognised at 1 % false alarms",
        "records that were to be deleted can be recognised",
        Unit.SHARE,
        "The share of the records that were to be deleted which an attacker recognises while "
        "wrongly accusing one stranger in a hundred.",
    ),
    Metric(
        "extraction.exposure",
        "exposure of planted secrets, in bits",
        "planted secrets can be drawn from the model",
        Unit.NUMBER,
        "How much easier the model makes it to guess a secret that was planted in its training "
        "text: every bit halves the guesses. About 1.44 bits are chance.",
    ),
    Metric(
        "extraction.canaries_first",
        "planted secrets written first",
        "the model writes planted secrets by itself",
        Unit.COUNT,
        "How many planted secrets the model holds to be likelier than every other of their kind: "
        "these it would write.",
    ),
    Metric(
        "extraction.memorised_share",
        "training text written on word for word",
        "the model recites its training text",
        Unit.SHARE,
        "Given the beginning of a training text, how often the model writes on exactly what "
        "followed, beyond how often it so guesses text that it never saw.",
    ),
    Metric(
        "extraction.memorised_approx_share",
        "training text written on nearly word for word",
        "the model recites its training text, nearly",
        Unit.SHARE,
        "The same with small differences allowed, so that a changed comma hides nothing.",
    ),
    Metric(
        "extraction.discoverable_share",
        "training text found in a thousand tries",
        "the model’s training text comes out when asked often",
        Unit.SHARE,
        "Given the beginning of a training text and a thousand tries, how often what followed "
        "comes out, beyond text that the model never saw.",
    ),
    Metric(
        "extraction.free_run_verbatim",
        "own texts that repeat training text",
        "the model repeats its training text unasked",
        Unit.SHARE,
        "Of the texts that the model writes when nobody gives it a beginning, how many repeat a "
        "stretch of its training text, beyond chance.",
    ),
    Metric(
        "extraction.free_run_personal",
        "pieces of personal data written unasked",
        "the model writes personal data of its training text",
        Unit.COUNT,
        "How many pieces of personal data of the training text stand in what the model writes by "
        "itself, beyond chance.",
    ),
    Metric(
        "federation.records_in_traffic",
        "records found in what left a site",
        "records of a site stand in what left it",
        Unit.COUNT,
        "Everything that was captured between the sites and the coordinator was searched for every "
        "record and every planted identifier, also behind hex, base64 and compression. There must "
        "be none.",
    ),
    Metric(
        "federation.update_recovered_share",
        "updates that gave a row away",
        "the coordinator could read rows off the sites’ updates",
        Unit.SHARE,
        "The updates that crossed were read as a curious coordinator would read them. This is how "
        "many gave away a row that the site has.",
    ),
    Metric(
        "federation.sum_recovered_share",
        "sums that gave a row away",
        "rows could be read off the sums of the sites’ updates",
        Unit.SHARE,
        "With secure aggregation only sums are seen, and nobody knows whose row it is. This is how "
        "many sums gave away a row that some site has.",
    ),
    Metric(
        "federation.traffic_differences",
        "sites that count otherwise than the coordinator",
        "a site and the coordinator count different messages",
        Unit.COUNT,
        "Sites and coordinator count messages and bytes apart from each other. Where they differ, "
        "something was added, lost or changed on the way.",
    ),
    Metric(
        "federation.sites_without_evidence",
        "sites without verified evidence",
        "not every site’s evidence could be verified",
        Unit.COUNT,
        "Each site signs what it was asked, did, spent and sent. These sites’ words are missing or "
        "don’t fit their key.",
    ),
    Metric(
        "federation.sites_outvoted",
        "sites that the rule hardly listened to",
        "the robust rule set sites aside in most rounds",
        Unit.COUNT,
        "A robust rule leaves out updates that don’t fit the others. In more than half of the "
        "rounds it gave these sites, or groups of sites, almost no say.",
    ),
    Metric(
        "inversion.recognised_share",
        "classes recognised from made-up images",
        "people can be recognised in images made from the model",
        Unit.SHARE,
        "An image is made that the model is surest of, one for each class. This is how many of "
        "them an independent recogniser names rightly.",
    ),
    Metric(
        "inversion.similarity_gain",
        "made-up images resemble training images",
        "images made from the model resemble its training images",
        Unit.NUMBER,
        "How much more such an image resembles images of the training data than others of the "
        "same class (gain in correlation). 0 means no more than it resembles anybody’s.",
    ),
    Metric(
        "reconstruction.gradient_recovered_share",
        "rows read off single updates",
        "a server could read rows off the model’s updates",
        Unit.SHARE,
        "Were the model trained by a federation, how many rows its server would read off an "
        "update made from a few rows.",
    ),
    Metric(
        "reconstruction.linear_recovered_share",
        "rows computed from the model",
        "training rows can be computed from the model",
        Unit.SHARE,
        "Somebody who knows all other training rows computes the missing one from the model’s "
        "weights. This is how often that works.",
    ),
    Metric(
        "stealing.fidelity",
        "copy agrees with the model",
        "the model can be copied by asking it",
        Unit.SHARE,
        "A copy is trained on the model’s answers within the query budget. This is how often it "
        "says what the model says of people it has never seen.",
    ),
    Metric(
        "stealing.copy_accuracy",
        "accuracy of the copy",
        "a copy as good as the model can be made by asking it",
        Unit.SHARE,
        "How often that copy is right: what a thief gets for nothing but questions.",
    ),
    Metric(
        "stealing.exact",
        "recovered exactly",
        "the model can be recovered exactly from its answers",
        Unit.YES,
        "Whether the model’s own parameters, or the paths of its tree, came out of its answers "
        "(equation solving and path finding).",
    ),
    Metric(
        "structure.stored_points",
        "training rows kept inside",
        "the model carries training rows as they are",
        Unit.COUNT,
        "Some models keep rows of the training data in themselves, such as support vectors or "
        "nearest neighbours. Whoever has the file has these rows.",
    ),
    Metric(
        "structure.smallest_leaf",
        "people behind the smallest leaf",
        "a leaf of the model speaks of hardly anybody",
        Unit.COUNT,
        "How few training rows stand behind one leaf of a tree: a leaf of one tells that person’s "
        "outcome.",
    ),
    Metric(
        "structure.smallest_region",
        "people who share the rarest answer",
        "an answer of the model belongs to hardly anybody",
        Unit.COUNT,
        "How few people of the training data share one answer of the model: the k of its regions.",
    ),
    Metric(
        "structure.class_disclosure_share",
        "people for whom a class is ruled out",
        "the model rules a class out for many people",
        Unit.SHARE,
        "For how many people in the training data the model gives a class no chance at all, which "
        "tells what they are not.",
    ),
    Metric(
        "structure.small_group_share",
        "people in groups of fewer than ten",
        "many people share their answer with hardly anybody",
        Unit.SHARE,
        "How many people in the training data share their answer with fewer than ten people of "
        "some class.",
    ),
    Metric(
        "structure.degrees_of_freedom",
        "rows per free parameter to spare",
        "the model has more parameters than rows",
        Unit.NUMBER,
        "Training rows less what the model could choose freely. Below zero it can know every row "
        "by heart; that it does is for the attacks to show.",
    ),
    Metric(
        "structure.risky_settings",
        "settings that leak most",
        "the model’s settings are among those that leak most",
        Unit.YES,
        "Whether its settings are among those that were found to leak most in a large study of "
        "common classifiers.",
    ),
)
