"""Semantic tokens: what the music is doing, 25 times a second."""
