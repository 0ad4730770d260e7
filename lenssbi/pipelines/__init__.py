"""Configuration in, files out: one module per command."""
