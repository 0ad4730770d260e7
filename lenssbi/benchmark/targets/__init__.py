"""Targets of a benchmark (`wishes`) and whether they are met (`wanted`)."""
