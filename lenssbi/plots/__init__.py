"""Results in, Figure out; nothing is computed here that a number in a table would depend on."""
