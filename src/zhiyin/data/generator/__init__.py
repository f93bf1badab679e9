"""Facts written or computed by us, and the Chinese prose, questions and answer pairs made from them; no data files."""
