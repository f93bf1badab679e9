"""One template object yields the training tokens with their label mask, the Jinja chat template, and Ollama's."""
