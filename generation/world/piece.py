"""One invented clip, written down: everything that its music and its picture have in common.

The relations a model can learn are all decided here: speed of motion follows the tempo, hue follows the key,
brightness follows the register, the amount of things on screen and how hard the picture pulses follow the note
density of each section, and a picture cut is always a change of section in the music.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAME_HZ = 50
"""Every note starts on this grid, the cascade's acoustic frame rate, which keeps a small codec's task small."""


@dataclass(frozen=True, slots=True)
class Hue:
    """A colour of the picture and the key that it stands for. ``degrees`` on the colour circle."""

    name: str
    degrees: float
    tonic: int
    mode: str


HUES = (
    Hue("red", 6.0, 0, "major"),
    Hue("amber", 38.0, 5, "major"),
    Hue("green", 140.0, 2, "minor"),
    Hue("cyan", 186.0, 4, "minor"),
    Hue("blue", 226.0, 9, "minor"),
    Hue("magenta", 312.0, 7, "major"),
)
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
KEY_NAMES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")


@dataclass(frozen=True, slots=True)
class Genre:
    """What all pieces of a genre share.

    sixteenth_frames: possible lengths of a sixteenth note, in frames of 1/50 s (6 is 125 beats a minute).
    progressions: mode to chord roots as scale degrees, one chord a bar.
    scenes: names of the pictures that the genre is drawn with, in ``generation.world.scenes``.
    """

    name: str
    sixteenth_frames: tuple[int, ...]
    progressions: dict[str, tuple[tuple[int, ...], ...]]
    scenes: tuple[str, ...]


GENRES = (
    Genre(
        "Electronic music",
        (5, 6, 7),
        {"major": ((0, 4, 5, 3), (0, 3, 5, 4)), "minor": ((0, 5, 2, 6), (0, 3, 5, 6))},
        ("tunnel", "kaleidoscope", "neon_road"),
    ),
    Genre(
        "Hip hop music",
        (8, 9, 10),
        {"major": ((0, 5, 3, 4), (3, 0, 3, 4)), "minor": ((0, 5, 0, 6), (0, 3, 0, 4))},
        ("dancer", "turntable", "skyline"),
    ),
    Genre(
        "Reggae",
        (8, 9, 10),
        {"major": ((0, 3, 0, 4), (0, 4, 3, 0)), "minor": ((0, 6, 0, 6), (0, 3, 0, 4))},
        ("sunset", "palms", "waves"),
    ),
    Genre(
        "Rock",
        (5, 6, 7),
        {"major": ((0, 0, 3, 4), (0, 6, 3, 0)), "minor": ((0, 0, 5, 6), (0, 6, 5, 6))},
        ("stage", "highway", "shards"),
    ),
)


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch between two picture cuts. ``start_frame`` and ``frames`` count 1/50 s.

    chords: scale degree of each bar's root. motif: eight scale steps of the lead, from the bar's root.
    density: 0 sparse to 2 busy, for what sounds and for what moves.
    """

    start_frame: int
    frames: int
    scene: str
    chords: tuple[int, ...]
    motif: tuple[int, ...]
    layout: int
    density: int


@dataclass(frozen=True, slots=True)
class Piece:
    """One clip of the world.

    hue: index into HUES. brightness: 0 dark and low to 2 bright and high. density: 0 sparse to 2 busy, as most of
    its sections are.
    """

    seed: int
    genre: Genre
    sixteenth_frames: int
    hue: int
    brightness: int
    density: int
    sections: tuple[Section, ...]
    duration_s: float

    @property
    def tempo_bpm(self) -> float:
        return 60.0 * FRAME_HZ / (4 * self.sixteenth_frames)

    @property
    def beat_s(self) -> float:
        return 60.0 / self.tempo_bpm

    @property
    def cuts_s(self) -> tuple[float, ...]:
        """Times of the picture cuts, the start left out."""
        return tuple(section.start_frame / FRAME_HZ for section in self.sections[1:])

    @property
    def key(self) -> str:
        return f"{KEY_NAMES[HUES[self.hue].tonic]} {HUES[self.hue].mode}"

    @property
    def caption(self) -> str:
        """What a listener and viewer would say of it, in one sentence."""
        return self.describe(*(section.scene for section in self.sections))

    def describe(self, *scenes: str) -> str:
        """The caption as if only these scenes were shown."""
        light = ("dark", "", "bright")[self.brightness]
        pace = "fast" if self.tempo_bpm > 120 else "slow" if self.tempo_bpm < 90 else "medium-paced"
        amount = ("sparse", "steady", "busy")[self.density]
        places = ", ".join(dict.fromkeys(_PLACES[scene] for scene in scenes))
        picture = " ".join(word for word in (light, HUES[self.hue].name) if word)
        article = "An" if picture[0] in "aeiou" else "A"
        return f"{article} {picture} {places}; {pace}, {amount} {self.genre.name.lower()} in {self.key}"

    def scene_at(self, time_s: float) -> str:
        """Name of the scene on screen at a time."""
        return [s.scene for s in self.sections if s.start_frame <= time_s * FRAME_HZ + 1e-6][-1]


_SHORTEST_SECTION = 75

_PLACES = {
    "tunnel": "tunnel of light",
    "kaleidoscope": "kaleidoscope",
    "neon_road": "neon grid under a rising sun",
    "dancer": "dancer under street lights",
    "turntable": "spinning record",
    "skyline": "city at night",
    "sunset": "sunset over the sea",
    "palms": "row of swaying palms",
    "waves": "sea of rolling waves",
    "stage": "stage with sweeping lights",
    "highway": "drive along a mountain road",
    "shards": "burst of flying shards",
}


def plan(
    seed: int,
    *,
    genre: Genre | None = None,
    hue: int | None = None,
    brightness: int | None = None,
    duration_s: float = 10.0,
) -> Piece:
    """Invent one piece; the same arguments give the same piece. What is not asked for is drawn from ``seed``."""
    draw = np.random.default_rng([2024, seed])
    drawn_genre = GENRES[int(draw.integers(len(GENRES)))]
    drawn_hue = int(draw.integers(len(HUES)))
    drawn_brightness = int(draw.integers(3))
    chosen = genre or drawn_genre
    sixteenth = int(draw.choice(chosen.sixteenth_frames))
    hue = drawn_hue if hue is None else hue
    density = int(draw.integers(3))
    return Piece(
        seed=seed,
        genre=chosen,
        sixteenth_frames=sixteenth,
        hue=hue,
        brightness=drawn_brightness if brightness is None else brightness,
        density=density,
        sections=_sections(draw, chosen, sixteenth, HUES[hue].mode, density, round(duration_s * FRAME_HZ)),
        duration_s=duration_s,
    )


def _sections(
    draw: np.random.Generator, genre: Genre, sixteenth: int, mode: str, density: int, total: int
) -> tuple[Section, ...]:
    bar = 16 * sixteenth
    bars = 1 if bar > 130 else 2
    scenes = list(draw.permutation(len(genre.scenes)))
    progression = genre.progressions[mode][int(draw.integers(len(genre.progressions[mode])))]
    motifs = [_motif(draw), _motif(draw)]
    sections: list[Section] = []
    start = 0
    while start < total:
        index = len(sections)
        first = index * bars
        left = total - start
        frames = left if left < bars * bar + _SHORTEST_SECTION else bars * bar
        sections.append(
            Section(
                start_frame=start,
                frames=frames,
                scene=genre.scenes[scenes[index % len(scenes)]],
                chords=tuple(
                    progression[(first + bar_index) % len(progression)] for bar_index in range(-(-frames // bar))
                ),
                motif=motifs[index % 2],
                layout=int(draw.integers(1 << 30)),
                density=min(2, max(0, density + int(draw.choice((-1, 0, 0, 0, 1))))),
            )
        )
        start += frames
    return tuple(sections)


def _motif(draw: np.random.Generator) -> tuple[int, ...]:
    """Eight steps of a chord-tone melody: mostly root, third, fifth and octave above the bar's root."""
    return tuple(int(step) for step in draw.choice((0, 2, 4, 7, 4, 2), size=8))
