"""HDF5 sets of stamps (schema lenssbi-set-1).

    /images (n, y, x) float32      /noise (n, y, x) float32, one sigma      /psf (k, k) or (n, k, k), attributes pixel_scale, kind
    /params/<name> (n,) with `unit`                                          /info/<name> (n,); of images (n, 5), NaN if there are fewer
    attributes: schema, seed, config (resolved YAML), lenssbi_version, pixel_scale, zero_point, band, unit, lens_light_subtracted

A set is written once, in order, from the shards that the workers leave (`dataset/shards.py`), so its bytes do not
depend on how many workers there were or how often they were killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
from numpy.typing import NDArray

from lenssbi.dataset.packing import LEVEL, Packed, pack
from lenssbi.dataset.stamp import Stamp
from lenssbi.files import atomic, open_hdf5
from lenssbi.instrument import PSF
from lenssbi.status import InputError

SCHEMA = "lenssbi-set-1"
PIXELS = ("images", "noise", "psf")
REQUIRED = ("schema", "seed", "config", "lenssbi_version", "pixel_scale", "zero_point", "band", "unit")
BLOCK = 256  # stamps whose numbers are read at once


class StampSet:
    """A set of stamps on disk, opened on first use, so that it can be sent to other processes.

    Parameters
    ----------
    path
        The `.h5` file.

    Raises
    ------
    InputError
        If the file is missing, not HDF5, cut short, or of another schema.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._handle: h5py.File | None = None
        self._near: tuple[int, dict[str, NDArray[Any]]] = (-1, {})

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_handle": None, "_near": (-1, {})}

    def __enter__(self) -> StampSet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._file["images"].shape[0])

    def close(self) -> None:
        """Close the file; it opens again when used."""
        if self._handle is not None:
            self._handle.close()
        self._handle = None

    @property
    def attributes(self) -> dict[str, Any]:
        """The file's attributes: schema, seed, config and the others."""
        return dict(self._file.attrs)

    @property
    def shape(self) -> tuple[int, int]:
        """Pixels (ny, nx) of a stamp."""
        _, ny, nx = self._file["images"].shape
        return int(ny), int(nx)

    @property
    def pixel_scale(self) -> float:
        """Side of a pixel [arcsec]."""
        return float(self._file.attrs["pixel_scale"])

    def psf(self, index: int) -> PSF:
        """The PSF of one stamp."""
        data = self._file["psf"]
        image = data[index] if data.ndim == 3 else data[()]
        return PSF(image, float(data.attrs["pixel_scale"]), str(data.attrs["kind"]))  # type: ignore[arg-type]

    @property
    def params(self) -> dict[str, NDArray[Any]]:
        """True parameters, each of shape (stamp,)."""
        return {name: data[()] for name, data in self._file["params"].items()}

    @property
    def units(self) -> dict[str, str]:
        """Units of the parameters."""
        return {name: str(data.attrs["unit"]) for name, data in self._file["params"].items()}

    @property
    def info(self) -> dict[str, NDArray[Any]]:
        """Other properties of each stamp (magnification, signal to noise, ...), each of shape (stamp,) or (stamp, image)."""
        return {name: data[()] for name, data in self._file["info"].items()}

    def images(self, rows: slice | Any = slice(None)) -> NDArray[np.float32]:
        """Images [unit] of the stamps `rows` (a slice or sorted indices), shape (n, y, x)."""
        return self._file["images"][rows]

    def noise(self, rows: slice | Any = slice(None)) -> NDArray[np.float32]:
        """Noise maps [unit] of the stamps `rows`, shape (n, y, x), or (n,) if the set has one number for each stamp."""
        return self._file["noise"][rows]

    def truth(self, index: int) -> dict[str, float]:
        """True parameters of one stamp."""
        return {name: float(data[index]) for name, data in self._file["params"].items()}

    def rows(self, group: Literal["params", "info"], rows: slice) -> dict[str, NDArray[Any]]:
        """True parameters, or other properties, of the stamps `rows` alone."""
        return {name: data[rows] for name, data in self._file[group].items()}

    def stamp(self, index: int) -> Stamp:
        """The stamp of `index`, with its truth and info in `info`.

        Raises
        ------
        InputError
            If there is no such stamp.
        """
        if not 0 <= index < len(self):
            raise InputError(f"{self.path}:{index}: the set holds stamps 0 to {len(self) - 1}")
        image = np.asarray(self.images(slice(index, index + 1))[0], dtype=float)
        noise = np.broadcast_to(np.asarray(self.noise(slice(index, index + 1))[0], dtype=float), image.shape)
        attributes = self._file.attrs
        info = {name: data[index % BLOCK] for name, data in self._info_near(index).items()}
        info = {k: v.decode() if isinstance(v, bytes) else v.tolist() for k, v in info.items()}
        return Stamp(
            image=image,
            noise=noise,
            mask=np.isfinite(image) & (noise > 0),
            psf=self.psf(index),
            pixel_scale=self.pixel_scale,
            name=f"{self.path.name}:{index}",
            unit=str(attributes["unit"]),
            zero_point=float(info.get("zero_point", attributes["zero_point"])),
            band=str(attributes["band"]),
            info={**info, "lens_light_subtracted": bool(attributes.get("lens_light_subtracted", True))},
        )

    def _info_near(self, index: int) -> dict[str, NDArray[Any]]:
        """Other properties of the block of stamps that contains `index`: neighbours are usually read one after the other."""
        first = index - index % BLOCK
        if self._near[0] != first:
            self._near = first, self.rows("info", slice(first, first + BLOCK))
        return self._near[1]

    @property
    def _file(self) -> h5py.File:
        if self._handle is None:
            self._handle = _open(self.path)
        return self._handle


def write_set(
    path: str | Path,
    blocks: Iterable[Mapping[str, Any]],
    count: int,
    units: Mapping[str, str],
    attributes: Mapping[str, Any],
) -> None:
    """Write a set from blocks of stamps, in order.

    Parameters
    ----------
    path
        The file to write, renamed into place when complete.
    blocks
        Mappings with `images`, `noise` (n, y, x), as arrays or packed, `params` and `info` (name -> (n,) or (n, k)), in the order of the
        stamps; if every stamp has its own PSF, `psf` (n, k, k) too.
    count
        Number of stamps in all blocks together.
    units
        Unit of each parameter that has one.
    attributes
        The file's attributes; `psf` is a `PSF` and becomes `/psf`, unless the blocks have their own (its pixel scale and kind hold for
        them).

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    psf: PSF = (attributes := dict(attributes)).pop("psf")
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({"schema": SCHEMA, **attributes})
        start = 0
        for block in blocks:
            if start == 0:
                _create(file, block, count, units, psf)
            stop = start + len(block["images"])
            for name in PIXELS:
                if name in block:
                    for i, chunk in enumerate(_packed(block[name]).chunks(), start):
                        file[name].id.write_direct_chunk((i, 0, 0), chunk)
            for group in ("params", "info"):
                for name, values in block[group].items():
                    file[group][name][start:stop] = values
            start = stop
        if start != count:
            raise ValueError(f"{path}: {start} stamps came where {count} were announced")


def check_set(path: str | Path) -> dict[str, Any]:
    """Describe the contents of a set.

    Returns
    -------
    Number of stamps, shape, parameters, seed, version and the numbers of unusable stamps.

    Raises
    ------
    InputError
        If the file is damaged; the message says how.
    """
    with StampSet(path) as stamps:
        n, bad = len(stamps), 0
        for rows in blocks(range(n)):
            images, noise = stamps.images(rows), stamps.noise(rows)
            bad += int((~np.isfinite(images).all(axis=(1, 2))).sum())
            bad += int((~(noise.reshape(len(noise), -1) > 0).all(axis=1)).sum())
        odd = [name for name, values in stamps.params.items() if not np.isfinite(values).all()]
        if bad or odd:
            what = f"{bad} stamps have values that are not finite or noise that is not positive" if bad else ""
            names = f"the parameters {', '.join(odd)} are not finite everywhere" if odd else ""
            raise InputError(f"{path}: {' and '.join(filter(None, (what, names)))}: simulate it again")
        attributes = stamps.attributes
        return {
            "kind": "set",
            "stamps": n,
            "shape": stamps.shape,
            "pixel_scale": stamps.pixel_scale,
            "params": stamps.units,
            "info": sorted(stamps.info),
            "seed": int(attributes["seed"]),
            "lenssbi_version": str(attributes["lenssbi_version"]),
        }


def blocks(rows: range, size: int = 256) -> Iterator[slice]:
    """The rows in slices of at most `size`, one after the other: what is read at a time."""
    parts = (rows[start : start + size] for start in range(0, len(rows), size))
    return (slice(part.start, part.stop, part.step) for part in parts)


def _create(file: h5py.File, block: Mapping[str, Any], count: int, units: Mapping[str, str], psf: PSF) -> None:
    for name in PIXELS:
        if name in block:
            shape = block[name].shape if isinstance(block[name], Packed) else block[name].shape[1:]
            file.create_dataset(
                name,
                (count, *shape),
                np.float32,
                chunks=(1, *shape),
                compression="gzip",
                compression_opts=LEVEL,
                shuffle=True,
                track_times=False,
            )
    if "psf" not in block:
        file.create_dataset("psf", data=psf.image, track_times=False)
    file["psf"].attrs.update({"pixel_scale": psf.pixel_scale, "kind": psf.kind})
    for group in ("params", "info"):
        for name, values in block[group].items():
            values = np.asarray(values)
            shape = (count, *values.shape[1:])
            data = file.require_group(group).create_dataset(name, shape, values.dtype, track_times=False)
            if group == "params":
                data.attrs["unit"] = units.get(name, "")


def _packed(values: Packed | NDArray[Any]) -> Packed:
    return values if isinstance(values, Packed) else pack(values)


def _open(path: Path) -> h5py.File:
    file = open_hdf5(path, "simulate it again", missing="there is no such set: make one with `lenssbi simulate`")
    schema = str(file.attrs.get("schema", ""))
    missing = [key for key in REQUIRED if key not in file.attrs]
    missing += [key for key in ("images", "noise", "psf", "params", "info") if key not in file]
    if schema == SCHEMA and not missing:
        return file
    file.close()
    if not schema.startswith(SCHEMA.rstrip("0123456789")):
        whose = f"a {schema} and no set" if schema.startswith("lenssbi-") else "an HDF5 file of another program"
        raise InputError(f"{path}: {whose}: give a set made by `lenssbi simulate`, or FITS stamps")
    found = f"its schema is {schema}, not {SCHEMA}" if schema != SCHEMA else f"{', '.join(missing)} are missing"
    raise InputError(f"{path}: not a set that this version reads ({found}): simulate it again")
