"""Lo-fi hip hop at 84, reggae at 76, funk at 106 and swing at 144 beats a minute."""

from __future__ import annotations

from generation.baselines.loops.make import drums
from generation.baselines.loops.make.canvas import RATE_HZ, Canvas
from generation.baselines.loops.make.score import arpeggio, comp, line
from generation.baselines.loops.make.sketch import Family, Sketch
from generation.baselines.loops.make.strings import bars_of_metal, piano, plucked
from generation.baselines.loops.make.synths import brass, electric_piano, filtered, organ

_LOFI = "Dm9:8 Gm9:8 Bbmaj7:8 A7b9:8"
_REGGAE = "G:16 C:8 D:8"
_FUNK = "Dm7:16 G13:16"
_JAZZ = "Gm9:16 C13:16 Fmaj9:16 D7b9:16"


def _lofi_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(52, 140, 0.2, click=0.15), "X......o..X.....X.....o...X..o..", 0.9)
    canvas.hits(drums.snare(170, 0.09, 0.11, high_hz=6000), "....X.......X..g....X..g....X...", 0.6, late_s=0.012)
    canvas.hits(drums.hat(0.03, 6500), "x.oxx.o.x.ogx.o.", 0.2, pan=0.2)
    canvas.reverb(0.4, 0.07)
    canvas.drive(1.7)
    canvas.shape(low_hz=35, high_hz=8000)


def _lofi_boom(canvas: Canvas) -> None:
    canvas.hits(drums.kick(44, 170, 0.3, click=0.3), "X..o......X..o..X..X......X.....", 0.95)
    canvas.hits(drums.snare(190, 0.08, 0.16), "....X.......X.......X.......X.gg", 0.7, late_s=0.008)
    canvas.hits(drums.clap(), "....o.......o...", 0.25)
    canvas.hits(drums.hat(0.03), "xoxoxoxoxoxgxoxo", 0.2, pan=0.2)
    canvas.hits(drums.hat(0.18), "..............x.", 0.2, pan=0.2)
    canvas.reverb(0.5, 0.06)
    canvas.drive(1.9)


def _lofi_bass(canvas: Canvas) -> None:
    voice = plucked(pick=0.3, ring_s=1.8, dark_hz=700, damp_s=0.04, bright=0.3)
    canvas.play(voice, line("D2:3 r:1 D2:1, A1:3 G1:4 r:2 A1:2, Bb1:5 r:1 F1:2 A1:4! E2:2 C#2:2"))
    canvas.shape(high_hz=2500)
    canvas.drive(1.5)


def _lofi_keys(canvas: Canvas) -> None:
    canvas.play(electric_piano(bright=0.7), comp(_LOFI, "x-----x-x----.o-", 53), 0.5, spread=0.35, strum_s=0.008)
    canvas.reverb(1.2, 0.18)
    canvas.shape(low_hz=120, high_hz=5500)


def _lofi_guitar(canvas: Canvas) -> None:
    voice = plucked(pick=0.2, ring_s=1.4, dark_hz=1800, bright=0.7)
    canvas.play(voice, arpeggio(_LOFI, "x-x--x-xx-x-x--.", 57, (0, 2, 1, 3, 2, 4)), 0.7, spread=0.2)
    canvas.reverb(1.4, 0.2)
    canvas.shape(low_hz=120, high_hz=5000)


def _lofi_vibes(canvas: Canvas) -> None:
    voice = bars_of_metal(tremolo_hz=4.5)
    canvas.play(voice, line("r:4 A4:2 C5:2 D5:4, F5:4 r:2 D5:2 C5:2 A4:4 Bb4:2 A4:4,"), 0.8, pan=-0.15)
    canvas.echo(3, 0.35, 0.3)
    canvas.reverb(1.6, 0.25)


def _lofi_dust(canvas: Canvas) -> None:
    count = canvas.samples
    ticks = (canvas.draw.random(count) < 9 / RATE_HZ) * canvas.draw.normal(size=count)
    canvas.sound += ticks * 0.8 + canvas.draw.normal(size=(2, count)) * 0.012
    canvas.shape(low_hz=700, high_hz=5500)


def _reggae_drop(canvas: Canvas) -> None:
    canvas.hits(drums.kick(55, 150, 0.18, click=0.2), "........X...............X.....o.", 0.9)
    canvas.hits(drums.rim(), "........X...............X..o....", 0.5)
    canvas.hits(drums.snare(220, 0.05, 0.09), "........o...............o.......", 0.3)
    canvas.hits(drums.hat(0.035), "x.xox.x.x.xox.xo", 0.26, pan=0.2)
    canvas.hits(drums.hat(0.2), "..............o.", 0.2, pan=0.2)
    canvas.reverb(0.9, 0.08)
    canvas.drive(1.3)


def _reggae_steppers(canvas: Canvas) -> None:
    canvas.hits(drums.kick(52, 160, 0.18, click=0.25), "X...X...X...X...", 0.85)
    canvas.hits(drums.rim(1500), "........X.......", 0.55)
    canvas.hits(drums.snare(210, 0.06, 0.12), "........x.......", 0.5)
    canvas.hits(drums.hat(0.03), "o.xoo.xoo.xoo.xo", 0.24, pan=0.2)
    canvas.echo(3, 0.45, 0.12)
    canvas.drive(1.3)


def _reggae_bass(canvas: Canvas) -> None:
    voice = plucked(pick=0.35, ring_s=2.2, dark_hz=420, damp_s=0.05, bright=0.15)
    canvas.play(voice, line("G1:4! r:2 B1:2 D2:3 r:1 B1:2 A1:2 C2:3! r:1 E2:2 C2:2 D2:4! A1:2 F#1:2"))
    canvas.shape(high_hz=1500)
    canvas.drive(1.6)


def _reggae_skank(canvas: Canvas) -> None:
    voice = plucked(pick=0.1, ring_s=0.5, dark_hz=3500, damp_s=0.02, bright=1.1)
    canvas.play(voice, comp(_REGGAE, "....x.......x...", 55), 0.6, pan=0.35, strum_s=0.006)
    canvas.play(organ(), comp(_REGGAE, "....x.......x...", 60), 0.35, pan=-0.3)
    canvas.echo(3, 0.35, 0.15)
    canvas.reverb(0.9, 0.12)
    canvas.shape(low_hz=220, high_hz=6000)


def _reggae_bubble(canvas: Canvas) -> None:
    canvas.play(organ(click=0.15), comp(_REGGAE, "..o.x.o...o.x.o.", 57), 0.45, spread=0.25)
    canvas.reverb(0.8, 0.12)
    canvas.shape(low_hz=180, high_hz=5000)


def _reggae_melodica(canvas: Canvas) -> None:
    voice = filtered(shape="square", cutoff_hz=1900, vibrato=0.25, attack_s=0.03, release_s=0.05)
    canvas.play(voice, line("r:2 B4:2 D5:3 r:1 B4:2 A4:2 G4:4 E5:3 D5:1 C5:2 B4:2 A4:4 r:4"), 0.6)
    canvas.echo(3, 0.55, 0.45)
    canvas.reverb(1.6, 0.2)
    canvas.shape(low_hz=250, high_hz=5500)


def _funk_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(58, 180, 0.11, click=0.5), "X..o..X...x..o..X.....Xo..x.....", 0.85)
    canvas.hits(drums.snare(215, 0.06, 0.11), "....X..g.g..X..g....X..g.g..X.gg", 0.7)
    canvas.hits(drums.hat(0.028), "xoxoxo.oxoxoxoxo", 0.26, pan=0.2)
    canvas.hits(drums.hat(0.16), "......x.........", 0.24, pan=0.2)
    canvas.reverb(0.35, 0.06)
    canvas.drive(1.3)


def _funk_bass(canvas: Canvas) -> None:
    voice = plucked(pick=0.08, ring_s=1.3, dark_hz=1500, damp_s=0.025, bright=1.0)
    canvas.play(voice, line("D2:2! r:1 D3:1, r:1 C3:1 D2:1, r:1 F2:2 G2:1 A2:1, C3:1 r:1 D3:1, C2:1 "
                            "G2:2! r:1 G3:1, r:1 F3:1 G2:1, r:1 B2:2 C3:1 D3:1, F2:1, r:1 E2:1 C2:1"))  # fmt: skip
    canvas.shape(high_hz=5000)
    canvas.drive(1.4)


def _funk_guitar(canvas: Canvas) -> None:
    voice = plucked(pick=0.07, ring_s=0.6, dark_hz=4200, damp_s=0.012, bright=1.2)
    canvas.play(voice, comp(_FUNK, "x.o..ox.o.x..xo.", 57), 0.5, pan=-0.35, strum_s=0.004)
    canvas.boost(2600, 4)
    canvas.reverb(0.5, 0.08)
    canvas.shape(low_hz=250)


def _funk_clav(canvas: Canvas) -> None:
    voice = plucked(pick=0.05, ring_s=0.7, dark_hz=5000, damp_s=0.015, bright=1.5, stiffness=2e-4)
    canvas.play(voice, arpeggio(_FUNK, "x.x.ox.x.xo.x.xo", 50, (0, 2, 3, 1, 0, 3, 2)), 0.8, pan=0.3)
    canvas.boost(1100, 5)
    canvas.reverb(0.4, 0.06)
    canvas.shape(low_hz=160, high_hz=9000)


def _funk_horns(canvas: Canvas) -> None:
    canvas.play(brass(), comp(_FUNK, "x.......x.x.....", 60), 0.5, spread=0.45)
    canvas.play(brass(), line("r:12 A4:1 C5:1 D5:2! r:10 B4:1 D5:1 E5:3! r:1"), 0.6)
    canvas.reverb(0.9, 0.15)
    canvas.shape(low_hz=200, high_hz=8000)


def _jazz_ride(canvas: Canvas) -> None:
    canvas.hits(drums.ride(0.45), "x...x.o.x...x.o.", 0.4, pan=0.25)
    canvas.hits(drums.hat(0.05), "....x.......x...", 0.3, pan=-0.3)
    canvas.hits(drums.kick(62, 130, 0.12, click=0.1), "o...o...o...o...o...o...o...o.x.", 0.4)
    canvas.hits(drums.snare(230, 0.05, 0.1), "......g.......g...g.......o...g.", 0.4)
    canvas.reverb(0.8, 0.1)


def _jazz_brushes(canvas: Canvas) -> None:
    canvas.hits(drums.brush(0.2), "o...x...o...x...", 0.45, pan=0.15)
    canvas.hits(drums.brush(0.09), "..g...o...g...o.", 0.35, pan=-0.15)
    canvas.hits(drums.hat(0.05), "....o.......o...", 0.25, pan=-0.3)
    canvas.reverb(0.8, 0.1)


def _jazz_walk(canvas: Canvas) -> None:
    voice = plucked(pick=0.3, ring_s=1.5, dark_hz=600, damp_s=0.08, bright=0.35)
    canvas.play(voice, line("G1:4! Bb1:4 D2:4 Db2:4 C2:4! E2:4 G2:4 Gb2:4 "
                            "F2:4! A2:4 C3:4 A2:4 D2:4! F#2:4 A2:4 Ab1:4"))  # fmt: skip
    canvas.shape(high_hz=2800)
    canvas.reverb(0.5, 0.05)


def _jazz_piano(canvas: Canvas) -> None:
    canvas.play(piano(hard=0.9), comp(_JAZZ, "..x-..x.....o---x-....o-......x.", 55), 0.5, spread=0.3)
    canvas.reverb(1.2, 0.16)
    canvas.shape(low_hz=100)


def _jazz_vibes(canvas: Canvas) -> None:
    canvas.play(bars_of_metal(tremolo_hz=5), line(
        "r:2 D5:2 F5:2 A5:2 Bb5:4 A5:2 F5:2 E5:4 G5:2 E5:2 D5:2 C5:2 Bb4:4 "
        "A4:2 C5:2 E5:2 G5:2 F5:6 r:2 F#5:2 A5:2 C5:2 Eb5:2 D5:6 r:2"), 0.8)  # fmt: skip
    canvas.reverb(1.4, 0.2)


FAMILIES = (
    Family(
        "lofi", 84, "D minor", ("lo-fi", "hip hop", "chill", "relaxed", "study", "mellow"),
        (
            Sketch("beat", "drums", 2, ("laid-back", "drums"), _lofi_beat, pitched=False),
            Sketch("boom", "drums", 2, ("boom bap", "urban", "rap"), _lofi_boom, pitched=False),
            Sketch("bass", "bass", 2, ("bass guitar", "groovy"), _lofi_bass),
            Sketch("keys", "chords", 2, ("electric piano", "soul"), _lofi_keys),
            Sketch("guitar", "chords", 2, ("guitar", "nostalgic"), _lofi_guitar),
            Sketch("vibes", "lead", 2, ("vibraphone", "dreamy"), _lofi_vibes),
            Sketch("dust", "texture", 2, ("vinyl", "vintage"), _lofi_dust, pitched=False),
        ),
        swing=0.58,
    ),
    Family(
        "reggae", 76, "G major", ("reggae", "dub", "island", "relaxed", "summer", "sunny"),
        (
            Sketch("drop", "drums", 2, ("one drop", "laid-back"), _reggae_drop, pitched=False),
            Sketch("steppers", "drums", 2, ("steady", "dub"), _reggae_steppers, pitched=False),
            Sketch("bass", "bass", 2, ("bass guitar", "deep"), _reggae_bass),
            Sketch("skank", "chords", 2, ("guitar", "organ", "offbeat"), _reggae_skank),
            Sketch("bubble", "chords", 2, ("organ", "cheerful"), _reggae_bubble),
            Sketch("melodica", "lead", 2, ("melodica", "echo"), _reggae_melodica),
        ),
        swing=0.56,
    ),
    Family(
        "funk", 106, "D minor", ("funk", "disco", "soul", "groovy", "party", "dance"),
        (
            Sketch("beat", "drums", 2, ("breakbeat", "energetic"), _funk_beat, pitched=False),
            Sketch("bass", "bass", 2, ("slap bass", "bass guitar"), _funk_bass),
            Sketch("guitar", "chords", 2, ("guitar", "playful"), _funk_guitar),
            Sketch("clav", "texture", 2, ("clavinet", "vintage"), _funk_clav),
            Sketch("horns", "lead", 2, ("brass", "confident"), _funk_horns),
        ),
        swing=0.54,
    ),
    Family(
        "jazz", 144, "F major", ("jazz", "swing", "elegant", "lounge", "acoustic", "night"),
        (
            Sketch("ride", "drums", 2, ("cymbals", "drums"), _jazz_ride, pitched=False),
            Sketch("brushes", "drums", 2, ("brushes", "soft", "romantic"), _jazz_brushes, pitched=False),
            Sketch("walk", "bass", 4, ("double bass", "walking"), _jazz_walk),
            Sketch("piano", "chords", 4, ("piano", "sophisticated"), _jazz_piano),
            Sketch("vibes", "lead", 4, ("vibraphone", "playful"), _jazz_vibes),
        ),
        swing=0.64, swing_steps=4,
    ),
)  # fmt: skip
