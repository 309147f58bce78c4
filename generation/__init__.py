"""Music systems for silent video: the V2Meow cascade, its baselines, and paired rendering.

Knows no Django, no database and no statistics. ``python -m generation`` works without the rest of Duet.
"""
