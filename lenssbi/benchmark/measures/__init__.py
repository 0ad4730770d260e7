"""Times and memory: prediction and training (`speed`), one likelihood (`evaluation`), a fit (`memory`)."""
