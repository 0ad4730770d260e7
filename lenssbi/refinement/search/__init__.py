"""THE FIRST STAGE: which lens, seen with a smooth source."""
