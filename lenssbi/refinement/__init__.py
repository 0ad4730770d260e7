"""BELIEF -> SHARPER BELIEF: a fit of mass, source and lens light, from a stamp to its posterior.

config          the choices
observation     which pixels, with which noise; `circle` looks at the arcs
priors          what is believed before: the prior modes, one prior exchanged for another
prepare         from a stamp as it was read to such a problem: `lens_light` off, the network asked; `pixels` are what it is shown
problem         everything that a posterior follows from
search          the first stage: which lens, seen with a smooth source
first_stage     what the sampling begins with
likelihood      of a pixelised source; `profile_likelihood` of a smooth one
sampling        importance sampling and Nautilus; knows no lens; `samplers` are those of a fit by name
tempering       error bars as wide as they have to be; `model_error` adds what no smooth lens can know
attempts        the runs of a fit, begun anew where a solution is wrong; `basins` and `flags` recognise it
fit             all of it in order; `result` is what comes out; `restored` reads one back from its file, which keeps a mode (`kept_mode`)
"""
