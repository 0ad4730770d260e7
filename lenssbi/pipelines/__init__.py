"""Pipelines of the commands, one module each: from a configuration to files."""
