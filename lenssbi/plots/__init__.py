"""Figures of results; numbers of tables are not computed here."""
