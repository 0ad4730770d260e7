"""Many evaluations at once in torch, on a CPU or a GPU: for comparison with the kernel for single evaluations."""
