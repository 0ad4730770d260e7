"""What is run on the stamps of a suite: networks (`answers`), our fits (`fits`), PyAutoLens (`peers`); what is kept of each (`records`)."""
