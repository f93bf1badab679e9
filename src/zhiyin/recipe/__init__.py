"""The recipe: YAML to typed steps; the only place where rooms meet."""
