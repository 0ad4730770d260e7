"""Many evaluations at once in torch, on a CPU or a GPU: what the benchmark compares the one-by-one kernel with."""
