"""zhiyin (知音): from an open LLM to a Chinese expert, by one recipe."""

__version__ = "0.1.0"
