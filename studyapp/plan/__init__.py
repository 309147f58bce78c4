"""The plan of a study: sampling, balance, what is declared and frozen, and what is amended."""
