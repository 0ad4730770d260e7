"""What a posterior file keeps of a search: as many numbers as the likelihood of its best model can be built from again.

Of all modes it takes the one whose source lies under the pixels of that model. The mode's vector has the lens and the ellipses of
its source; their fluxes, the image that steers the mesh and the errors follow from the stamp. The lens light is kept as it was fitted
beside the best mode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lenssbi.arrays import FloatArray
from lenssbi.light.mge import LensLightFit
from lenssbi.refinement.search.light import LightShape


@dataclass(frozen=True, eq=False)
class KeptMode:
    """A mode of a search, and the lens light beside it.

    Parameters
    ----------
    vector
        Mass parameters and ellipses of the source in the coordinates of the search (:mod:`lenssbi.refinement.search.space`), shape
        (parameter + 4 ellipses,).
    light
        Gaussians of the lens light; None if none is fitted with the source.
    shining
        True for those that are columns of the fit, shape (ellipse * gaussian,); None without a lens light.
    """

    vector: FloatArray
    light: LensLightFit | LightShape | None = None
    shining: NDArray[np.bool_] | None = None

    def as_info(self) -> dict[str, Any]:
        """The entry of a posterior file: numbers that JSON gives back to the last digit."""
        light = self.light
        if light is None or self.shining is None:
            return {"vector": self.vector.tolist(), "lens_light": None}
        kept = {name: getattr(light, name).tolist() for name in ("sigmas", "q", "phi")}
        kept |= {"centre": [float(light.centre.real), float(light.centre.imag)]}
        return {"vector": self.vector.tolist(), "lens_light": kept | {"shining": self.shining.astype(int).tolist()}}

    @classmethod
    def of_info(cls, info: Mapping[str, Any]) -> KeptMode:
        """The mode of such an entry."""
        vector, kept = np.array(info["vector"]), info["lens_light"]
        if kept is None:
            return cls(vector)
        sigmas, q, phi = (np.array(kept[name]) for name in ("sigmas", "q", "phi"))
        return cls(vector, LightShape(sigmas, q, phi, complex(*kept["centre"])), np.array(kept["shining"], bool))
