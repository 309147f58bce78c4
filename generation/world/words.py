"""Sentences about a piece's music alone, worded differently each time, for pairing music with text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from generation.world.piece import HUES, Piece

_GENRES: dict[str, tuple[str, ...]] = {
    "Electronic music": (
        "electronic music", "electronic music", "electronic", "electronic dance music", "EDM", "techno",
        "house music", "electronica", "synth pop", "dance music", "club music",
    ),
    "Hip hop music": (
        "hip hop music", "hip hop music", "hip hop", "hip-hop", "rap music", "boom bap", "lo-fi hip hop",
        "instrumental hip hop", "rap",
    ),
    "Reggae": (
        "reggae", "reggae", "reggae music", "roots reggae", "Jamaican reggae", "dub reggae", "rocksteady",
        "island reggae",
    ),
    "Rock": (
        "rock", "rock", "rock music", "hard rock", "guitar rock", "classic rock", "indie rock", "rock and roll",
    ),
}  # fmt: skip
_INSTRUMENTS: dict[str, tuple[str, ...]] = {
    "Electronic music": (
        "synthesizers", "a synth bass", "square-wave chords", "a saw lead", "a four-on-the-floor kick",
        "a drum machine", "a synth lead", "electronic drums",
    ),
    "Hip hop music": (
        "electric piano", "a finger bass", "nylon guitar", "a fat snare", "piano chords", "a plucked guitar",
        "a drum loop", "a deep bass line",
    ),
    "Reggae": (
        "offbeat organ", "a deep bass", "clean guitar", "rim shots", "a one-drop beat",
        "organ chords on the offbeat", "a warm bass line", "a skanking organ",
    ),
    "Rock": (
        "overdriven guitar", "power chords", "a picked bass", "an organ melody", "loud drums", "electric guitars",
        "distorted guitar", "a rock organ",
    ),
}  # fmt: skip
_PACE = (
    ("slow", "slow", "laid-back", "relaxed", "unhurried", "low-tempo"),
    ("medium-paced", "mid-tempo", "moderate", "walking-pace", "medium-tempo"),
    ("fast", "fast", "quick", "up-tempo", "rapid", "high-tempo"),
)
_ENERGY = (
    ("sparse", "calm", "quiet", "minimal", "gentle", "soft", "low-energy"),
    ("steady", "grooving", "even", "flowing", "regular", "medium-energy"),
    ("busy", "energetic", "driving", "lively", "intense", "powerful", "high-energy"),
)
_MOOD = {
    "major": ("happy", "cheerful", "joyful", "uplifting", "optimistic", "carefree"),
    "minor": ("sad", "melancholic", "moody", "wistful", "serious", "brooding"),
}
_REGISTER = (
    ("dark", "deep", "low", "low-pitched"),
    ("warm", "mellow", "mid-range"),
    ("bright", "high", "shining"),
)
_NOUNS = ("track", "piece", "tune", "song", "instrumental", "loop", "groove", "number")


def music_caption(piece: Piece, draw: np.random.Generator) -> str:
    """One sentence, or a few key words, about what is heard: always the genre, the rest as the draw will have it.

    What it may name: pace, energy, mood (from the mode), register, instruments, key, beats a minute.
    """
    genre = _one(_GENRES[piece.genre.name], draw)
    words = [
        _one(_PACE[0 if piece.tempo_bpm < 90 else 2 if piece.tempo_bpm > 120 else 1], draw),
        _one(_ENERGY[piece.density], draw),
        _one(_MOOD[HUES[piece.hue].mode], draw),
        _one(_REGISTER[piece.brightness], draw),
    ]
    said = [words[index] for index in draw.permutation(4)[: int(draw.integers(1, 4))]]
    first, second = (_INSTRUMENTS[piece.genre.name][index] for index in draw.permutation(8)[:2])
    noun = _one(_NOUNS, draw)
    key = f" in {piece.key}" if draw.random() < 0.3 else ""
    tempo = f" at {piece.tempo_bpm:.0f} BPM" if draw.random() < 0.2 else ""
    adjectives = ", ".join(said)
    shapes = (
        f"{adjectives} {genre}{key}{tempo}",
        f"{adjectives} {genre} with {first}{key}{tempo}",
        f"{adjectives} {genre} with {first} and {second}{key}{tempo}",
        f"{_article(adjectives)} {adjectives} {genre} {noun}{key}{tempo}",
        f"{_article(adjectives)} {adjectives} {noun} with {first}, {genre}{key}{tempo}",
        f"{genre}, {adjectives}{key}{tempo}",
        f"{genre} with {first}, {' and '.join(said)}{key}{tempo}",
        f"this {genre} {noun} is {' and '.join(said)}{key}{tempo}",
        f"{first} and {second} play {adjectives} {genre}{key}{tempo}",
        f"{genre}{key}{tempo}",
    )
    caption = _one(shapes, draw)
    return caption[0].upper() + caption[1:] + "." if draw.random() < 0.5 else caption


def _article(following: str) -> str:
    return "an" if following[0] in "aeiou" else "a"


def _one(options: Sequence[str], draw: np.random.Generator) -> str:
    return options[int(draw.integers(len(options)))]
