"""POSTERIORS FROM LIKELIHOODS: Nautilus, adaptive importance sampling, their states on disk. Knows no lens."""
