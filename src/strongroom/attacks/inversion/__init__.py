"""What does a class look like to the model (model inversion)?

In: a classifier of images, with gradients or without, and images of the same classes that it never
saw. Out: how often an independent recogniser names the class from its inverted image, and how much
more that image resembles training images than others. Images themselves are given by
`invert_classes` alone, to who calls it: results and findings hold numbers only, because the images
may show people.
"""

from strongroom.attacks.inversion._ascent import Inverted, invert_classes
from strongroom.attacks.inversion._class_representative import ClassRepresentative
from strongroom.attacks.inversion._gain import Gain, similarity_gain
from strongroom.attacks.inversion._recogniser import Recogniser
from strongroom.attacks.inversion._slopes import EstimatedSlope, Slope, gradient_slope

__all__ = [
    "ClassRepresentative",
    "EstimatedSlope",
    "Gain",
    "Inverted",
    "Recogniser",
    "Slope",
    "gradient_slope",
    "invert_classes",
    "similarity_gain",
]
