"""The FITS file of a fit: astropy reads back what the result holds, and where it is."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from astropy.units import Unit
from astropy.wcs import WCS

from lenssbi import __version__
from lenssbi.arrays import pixel_grid
from lenssbi.refinement import fits_file
from lenssbi.refinement.drawn_light import fit_quantities
from lenssbi.refinement.photometry import photometry
from lenssbi.status import InputError, Status

from .made_up_fit import FLUX, PARAMS, PIXEL, PLACE, SHAPE, header, made_up_fit

OF_THE_STAMP = ("DATA", "NOISE", "FITTED", "MODEL", "RESIDUAL", "LENS_LIGHT", "LENSED_SOURCE")


@pytest.fixture(autouse=True)
def _no_warnings():
    """Neither writing nor reading may leave astropy something to complain of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def written(fit, tmp_path):
    path = fits_file.write(fit, tmp_path / "fit.fits")
    with fits.open(path) as file:
        file.verify("exception")
        return fits.HDUList([hdu.copy() for hdu in file])


@pytest.mark.parametrize("lens_light", [True, False])
def test_every_plane_is_the_array_of_the_result(tmp_path, lens_light):
    fit = made_up_fit(lens_light=lens_light)
    file = written(fit, tmp_path)
    assert [hdu.name for hdu in file] == ["PRIMARY", *OF_THE_STAMP, "SOURCE", "PSF"]
    light = fit.lens_light if lens_light else np.zeros(SHAPE)
    usable = np.where(fit.stamp.mask, 1.0, np.nan)
    wanted = {
        "DATA": (fit.stamp.image + light) * usable,
        "NOISE": fit.stamp.noise * usable,
        "FITTED": fit.mask,
        "MODEL": fit.best.image + light,
        "RESIDUAL": fit.residual,
        "LENS_LIGHT": light,
        "LENSED_SOURCE": fit.best.image,
        "SOURCE": fit.best.source.image,
        "PSF": fit.stamp.psf.image,
    }
    for name, array in wanted.items():
        np.testing.assert_array_equal(file[name].data, array.astype(file[name].data.dtype), err_msg=name)
        assert file[name].data.dtype.itemsize == (1 if name == "FITTED" else 4)
    assert np.isnan(file["DATA"].data).sum() == (~fit.stamp.mask).sum() > 0


def test_the_residual_is_that_of_the_other_planes(tmp_path):
    file = written(made_up_fit(), tmp_path)
    again = (file["DATA"].data - file["MODEL"].data) / file["NOISE"].data
    np.testing.assert_allclose(file["RESIDUAL"].data, again, atol=1e-4)  # float32 beside lens light of 40
    assert file[0].header["CHI2PIX"] == pytest.approx(np.nanmean(again**2), rel=1e-4)
    np.testing.assert_array_equal(np.isfinite(again), file["FITTED"].data == 1)


@pytest.mark.parametrize("changes", [{}, {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "A_ORDER": 0, "B_ORDER": 0}])
def test_images_have_the_wcs_of_the_stamp(tmp_path, changes):
    own = header(**changes)
    if changes:
        for name in [name for name in own if name[:2] in ("A_", "B_")]:
            del own[name]
    file, theirs = written(made_up_fit(celestial=own), tmp_path), WCS(own)
    x, y = np.array([0.0, 51.0, 23.5, 7.25]), np.array([0.0, 47.0, 30.0, -3.5])
    for name in OF_THE_STAMP:
        wcs = WCS(file[name].header)
        np.testing.assert_allclose(wcs.all_pix2world(x, y, 0), theirs.all_pix2world(x, y, 0), rtol=0, atol=1e-9)
        assert wcs.wcs.ctype[0] == own["CTYPE1"]
        frame = WCS(file[name].header, key="A").wcs_pix2world(x, y, 0)
        np.testing.assert_allclose(frame, ((x - 25.5) * PIXEL, (y - 23.5) * PIXEL), atol=1e-12)


def test_a_stamp_without_a_wcs_has_the_frame_of_the_parameters(tmp_path):
    file = written(made_up_fit(), tmp_path)
    theta = pixel_grid(SHAPE, PIXEL)
    for name in OF_THE_STAMP:
        wcs = WCS(file[name].header)
        assert not wcs.has_celestial
        assert [str(unit) for unit in wcs.wcs.cunit] == ["arcsec", "arcsec"]
        x, y = wcs.wcs_pix2world(7, 40, 0)
        assert complex(x, y) == pytest.approx(theta[40, 7], abs=1e-12)
        assert file[name].header["PIXSCALE"] == PIXEL


def test_the_source_plane_has_its_own_scale(tmp_path):
    file = written(made_up_fit(celestial=header()), tmp_path)
    source, wcs = file["SOURCE"], WCS(file["SOURCE"].header)
    assert source.header["PIXSCALE"] == pytest.approx(0.01)
    assert float(source.data.sum()) * source.header["PIXSCALE"] ** 2 == pytest.approx(FLUX, rel=1e-3)
    y, x = np.unravel_index(np.argmax(source.data), source.data.shape)
    at = complex(*wcs.wcs_pix2world(x, y, 0))
    assert abs(at - PLACE) < 0.01
    corners = wcs.wcs_pix2world([-0.5, 99.5], [-0.5, 99.5], 0)
    np.testing.assert_allclose(corners, [(-0.4, 0.6), (-0.55, 0.45)], atol=1e-12)


@pytest.mark.parametrize("unit", ["electron", "adu/s", "nJy"])
def test_units_are_ones_that_astropy_reads(tmp_path, unit):
    file = written(made_up_fit(unit=unit), tmp_path)
    per_pixel, per_area = (Unit(file[name].header["BUNIT"]) for name in ("MODEL", "SOURCE"))
    assert per_pixel == Unit(unit)
    assert per_area == Unit(unit) / Unit("arcsec") ** 2
    assert "BUNIT" not in file["RESIDUAL"].header


def test_the_first_header_has_the_result(tmp_path):
    fit = made_up_fit()
    first = written(fit, tmp_path)[0].header
    assert (first["SCHEMA"], first["CREATOR"]) == ("lenssbi-fit-1", f"lenssbi {__version__}")
    assert (first["OBJECT"], first["STATUS"], first["STATUSIS"]) == ("made-up", "DONE", "done")
    assert first["FLAGS"].split() == list(fit.flags)
    assert first["INPUT"] == r"/data/\xe4 .fits"
    assert (first["PRIOR"], first["SAMPLER"], first["FITKEY"]) == ("broad", "importance", "0123456789abcdef")
    assert (first["LOGEVID"], first["LOGLIKE"], first["NEVAL"], first["NDRAWS"]) == (-123.5, -120.25, 4321, 200)
    for name, summary in fit.params().items():
        found = [first[name], first[f"{name}_lower"], first[f"{name}_upper"]]
        assert found == pytest.approx([summary.median, summary.lower, summary.upper], rel=1e-12), name
        if summary.unit:
            assert first.comments[f"{name}_upper"] == f"[{summary.unit}] 84th percentile"
    assert {name: first[f"{name}_best"] for name in PARAMS} == PARAMS
    assert "phi_best" not in first
    for name, value in photometry(fit.stamp, fit.best, fit.lens_light)._asdict().items():
        assert first[f"{name}_best"] == value > 0
        assert first[name] is None, "no models were drawn"
    assert first["effective_einstein_radius"] == pytest.approx(fit.params()["einstein_radius"].median, rel=1e-4)
    assert not {"ZLENS", "ZSOURCE", "COSMO", "einstein_mass"} & set(first)
    assert first["SRCFLUX"] == pytest.approx(FLUX, rel=1e-3)


def test_redshifts_and_what_follows_from_them(tmp_path):
    fit = made_up_fit()
    drawn = {
        "magnification": [7.0, 7.5, 8.0],
        "mag_source": [22.0, 22.1, 22.3],
        "source_half_light_radius": [0.1, 0.2, 0.3],
    }
    fit = replace(
        fit,
        stamp=replace(fit.stamp, info={"z_lens": 0.4, "z_source": 1.7, "cosmology": "H0=70,Om0=0.3"}),
        samples=replace(fit.samples, info={**fit.samples.info, "drawn_photometry": drawn}),
    )
    file = written(fit, tmp_path)
    first = file[0].header
    assert (first["ZLENS"], first["ZSOURCE"], first["COSMO"]) == (0.4, 1.7, "FlatLambdaCDM(H0=70 km/s/Mpc, Om0=0.3)")
    assert file["SOURCE"].header["ZSOURCE"] == 1.7
    for name, summary in fit_quantities(fit.samples, fit.stamp).items():
        assert [first[name], first[f"{name}_lower"], first[f"{name}_upper"]] == pytest.approx(summary[:3]), name
    assert 1e10 < first["einstein_mass"] < 1e12
    assert first.comments["einstein_mass"] == "[Msun] median"
    assert first["magnification"] == 7.5


def test_a_long_sentence_and_a_failed_inversion_are_written(tmp_path):
    fit = made_up_fit(unit="", zero_point=None)
    best = replace(fit.best, chi2=float("nan"), image=np.full(SHAPE, np.nan))
    flags = ("prior_conflict", "misspecified", "demagnified", "residuals", "edge", "point_images", "psf_unseen") * 3
    info = {**fit.info, "status": Status.NOT_EXPLAINED.name, "flags": list(flags)}
    fit = replace(fit, samples=replace(fit.samples, info=info), best=best)
    file = written(fit, tmp_path)
    assert file[0].header["STATUSIS"] == Status.NOT_EXPLAINED.value
    assert file[0].header["FLAGS"].split() == list(flags)
    assert file[0].header["CHI2PIX"] is None
    assert np.isnan(file["MODEL"].data).all()
    assert file[0].header["mag_source"] is None
    assert "MAGZERO" not in file["DATA"].header
    assert "BUNIT" not in file["DATA"].header
    assert file["SOURCE"].header["BUNIT"] == "arcsec-2"


def test_the_same_fit_makes_the_same_bytes(tmp_path):
    one = fits_file.write(made_up_fit(celestial=header()), tmp_path / "one.fits").read_bytes()
    assert fits_file.write(made_up_fit(celestial=header()), tmp_path / "two.fits").read_bytes() == one


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        fits_file.write(made_up_fit(), tmp_path / "file" / "fit.fits")
