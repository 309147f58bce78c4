"""A film score at 72 and ambient sound at 60 beats a minute."""

from __future__ import annotations

from generation.baselines.loops.make import drums
from generation.baselines.loops.make.canvas import Canvas
from generation.baselines.loops.make.score import arpeggio, comp, line, roots
from generation.baselines.loops.make.sketch import Family, Sketch
from generation.baselines.loops.make.strings import bars_of_metal, piano
from generation.baselines.loops.make.synths import ensemble, filtered, wash

_SCORE = "Cm:8 Ab:8 Eb:8 Bb:8"
_SCORE_RICH = "Cm:8 Ab:8 Eb:8 Bbsus4:8"
_AMBIENT = "Fmaj9:16 Dm9:16"


def _score_toms(canvas: Canvas) -> None:
    canvas.hits(drums.tom(62, 0.5), "X.......X...o...X.......X.....x.", 0.9)
    canvas.hits(drums.tom(92, 0.3), "....x.oo......x.....x.oo....xx.x", 0.5, pan=0.3)
    canvas.hits(drums.tom(120, 0.25), "..o.......o.o.....o.......o...xo", 0.4, pan=-0.3)
    canvas.reverb(2.2, 0.3)
    canvas.drive(1.3)


def _score_basses(canvas: Canvas) -> None:
    voice = ensemble(cutoff_hz=700, attack_s=0.08, release_s=0.15)
    canvas.play(voice, roots(_SCORE, "x-------x-------", 36))
    canvas.play(voice, roots(_SCORE, "x-x-x-x-x-x-x-x-", 36), 0.5)
    canvas.reverb(1.8, 0.12)
    canvas.shape(high_hz=3000)


def _score_strings(canvas: Canvas) -> None:
    canvas.play(ensemble(cutoff_hz=2200), comp(_SCORE_RICH, "x-------x-------", 55), 0.5, spread=0.6)
    canvas.play(ensemble(cutoff_hz=3000), comp(_SCORE, "x-------x-------", 67), 0.3, spread=0.4)
    canvas.reverb(2.6, 0.3)
    canvas.shape(low_hz=140)


def _score_spiccato(canvas: Canvas) -> None:
    voice = ensemble(cutoff_hz=2600, attack_s=0.015, release_s=0.06, players=3)
    canvas.play(voice, arpeggio(_SCORE, "x.xox.xox.xox.xo", 60, (0, 0, 1, 0, 2, 1)), 0.6, spread=0.3)
    canvas.reverb(2.0, 0.25)
    canvas.shape(low_hz=180)


def _score_horn(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=900, sweep=-1.0, sweep_s=0.2, attack_s=0.09, release_s=0.2, vibrato=0.1,
                     detune_cents=8, sub=0.1)  # fmt: skip
    canvas.play(voice, line("G4:6 Eb4:2 C4:4 Eb4:4 Bb4:6! G4:2 F4:4 D4:4"), 0.7)
    canvas.reverb(2.6, 0.35)
    canvas.shape(high_hz=5000)


def _score_piano(canvas: Canvas) -> None:
    voice = piano(hard=0.5, ring_s=4)
    canvas.play(voice, arpeggio(_SCORE, "x-x-x-x-x-x-x-x-", 60, (0, 1, 2, 3)), 0.6, spread=0.2)
    canvas.play(voice, roots(_SCORE, "x-------x-------", 43), 0.6)
    canvas.reverb(2.6, 0.3)


def _ambient_pad(canvas: Canvas) -> None:
    voice = ensemble(cutoff_hz=1100, attack_s=1.2, release_s=0.9, players=3)
    canvas.play(voice, comp(_AMBIENT, "x---------------", 53), 0.5, spread=0.8)
    canvas.reverb(4.0, 0.5, bright_hz=3000)
    canvas.shape(low_hz=110, high_hz=5000)


def _ambient_drone(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=260, attack_s=0.9, release_s=0.8, detune_cents=7, sub=0.6)
    canvas.play(voice, roots(_AMBIENT, "x---------------", 36))
    canvas.reverb(2.5, 0.15)
    canvas.shape(high_hz=1500)


def _ambient_bells(canvas: Canvas) -> None:
    voice = bars_of_metal((1.0, 2.76, 5.4), (1.0, 0.22, 0.08), ring_s=3.2)
    canvas.play(voice, line("C5:6 G5:4 E5:6, A5:6, F5:4 C6:6,"), 0.6, spread=0.5)
    canvas.echo(6, 0.5, 0.35)
    canvas.reverb(3.5, 0.5)


def _ambient_piano(canvas: Canvas) -> None:
    canvas.play(piano(hard=0.3, ring_s=4.5), line("A4:6 C5:4, E5:6 D5:6, C5:4 A4:6,"), 0.7, spread=0.25)
    canvas.echo(6, 0.4, 0.2)
    canvas.reverb(3.5, 0.45)


def _ambient_sea(canvas: Canvas) -> None:
    canvas.add(wash(31, 5.2, 250, 1800), 0.3, 0.5, pan=-0.4)
    canvas.add(wash(32, 4.6, 500, 3500), 3.6, 0.4, pan=0.4)
    canvas.add(wash(33, 3.8, 1500, 6000), 5.9, 0.18)
    canvas.reverb(2.5, 0.2)


def _ambient_pulse(canvas: Canvas) -> None:
    canvas.hits(drums.kick(46, 90, 0.22, click=0.0), "x.....o.........x.........o.....", 0.7)
    canvas.hits(drums.shaker(0.12), "....g..o....g...", 0.25, pan=0.3)
    canvas.hits(drums.rim(1100), "..........g.............g..g....", 0.3, pan=-0.35)
    canvas.echo(3, 0.5, 0.3)
    canvas.reverb(2.5, 0.3)


FAMILIES = (
    Family(
        "score", 72, "C minor", ("cinematic", "orchestral", "epic", "dramatic", "film score", "emotional"),
        (
            Sketch("toms", "drums", 2, ("war drums", "powerful"), _score_toms, pitched=False),
            Sketch("basses", "bass", 2, ("strings", "dark"), _score_basses),
            Sketch("strings", "chords", 2, ("strings", "sad", "classical"), _score_strings),
            Sketch("piano", "chords", 2, ("piano", "sad", "romantic"), _score_piano),
            Sketch("horn", "lead", 2, ("brass", "heroic"), _score_horn),
            Sketch("spiccato", "texture", 2, ("strings", "suspense"), _score_spiccato),
        ),
    ),
    Family(
        "ambient", 60, "F major", ("ambient", "calm", "meditation", "peaceful", "slow", "atmospheric"),
        (
            Sketch("pulse", "drums", 2, ("minimal", "soft"), _ambient_pulse, pitched=False),
            Sketch("drone", "bass", 2, ("drone", "deep"), _ambient_drone),
            Sketch("pad", "chords", 2, ("pad", "dreamy", "space"), _ambient_pad),
            Sketch("bells", "lead", 2, ("bells", "mysterious"), _ambient_bells),
            Sketch("piano", "lead", 2, ("piano", "sad", "soft"), _ambient_piano),
            Sketch("sea", "texture", 2, ("nature", "ocean", "sleep"), _ambient_sea, pitched=False),
        ),
    ),
)  # fmt: skip
