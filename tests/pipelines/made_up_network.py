"""A network with a known answer."""

from lenssbi.posteriors import DiagonalMixture


class Network:
    """An estimator that knows the answer, roughly."""

    name, sees_lens_light = "made-up", False

    def __init__(self, reason=None, radius=0.91, flags=()):
        self.reason, self.radius, self.flags = reason, radius, flags
        self.identity = repr((reason, radius, flags))

    def applies_to(self, stamp):
        return self.reason

    def judge_stamp(self, stamp):
        names = ("einstein_radius", "e1", "e2")
        answer = DiagonalMixture([[self.radius, 0.1, 0.0]], [[0.02, 0.05, 0.05]], names, ("arcsec", "", ""))
        return answer, self.flags
