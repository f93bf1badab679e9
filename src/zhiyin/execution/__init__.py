"""The execution core: configs, steps, artifacts and the store that makes each of them once."""
