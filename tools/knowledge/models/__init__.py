"""Embedding models and rerankers, by their spec."""
