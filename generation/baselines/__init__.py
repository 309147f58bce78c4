"""Systems without a network: the original music, somebody else's music, and finished files."""
