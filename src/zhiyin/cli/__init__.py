"""The command line: verbs for people."""
