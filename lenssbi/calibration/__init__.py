"""CAN WE BELIEVE IT: coverage, and the recalibration that mends it."""
