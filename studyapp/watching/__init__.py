"""Watching a study: figures worked out by a worker, single raters, and the replay of sessions."""
