"""Train every part of a preset, seeded and resumable, on one process or several (docs/training.md)."""
