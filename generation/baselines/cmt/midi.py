"""Notes to a MIDI file of five tracks, at the tempo of the video."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pretty_midi

from generation.baselines.cmt.words import PARTS, Note

PROGRAMS = {"drums": 0, "piano": 0, "guitar": 24, "bass": 33, "strings": 41}
"""General MIDI programs as CMT's own files have them: grand piano, nylon guitar, finger bass, viola."""
VELOCITY = 80


def midi_file(notes: Iterable[Note], tempo_bpm: float, duration_s: float) -> bytes:
    """A standard MIDI file in which nothing sounds beyond ``duration_s``."""
    tick_s = 60 / tempo_bpm / 4
    music = pretty_midi.PrettyMIDI(initial_tempo=tempo_bpm)
    tracks = [pretty_midi.Instrument(PROGRAMS[name], name == "drums", name.capitalize()) for name in PARTS]
    for note in notes:
        start, end = note.tick * tick_s, (note.tick + note.duration) * tick_s
        if start < duration_s:
            tracks[note.part].notes.append(pretty_midi.Note(VELOCITY, note.pitch, start, min(end, duration_s)))
    music.instruments.extend(tracks)
    file = io.BytesIO()
    music.write(file)
    return file.getvalue()
