"""Methods that are run on the stamps of a suite: networks (`answers`), our fits (`fits`), PyAutoLens (`peers`); results are `records`."""
