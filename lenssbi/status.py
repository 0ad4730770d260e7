"""Every reason for which an item can fail, as a value with a sentence.

A bad stamp is a status in its row of the catalogue, never the end of the run; a user's mistake is an `InputError`, which
the command line turns into one sentence and exit code 2. Anything else that is raised is a bug.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path


class InputError(ValueError):
    """A user's mistake; the message is one sentence that names the file and the remedy."""


class Status(StrEnum):
    """How the work on one stamp ended; the value is the sentence that the user reads."""

    DONE = "done"
    NOT_FOUND = "there is no such file: check the path"
    NO_PATH = "the row of the table names no file: fill in its path"
    DUPLICATE = "an earlier row of the table has the same id: give every stamp its own"
    BAD_POSITION = "the row has no position on the sky: give ra in 0 to 360 and dec in -90 to 90 degrees"
    NO_COVERAGE = "no mosaic has data at the target: name the tile that covers it with --image"
    NO_STAMP = "the set has no such stamp: correct the path or the index in the table"
    NOT_FITS = "not a FITS file that can be read: export the cut-out again"
    TRUNCATED = "the file ends too early: download or copy it again"
    NO_IMAGE = "the file has no two-dimensional image: name the extension SCI or VIS_BGSUB"
    NO_NOISE = "the file has no noise map: give one with --noise"
    NO_PSF = "the file has no PSF: give one with --psf"
    NO_PIXEL_SCALE = "the file does not say its pixel scale: give it with --pixel-scale"
    NOT_SQUARE = "the pixels of the image are not square: resample it, or give a pixel scale with --pixel-scale"
    BAD_SHAPE = "image, noise and PSF do not fit together: the noise needs the image's shape, the PSF odd sides"
    BAD_NOISE = "not a noise map of one sigma: give another with --noise"
    BAD_MASK = "not a mask of this image, whose bad pixels are not 0: give another with --mask, or --mask none"
    BAD_LIGHT = (
        "whether the stamp shows its lens galaxy is said by `none` or `auto`: "
        "correct --lens-light, the column lens_light or the keyword LENSLGHT"
    )
    BAD_REDSHIFT = (
        "the redshifts are not those of a lens and a source behind it: "
        "correct --z-lens and --z-source, the columns z_lens and z_source or the keywords ZLENS and ZSOURCE"
    )
    BAD_PRIOR = "not what is known of the mass: write NAME=MEAN,SIGMA or NAME=VALUE in the column mass_prior, with blanks between them"
    NO_COMPANION = "there is no galaxy at the place of a companion: correct --companion, which is seen from the middle of the stamp"
    BAD_PSF = "not a PSF that can be used: give another with --psf"
    ALL_NAN = "no usable pixel is left: the image or its noise is not finite everywhere"
    NO_SKY = "too little empty sky to measure the noise: give a larger cut-out"
    NO_ARCS = "no pixel of the source's light stands out of the noise: there is nothing to fit"
    SINGULAR = "the source inversion was singular: raise the regularisation strength"
    NOT_APPLICABLE = "the estimator was not trained for such a stamp: use --prior blind or another estimator"
    WRONG = "no solution was found that shows the source more than once: look at the figure, and mask other galaxies"
    TIMED_OUT = "the sampler reached its limit of evaluations or time: raise it and run again to continue"
    NOT_EXPLAINED = (
        "the sampler reached its limit, and its best model does not explain the stamp: "
        "look at the figure and check image, noise map, PSF and background before raising the limit"
    )
    FAILED = "the fit stopped unexpectedly"


class ItemError(InputError):
    """The work on one stamp failed.

    Parameters
    ----------
    status
        Reason of the failure.
    source
        Name of the file or the stamp.
    detail
        Details of the failure, and a more specific remedy than that of the status.
    """

    def __init__(self, status: Status, source: str | Path, detail: str = "") -> None:
        self.status, self.source, self.detail = status, str(source), detail
        super().__init__(f"{source}: {status.value}" + (f" ({detail})" if detail else ""))

    def __reduce__(self) -> tuple:
        return type(self), (self.status, self.source, self.detail)
