"""WHAT IS BELIEVED BEFORE THE FIT: blocks of the unit cube, the prior modes, exchanging one prior for another."""
