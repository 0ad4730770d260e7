"""The commands: one file per verb, each of which parses, calls one pipeline function and prints where the result is."""
