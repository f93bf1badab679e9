"""The training room: tokenizer, objectives, adapters, and one thin subclass of `transformers.Trainer`."""
