"""Every flag of a result, as a value with a sentence, a remedy and its subject.

A status is the outcome of the work on a stamp; a flag is something to check before the result is used. Rows of catalogues, posterior
files, figures, the report and the documentation take their texts from here.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Subject = Literal["network", "fit", "stamp", "row"]

MAX_RELATIVE_ERROR = 0.1
"""Standard deviation of an Einstein radius over its mean above which an answer is flagged as imprecise."""


class Flag(StrEnum):
    """Something to check; the value is its name in files.

    Attributes
    ----------
    about
        "network", "fit", "stamp" or "row": subject of the flag. A finished fit removes those of the network.
    sentence
        Description of what was found.
    remedy
        Advice to the user.
    """

    about: Subject
    sentence: str
    remedy: str

    def __new__(cls, name: str, about: Subject, sentence: str, remedy: str) -> Flag:
        """Make a member with its texts."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.about, member.sentence, member.remedy = about, sentence, remedy
        return member

    MISSPECIFIED = (
        "misspecified",
        "network",
        "the stamp is unlike those of the network's training",
        "do not use the network's answer; fit the stamp and look at the figure",
    )
    PSF_UNSEEN = (
        "psf_unseen",
        "network",
        "the PSF is wider or narrower than any of the network's training",
        "do not use the network's answer; check the PSF, or fit the stamp",
    )
    NETWORK_IMPRECISE = (
        "network_imprecise",
        "network",
        "the network's error of the Einstein radius is above 10 per cent",
        "fit the stamp, or use the whole posterior instead of one number",
    )
    ESTIMATOR_NOT_APPLICABLE = (
        "estimator_not_applicable",
        "network",
        "the network was not trained for such stamps",
        "give another estimator; the fit was made without one",
    )
    ESTIMATE_CONFLICT = (
        "estimate_conflict",
        "fit",
        "the arcs are not where a lens with the network's Einstein radius, to 3 sigma, shows several images, before any fit",
        "look at the figure: one of them saw something else; the fit took only starts of its search from the network",
    )
    PRIOR_CONFLICT = (
        "prior_conflict",
        "fit",
        "a mass parameter of the fit is more than 2.5 combined sigma from the network's answer",
        "look at the figure, and fit again with --prior blind",
    )
    OUTSIDE_BROAD_PRIOR = (
        "outside_broad_prior",
        "fit",
        "the network's answer lies outside the broad prior, so the learned prior was not divided out",
        "widen the prior, or use --prior blind",
    )
    EDGE = (
        "edge",
        "fit",
        "the posterior ends at an edge of the prior, the flattest ellipse included",
        "widen that prior; if it is the axis ratio, look for light of the lens in the source",
    )
    DEMAGNIFIED = (
        "demagnified",
        "fit",
        "the source is hardly magnified, or seen only once: the model may be a copy of the image",
        "do not use the fit; mask other galaxies, or begin from a window with --prior blind",
    )
    RESIDUALS = (
        "residuals",
        "fit",
        "the best model leaves more than noise, in all or in one place: arcs, lens light or a neighbour",
        "look at the residuals; mask what is neither lens nor source",
    )
    POINT_IMAGES = (
        "point_images",
        "fit",
        "the images of the source are two to four points and nothing else: a quasar",
        "do not use the error bars: no galaxy is the source; fit the places of the points instead",
    )
    IMPRECISE = (
        "imprecise",
        "fit",
        "the fit's error of the Einstein radius is above 10 per cent",
        "use the whole posterior instead of one number, or narrow the prior",
    )
    FEW_EFFECTIVE_SAMPLES = (
        "few_effective_samples",
        "fit",
        "too few effective draws are left: the error bars are rough",
        "sample longer, or with --sampler nautilus",
    )
    SEVERAL_LENSES = (
        "several_lenses",
        "stamp",
        "the stamp seems to show several lens galaxies",
        "look at the figure, and fit again with --companion for each further lens galaxy",
    )
    BACKGROUND_REMOVED = (
        "background_removed",
        "stamp",
        "the sky of the file was more than 3 sigma from zero and was taken off",
        "look at the figure",
    )
    NOISE_DOUBTFUL = (
        "noise_doubtful",
        "stamp",
        "the noise map is less than 0.2 or more than 5 times what the sky shows",
        "check that it is one sigma in the unit of the image, or give another with --noise",
    )
    NOISE_CONVERTED = (
        "noise_converted",
        "stamp",
        "the noise map was made of a variance or an inverse variance",
        "nothing, if the name of that extension is right",
    )
    NEEDS_HUMAN = (
        "needs_human",
        "row",
        "the row has a reason to be looked at before it is used",
        "read the column look_because",
    )


def is_imprecise(mean: float, sigma: float) -> bool:
    """Whether an Einstein radius is known too badly to be used as one number: `sigma` above MAX_RELATIVE_ERROR of the `mean`."""
    return not sigma <= MAX_RELATIVE_ERROR * mean


def about(subject: Subject) -> tuple[Flag, ...]:
    """The flags of a subject."""
    return tuple(flag for flag in Flag if flag.about == subject)


def words_of(name: str) -> str:
    """The sentence of a flag; for an unknown name the name itself, with spaces."""
    try:
        return Flag(name).sentence  # type: ignore[call-arg]
    except ValueError:
        return name.replace("_", " ")
