"""Small mosaics with any WCS, and Euclid's MER products as its data-product description has them."""

import numpy as np
from astropy.io import fits

SHAPE = (240, 300)
SCALE = 0.1  # [arcsec]
STEP = SCALE / 3600
GAUSSIAN = np.exp(-0.5 * np.add.outer(np.arange(-5, 6) ** 2, np.arange(-5, 6) ** 2) / 1.2)


def cards(ra=57.4, dec=-51.0, angle=0.0, *, flip=False, form="CD", shape=SHAPE, projection="TAN", **more):
    """A WCS whose reference point is the middle; `angle` [deg] turns it, `flip` puts East to the right."""
    turn = np.radians(angle)
    matrix = STEP * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    if flip:
        matrix[:, 0] *= -1
    found = {"CTYPE1": f"RA---{projection}", "CTYPE2": f"DEC--{projection}", "CUNIT1": "deg", "CUNIT2": "deg"}
    found |= {"CRVAL1": ra, "CRVAL2": dec, "CRPIX1": shape[1] / 2, "CRPIX2": shape[0] / 2}
    if form == "CD":
        found |= {f"CD{i + 1}_{j + 1}": matrix[i, j] for i in (0, 1) for j in (0, 1)}
    else:
        found |= {"CDELT1": -STEP, "CDELT2": STEP}
        found |= {f"PC{i + 1}_{j + 1}": matrix[i, j] / (-STEP, STEP)[i] for i in (0, 1) for j in (0, 1)}
    return found | more


SIP = {
    "CTYPE1": "RA---TAN-SIP",
    "CTYPE2": "DEC--TAN-SIP",
    "A_ORDER": 2,
    "B_ORDER": 2,
    "A_2_0": 2e-5,
    "A_1_1": -1e-5,
    "B_0_2": 1.5e-5,
    "B_2_0": -1e-5,
}
SWAPPED = {
    "CTYPE1": "DEC--TAN",
    "CTYPE2": "RA---TAN",
    "CRVAL1": -51.0,
    "CRVAL2": 57.4,
    "CD1_1": 0.0,
    "CD1_2": STEP,
    "CD2_1": -STEP,
    "CD2_2": 0.0,
}
GALACTIC = {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN", "CRVAL1": 120.0, "CRVAL2": 40.0}
WCSES = {
    "north up": cards(),
    "rotated, CD": cards(angle=37),
    "rotated, PC": cards(angle=-120, form="PC"),
    "quarter turn, PC": cards(angle=90, form="PC"),
    "flipped": cards(flip=True, angle=20),
    "SIP": cards(angle=10, **SIP),
    "swapped axes": cards() | SWAPPED,
    "galactic": cards(angle=15) | GALACTIC,
    "FK4": cards(RADESYS="FK4", EQUINOX=1950.0),
    "where RA begins": cards(ra=0.0, dec=20.0),
    "a pole": cards(ra=10.0, dec=89.999),
    "orthographic": cards(projection="SIN"),
    "equal area": cards(projection="ZEA", ra=200.0, dec=5.0),
}


def sky(shape=SHAPE, seed=1, dtype="f4"):
    """Noise of one sigma; no two pixels are the same."""
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def write(path, data, keywords=None, name=None):
    """An image alone in a file, in the first unit as mosaics are."""
    header = fits.Header()
    header.update(keywords or {})
    unit = fits.PrimaryHDU(data, header)
    if name:
        unit.header["EXTNAME"] = name
    unit.writeto(path, overwrite=True)
    return str(path)


def psf(path):
    return write(path, GAUSSIAN)


def mosaic(folder, keywords=None, data=None, noise=1.0):
    """Image, noise and PSF in three files."""
    image = sky() if data is None else data
    return {
        "images": (write(folder / "image.fits", image, cards() if keywords is None else keywords),),
        "noise": (write(folder / "rms.fits", np.broadcast_to(noise, image.shape).astype("f4")),),
        "psf": (psf(folder / "psf.fits"),),
    }


def grid_of_psfs(path, places, side=7, **keywords):
    """A grid of PSFs as in MER products: the k-th is a peak of height k + 1 in a flat stamp; `places` are RA, Dec [deg]."""
    columns = int(np.ceil(np.sqrt(len(places))))
    canvas = np.zeros((columns * side, columns * side), "f4")
    centres = []
    for k in range(len(places)):
        y, x = (n * side + side // 2 for n in divmod(k, columns))
        canvas[y - side // 2 : y + side // 2 + 1, x - side // 2 : x + side // 2 + 1] = 0.01
        canvas[y, x] = k + 1
        centres.append((x + 1, y + 1))  # counted from 1
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("RA", "D", array=[ra for ra, _ in places]),
            fits.Column("Dec", "D", array=[dec for _, dec in places]),
            fits.Column("x_center", "D", array=[x for x, _ in centres]),
            fits.Column("y_center", "D", array=[y for _, y in centres]),
            fits.Column("FWHM", "D", array=np.full(len(places), 0.16)),
        ]
    )
    image = fits.ImageHDU(canvas)
    image.header.update({"STMPSIZE": side, "CD1_1": -STEP, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": STEP, **keywords})
    fits.HDUList([fits.PrimaryHDU(), image, table]).writeto(path, overwrite=True)
    return str(path)


def mer_name(product, tile, made="20241018T150434.158885Z"):
    return f"EUC_MER_{product}_TILE{tile}-71936A_{made}_00.00.fits"


def mer_tile(folder, tile, keywords, places, *, seed=1, level=0.5, flags=None):
    """The products of one tile."""
    folder.mkdir(exist_ok=True)
    data = sky(seed=seed)
    write(folder / mer_name("BGSUB-MOSAIC-VIS", tile), data, keywords | {"MAGZERO": 24.6})
    write(folder / mer_name("MOSAIC-VIS-RMS", tile), np.full(SHAPE, level, "f4"))
    write(folder / mer_name("MOSAIC-VIS-FLAG", tile), np.zeros(SHAPE, "i4") if flags is None else flags)
    grid_of_psfs(folder / mer_name("GRID-PSF-VIS", tile), places)
    return data
