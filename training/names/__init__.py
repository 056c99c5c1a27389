"""The name model: corpora, templates, training."""
