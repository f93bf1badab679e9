"""Facts about Chinese text: scripts, widths, n-grams."""
