"""Signal-to-noise ratio of a lensed source: that of its brightest pixels together (Dobler et al. 2008, as in Collett's LensPop).

S/N = max over k of  (sum of the k brightest pixels) / (root of the sum of their variances)
"""

from __future__ import annotations

from lenssbi.arrays import Array, array_namespace


def signal_to_noise(signal: Array, noise: Array) -> Array:
    """The largest S/N that the k brightest pixels of a stamp have together, over all k.

    Parameters
    ----------
    signal, noise
        Light and one sigma of each pixel, in one unit, shape (*batch, y, x); NumPy's or torch's.

    Returns
    -------
    Shape (*batch).
    """
    xp = array_namespace(signal)
    size = signal.shape[-2] * signal.shape[-1]
    signal, noise = (xp.reshape(values, (*values.shape[:-2], size)) for values in (signal, noise))
    order = xp.argsort(signal, axis=-1, descending=True, stable=False)
    total = xp.cumulative_sum(xp.take_along_axis(signal, order, axis=-1), axis=-1)
    variance = xp.cumulative_sum(xp.take_along_axis(noise, order, axis=-1) ** 2, axis=-1)
    return xp.max(total / xp.sqrt(variance), axis=-1)
