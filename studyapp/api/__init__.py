"""The HTTP API for scripts, version 1: what the pages do, through the same actions and rights, with tokens."""
