"""What is known of a piece before a note is heard, for the evaluation to compare with what it measures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from generation.world.music import events
from generation.world.piece import FRAME_HZ, HUES, Piece


@dataclass(frozen=True, slots=True)
class Facts:
    """The truth about one piece; plain values only, so that ``dataclasses.asdict`` gives JSON.

    onset_rate_hz: different moments at which at least one note or drum begins, per second of the whole piece;
    section_onset_rates_hz: the same for each section. density and brightness: 0 to 2. tonic: 0 is C.
    cuts_s: times of the picture cuts, which are changes of section in the music.
    """

    genre: str
    tempo_bpm: float
    onset_rate_hz: float
    section_onset_rates_hz: tuple[float, ...]
    density: int
    tonic: int
    mode: str
    brightness: int
    cuts_s: tuple[float, ...]


def facts(piece: Piece) -> Facts:
    """The facts of a piece, from its plan and its score."""
    onsets = onsets_s(piece)
    edges = (0.0, *piece.cuts_s, piece.duration_s)
    return Facts(
        genre=piece.genre.name,
        tempo_bpm=piece.tempo_bpm,
        onset_rate_hz=len(onsets) / piece.duration_s,
        section_onset_rates_hz=tuple(
            sum(start <= onset < end for onset in onsets) / (end - start) for start, end in pairwise(edges)
        ),
        density=piece.density,
        tonic=HUES[piece.hue].tonic,
        mode=HUES[piece.hue].mode,
        brightness=piece.brightness,
        cuts_s=piece.cuts_s,
    )


def onsets_s(piece: Piece) -> tuple[float, ...]:
    """The moments, in seconds and in order, at which notes or drums begin."""
    return tuple(start / FRAME_HZ for start in sorted({event.start for event in events(piece)}))
