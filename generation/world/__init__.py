"""An invented world of paired moving pictures and music, made from seeds.

It is the demo's own material and what the ``tiny`` cascade is trained on.
"""

from __future__ import annotations

from generation.world.demo import write_demo
from generation.world.facts import Facts, facts
from generation.world.music import render_music
from generation.world.pictures import render_frames
from generation.world.piece import GENRES, HUES, Genre, Hue, Piece, Section, plan
from generation.world.words import music_caption

__all__ = [
    "GENRES",
    "HUES",
    "Facts",
    "Genre",
    "Hue",
    "Piece",
    "Section",
    "facts",
    "music_caption",
    "plan",
    "render_frames",
    "render_music",
    "write_demo",
]
