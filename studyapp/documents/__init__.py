"""A study as one readable file: what it may say, writing it, reading it, and comparing two."""
