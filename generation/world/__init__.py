"""An invented world of paired moving pictures and music, made from seeds.

It is the demo's own material and what the ``tiny`` cascade is trained on.
"""

from __future__ import annotations

from generation.world.demo import write_demo
from generation.world.music import render_music
from generation.world.pictures import render_frames
from generation.world.piece import GENRES, HUES, Genre, Hue, Piece, Section, plan

__all__ = [
    "GENRES",
    "HUES",
    "Genre",
    "Hue",
    "Piece",
    "Section",
    "plan",
    "render_frames",
    "render_music",
    "write_demo",
]
