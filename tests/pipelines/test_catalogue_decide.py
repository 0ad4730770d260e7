"""Which lenses of a catalogue are fitted, and which a human must look at."""

import pytest

from lenssbi.pipelines.catalogue import AutoConfig, CatalogueConfig
from lenssbi.pipelines.catalogue.decide import reasons_to_fit, reasons_to_look
from lenssbi.status import Status


def row(status="done", error=0.0, flags=(), chi2=1.0, method="network"):
    radius = {"median": 1.0, "lower": 1.0 - error, "upper": 1.0 + error}
    params = {"einstein_radius": radius} if status == "done" else {}
    return {"status": status, "params": params, "flags": list(flags), "chi2_per_pixel": chi2, "method": method}


@pytest.mark.parametrize(
    ("refine", "asked", "reasons"),
    [
        ("none", row(error=0.5, flags=["misspecified"], chi2=9), 0),
        ("none", row(Status.NOT_APPLICABLE.value), 0),
        ("all", row(), 1),
        ("all", row(Status.NO_PSF.value), 0),
        ("auto", row(error=0.04), 0),
        ("auto", row(error=0.06), 1),
        ("auto", row(flags=["misspecified"]), 1),
        ("auto", row(chi2=2.5), 1),
        ("auto", row(chi2=None), 0),
        ("auto", row(error=0.06, flags=["misspecified"], chi2=2.5), 3),
        ("auto", row(Status.NO_PSF.value), 0),
        ("auto", row(f"{Status.NOT_APPLICABLE.value} (its pixels are 1 arcsec wide)"), 1),
    ],
)
def test_the_rule(refine, asked, reasons):
    assert len(reasons_to_fit(asked, CatalogueConfig(refine=refine))) == reasons


def test_a_rule_that_asks_for_nothing():
    auto = AutoConfig(max_relative_error=None, max_residual=None, misspecified=False)
    doubtful = row(error=0.5, flags=["misspecified"], chi2=9)
    assert not reasons_to_fit(doubtful, CatalogueConfig(auto=auto))


@pytest.mark.parametrize(
    ("finished", "reasons"),
    [
        (row(), []),
        (row(method="refined", flags=["misspecified", "psf_unseen"]), []),
        (row(flags=["misspecified"]), ["the stamp is unlike those of the network's training"]),
        (
            row(method="refined", flags=["demagnified"]),
            ["the source is hardly magnified, or seen only once: the model may be a copy of the image"],
        ),
        (row(chi2=3.0), ["the model image leaves 3 times the noise's variance, and no fit was made"]),
        (row(Status.NO_PSF.value), [Status.NO_PSF.value]),
        (
            row(Status.TIMED_OUT.value, flags=["edge"]),
            [Status.TIMED_OUT.value, "the posterior ends at an edge of the prior, the flattest ellipse included"],
        ),
    ],
)
def test_what_a_human_must_look_at(finished, reasons):
    assert reasons_to_look(finished, CatalogueConfig()) == reasons
