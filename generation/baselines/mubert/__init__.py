"""Mubert: the prompt becomes tags, and tags become music put together from loops that people recorded."""
