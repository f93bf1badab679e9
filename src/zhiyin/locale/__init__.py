"""English and Chinese: the catalogue of what zhiyin says to people, and how a sentence is looked up."""
