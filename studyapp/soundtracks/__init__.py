"""A study's soundtracks: progress, failures by reason, whether versions agree, listening."""
