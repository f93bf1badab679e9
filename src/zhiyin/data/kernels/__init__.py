"""Pure functions on flat NumPy arrays, for a whole batch of texts at once; Python sees no single character."""
