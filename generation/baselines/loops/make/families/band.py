"""Rock at 132, pop at 116 and folk at 98 beats a minute."""

from __future__ import annotations

from generation.baselines.loops.make import drums
from generation.baselines.loops.make.canvas import Canvas
from generation.baselines.loops.make.score import arpeggio, comp, line, roots
from generation.baselines.loops.make.sketch import Family, Sketch
from generation.baselines.loops.make.strings import bars_of_metal, distorted, piano, plucked
from generation.baselines.loops.make.synths import filtered, flute

_ROCK = "Em:16 C:16 G:16 D:16"
_POP = "C:16 G:16 Am:16 F:16"
_FOLK = "G:8 D:8 Em:8 C:8"


def _rock_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(60, 200, 0.13, click=0.7), "X.....x.X.......X.....x.X.x.....", 0.9)
    canvas.hits(drums.snare(190, 0.1, 0.16), "....X.......X.......X.......X...", 0.85)
    canvas.hits(drums.hat(0.05, 6000), "x.x.x.x.x.x.x.x.", 0.3, pan=0.25)
    canvas.reverb(0.9, 0.12)
    canvas.drive(1.6)


def _rock_loud(canvas: Canvas) -> None:
    canvas.hits(drums.kick(60, 210, 0.13, click=0.8), "X.x...x.X.x...x.X.x...x.X.x.x.x.", 0.9)
    canvas.hits(drums.snare(185, 0.11, 0.18), "....X.......X.......X.......X.XX", 0.9)
    canvas.hits(drums.ride(0.6), "X...X...X...X...", 0.34, pan=0.3)
    canvas.hits(drums.hat(0.4, 4500), "X...............", 0.35, pan=-0.3)
    canvas.reverb(1.1, 0.14)
    canvas.drive(1.8)


def _rock_bass(canvas: Canvas) -> None:
    voice = plucked(pick=0.12, ring_s=1.6, dark_hz=1300, damp_s=0.03, bright=0.9)
    canvas.play(voice, roots(_ROCK, "x-x-x-x-x-x-x-x-", 28))
    canvas.drive(2.5)
    canvas.shape(high_hz=3500)


def _rock_power(canvas: Canvas) -> None:
    voice = distorted(plucked(pick=0.11, ring_s=4.5, dark_hz=2600, bright=0.9, damp_s=0.04))
    for pan in (-0.7, 0.7):
        canvas.play(voice, roots(_ROCK, "x-----x-x-----x-", 40), 0.5, pan=pan)
    canvas.reverb(0.7, 0.07)
    canvas.shape(low_hz=80)


def _rock_chug(canvas: Canvas) -> None:
    voice = distorted(plucked(pick=0.09, ring_s=1.0, dark_hz=1800, damp_s=0.02), gain=18, high_hz=3800)
    for pan in (-0.6, 0.6):
        canvas.play(voice, roots(_ROCK, "x.xxx.xxx.xxx-x-", 40), 0.5, pan=pan)
    canvas.shape(low_hz=80)


def _rock_lead(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=2600, resonance=0.8, vibrato=0.3, release_s=0.08, attack_s=0.008)
    canvas.play(voice, line(
        "B4:6! A4:2 G4:4 E4:4 G4:6! F#4:2 E4:8 D5:6! B4:2 A4:4 B4:4 A4:6 F#4:2 D4:4 F#4:4"), 0.6)  # fmt: skip
    canvas.drive(5)
    canvas.echo(4, 0.35, 0.25)
    canvas.reverb(1.2, 0.15)
    canvas.shape(low_hz=250, high_hz=4500)


def _pop_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(54, 190, 0.14, click=0.4), "X.....x.X.x.....X.....x.X..x....", 0.85)
    canvas.hits(drums.clap(0.12), "....X.......X...", 0.5)
    canvas.hits(drums.snare(210, 0.06, 0.12), "....x.......x...", 0.5)
    canvas.hits(drums.hat(0.03), "x.x.x.xox.x.x.xo", 0.22, pan=0.2)
    canvas.hits(drums.shaker(), "oxoxoxoxoxoxoxox", 0.16, pan=-0.3)
    canvas.reverb(0.6, 0.08)
    canvas.drive(1.2)


def _pop_bass(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=520, sweep=0.8, sub=0.5, release_s=0.04, decay_s=1.2)
    canvas.play(voice, roots(_POP, "x-----x-x-8-..x-", 36))
    canvas.shape(high_hz=4000)


def _pop_piano(canvas: Canvas) -> None:
    canvas.play(piano(), comp(_POP, "x---x---x--x--x-", 57), 0.5, spread=0.3)
    canvas.play(piano(), roots(_POP, "x-------x-------", 43), 0.5)
    canvas.reverb(1.4, 0.14)
    canvas.shape(low_hz=110)


def _pop_plucks(canvas: Canvas) -> None:
    voice = bars_of_metal((1.0, 2.0, 3.0, 4.16), (1.0, 0.4, 0.2, 0.12), ring_s=0.7)
    canvas.play(voice, arpeggio(_POP, "x.x.xx.x.x.xx.x.", 67, (0, 2, 1, 3, 2, 4, 3, 1)), 0.6, spread=0.2)
    canvas.echo(3, 0.4, 0.25, bright_hz=4500)
    canvas.reverb(1.0, 0.15)


def _pop_claps(canvas: Canvas) -> None:
    canvas.hits(drums.clap(0.08), "..x...x...x.x.x.", 0.3, pan=-0.35)
    canvas.hits(drums.hat(0.05, 8500), "xxxxxxxxxxxxxxxx", 0.16, pan=0.35)
    canvas.reverb(0.8, 0.16)


def _folk_stomp(canvas: Canvas) -> None:
    canvas.hits(drums.kick(62, 120, 0.16, click=0.15), "X.......X.......X.......X.....o.", 0.8)
    canvas.hits(drums.clap(0.06), "....x.......x...", 0.35)
    canvas.hits(drums.shaker(0.08), "o.xoo.xoo.xoo.xo", 0.3, pan=0.3)
    canvas.reverb(0.6, 0.12)


def _folk_bass(canvas: Canvas) -> None:
    voice = plucked(pick=0.3, ring_s=1.6, dark_hz=650, damp_s=0.07, bright=0.4)
    canvas.play(voice, roots(_FOLK, "x---5-..x---5-x-", 31))
    canvas.shape(high_hz=2500)


def _folk_picking(canvas: Canvas) -> None:
    voice = plucked(pick=0.14, ring_s=2.4, dark_hz=3000, damp_s=0.12)
    canvas.play(voice, arpeggio(_FOLK, "x-x-x-x-x-x-x-xx", 55, (0, 2, 1, 3)), 0.7, spread=0.25)
    canvas.play(voice, roots(_FOLK, "x-------x-------", 43), 0.5)
    canvas.boost(200, 3)
    canvas.reverb(1.1, 0.13)


def _folk_strum(canvas: Canvas) -> None:
    voice = plucked(pick=0.1, ring_s=1.6, dark_hz=3800, damp_s=0.06, bright=1.1)
    for low, pan in ((50, -0.3), (57, 0.3)):
        canvas.play(voice, comp(_FOLK, "x---x-o-.-o-x-o-", low), 0.4, pan=pan, strum_s=0.011)
    canvas.boost(220, 3)
    canvas.reverb(0.9, 0.12)
    canvas.shape(low_hz=90)


def _folk_flute(canvas: Canvas) -> None:
    canvas.play(flute(), line("D5:4 B4:2 A4:2 A4:3 F#4:1 D4:4 G4:2 A4:2 B4:4 C5:2 B4:2 G4:4"), 0.8)
    canvas.reverb(1.8, 0.25)


FAMILIES = (
    Family(
        "rock", 132, "E minor", ("rock", "hard rock", "band", "powerful", "energetic", "metal"),
        (
            Sketch("beat", "drums", 2, ("drums", "driving"), _rock_beat, pitched=False),
            Sketch("loud", "drums", 2, ("drums", "aggressive", "action"), _rock_loud, pitched=False),
            Sketch("bass", "bass", 4, ("bass guitar", "driving"), _rock_bass),
            Sketch("power", "chords", 4, ("electric guitar", "anthem"), _rock_power),
            Sketch("chug", "chords", 4, ("distorted guitar", "aggressive"), _rock_chug),
            Sketch("lead", "lead", 4, ("electric guitar", "solo"), _rock_lead),
        ),
    ),
    Family(
        "pop", 116, "C major", ("pop", "happy", "uplifting", "bright", "cheerful", "advertising"),
        (
            Sketch("beat", "drums", 2, ("drums", "dance"), _pop_beat, pitched=False),
            Sketch("bass", "bass", 4, ("synth bass", "bouncy"), _pop_bass),
            Sketch("piano", "chords", 4, ("piano", "inspiring"), _pop_piano),
            Sketch("plucks", "lead", 4, ("bells", "playful"), _pop_plucks),
            Sketch("claps", "texture", 2, ("claps", "children"), _pop_claps, pitched=False),
        ),
    ),
    Family(
        "folk", 98, "G major", ("folk", "acoustic", "country", "warm", "travel", "nature"),
        (
            Sketch("stomp", "drums", 2, ("percussion", "claps"), _folk_stomp, pitched=False),
            Sketch("bass", "bass", 2, ("double bass", "steady"), _folk_bass),
            Sketch("picking", "chords", 2, ("acoustic guitar", "peaceful", "fingerpicking"), _folk_picking),
            Sketch("strum", "chords", 2, ("acoustic guitar", "carefree"), _folk_strum),
            Sketch("flute", "lead", 2, ("flute", "romantic"), _folk_flute),
        ),
    ),
)  # fmt: skip
