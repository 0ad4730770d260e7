"""BELIEF -> SHARPER BELIEF: prior modes, the likelihood of a pixelised source, nested sampling, dividing the prior out."""
