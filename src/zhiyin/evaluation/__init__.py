"""The evaluation room: benchmarks become prompts, answers become marks, marks become scores with intervals."""
