"""The commands, one module each: a command parses its options, calls one function of a pipeline and prints the result."""
