"""`lenssbi benchmark`: every method asked about every suite.

config    which methods and suites, and what is wanted of them
answers   a method's answers about a suite, kept as they come
judge     answers and truth -> errors, coverage, log scores
speed     stamps per second of prediction and training
table     what was found beside what the paper has and what is wanted
run       all of it, in order
"""
