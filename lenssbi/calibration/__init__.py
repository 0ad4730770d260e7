"""Coverage of posteriors, and the recalibration that corrects it."""
