"""Inferred parameters: priors, transforms (complex ellipticity, the 0-10 scaling) and parameter spaces."""

from lenssbi.parameters.priors import LogUniform, Marginal, Normal, Prior, Uniform
from lenssbi.parameters.space import POWER_LAW_SPACE, SIE_SPACE, Parameter, ParameterSpace, parameter_space
from lenssbi.parameters.transforms import axis_ratio, ellipticity, position_angle, wrap_angle

__all__ = [
    "POWER_LAW_SPACE",
    "SIE_SPACE",
    "LogUniform",
    "Marginal",
    "Normal",
    "Parameter",
    "ParameterSpace",
    "Prior",
    "Uniform",
    "axis_ratio",
    "ellipticity",
    "parameter_space",
    "position_angle",
    "wrap_angle",
]
