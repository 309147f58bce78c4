"""House at 124 and drum and bass at 172 beats a minute."""

from __future__ import annotations

from generation.baselines.loops.make import drums
from generation.baselines.loops.make.canvas import Canvas
from generation.baselines.loops.make.score import arpeggio, comp, roots
from generation.baselines.loops.make.sketch import Family, Sketch
from generation.baselines.loops.make.synths import filtered, wash

_HOUSE = "Am:16 F:16 C:16 G:16"
_HOUSE_RICH = "Am7:16 Fmaj7:16 Cadd9:16 G:16"
_BREAK = "Fm:16 Db:16 Ab:16 Eb:16"
_BREAK_RICH = "Fm9:16 Dbmaj7:16 Abmaj7:16 Eb:16"


def _house_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(49, 210, 0.16, click=0.3), "X...X...X...X...", 0.9)
    canvas.hits(drums.clap(), "....x.......x...", 0.55)
    canvas.hits(drums.snare(noise_s=0.09), "....o.......o...", 0.25)
    canvas.hits(drums.hat(0.13), "..x...x...x...x.", 0.36, pan=0.15)
    canvas.hits(drums.hat(0.025), "o.ogo.ogo.ogo.oo", 0.18, pan=-0.2)
    canvas.reverb(0.5, 0.05)
    canvas.drive(1.2)


def _house_busy(canvas: Canvas) -> None:
    canvas.hits(drums.kick(52, 230, 0.14, click=0.4), "X...X...X...X...X...X...X...X..x", 0.9)
    canvas.hits(drums.clap(0.14), "....x.......x.......x.......x..o", 0.45)
    canvas.hits(drums.hat(0.2, 6500), "..X...X...X...X.", 0.26, pan=0.2)
    canvas.hits(drums.hat(0.03), "xoxoxoxoxoxoxoxo", 0.12, pan=-0.25)
    canvas.hits(drums.conga(300, 0.08), "...o..o....o..o....o..o..o.o..o.", 0.2, pan=0.4)
    canvas.reverb(0.6, 0.06)
    canvas.drive(1.3)


def _house_bass(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=420, sweep=1.8, sweep_s=0.09, resonance=0.9, sub=0.7, release_s=0.03)
    canvas.play(voice, roots(_HOUSE, "..x-..x-..x-.x8-", 33))
    canvas.shape(high_hz=6000)


def _house_stabs(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=1500, sweep=1.4, sweep_s=0.12, resonance=0.5, detune_cents=14, release_s=0.08)
    canvas.play(voice, comp(_HOUSE_RICH, "x--..x-...x-.x-.", 55), 0.5, spread=0.5)
    canvas.echo(3, 0.4, 0.22)
    canvas.reverb(1.4, 0.22)
    canvas.shape(low_hz=160)


def _house_pad(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=1100, detune_cents=18, attack_s=0.25, release_s=0.3)
    canvas.play(voice, comp(_HOUSE_RICH, "x---------------", 52), 0.35, spread=0.7)
    canvas.pump(0.75)
    canvas.reverb(2.0, 0.3)
    canvas.shape(low_hz=150)


def _house_arpeggio(canvas: Canvas) -> None:
    voice = filtered(shape="square", cutoff_hz=2200, sweep=1.5, sweep_s=0.06, release_s=0.04, decay_s=0.25)
    canvas.play(voice, arpeggio(_HOUSE, "x.xx.xx.x.xx.xxx", 69, (0, 1, 2, 3, 2, 1, 4, 3)), 0.6, pan=0.1)
    canvas.echo(3, 0.5, 0.35, bright_hz=4000)
    canvas.shape(low_hz=250)


def _house_air(canvas: Canvas) -> None:
    canvas.add(wash(21, 12 * canvas.step_s, 2500, 9000), 20 * canvas.step_s, 0.5)
    canvas.hits(drums.shaker(0.06), "oxoXoxoXoxoXoxoX", 0.35, pan=0.3)
    canvas.hits(drums.conga(240), "...x..x....x.xo.", 0.4, pan=-0.4)
    canvas.reverb(0.9, 0.15)


def _break_beat(canvas: Canvas) -> None:
    canvas.hits(drums.kick(56, 240, 0.12, click=0.5), "X.........X.....X.........X..o..", 0.9)
    canvas.hits(drums.snare(200, 0.06, 0.12), "....X..g.g..X......gX..g....X.g.", 0.75)
    canvas.hits(drums.hat(0.03), "x.x.x.x.x.x.x.x.", 0.24, pan=0.2)
    canvas.hits(drums.hat(0.16), "......x.........", 0.2, pan=0.25)
    canvas.hits(drums.ride(0.3), "o...o...o...o...", 0.13, pan=-0.3)
    canvas.reverb(0.45, 0.06)
    canvas.drive(1.6)


def _break_bass(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=300, sweep=1.2, sweep_s=0.5, resonance=0.6, detune_cents=22, sub=1.0, most=30)
    canvas.play(voice, roots(_BREAK, "x-----x---8--.x-", 29))
    canvas.drive(1.8)
    canvas.shape(high_hz=3500)


def _break_pad(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=1500, detune_cents=20, attack_s=0.4, release_s=0.4)
    canvas.play(voice, comp(_BREAK_RICH, "x---------------", 53), 0.35, spread=0.8)
    canvas.reverb(2.4, 0.4)
    canvas.shape(low_hz=170)


def _break_lead(canvas: Canvas) -> None:
    voice = filtered(cutoff_hz=3200, resonance=0.7, detune_cents=12, release_s=0.08, vibrato=0.15)
    canvas.play(voice, arpeggio(_BREAK, "x--x--x---x-x-x.", 65, (0, 2, 1, 3, 2, 4)), 0.5)
    canvas.echo(3, 0.45, 0.3, bright_hz=3500)
    canvas.reverb(1.2, 0.15)
    canvas.shape(low_hz=220, high_hz=9000)


FAMILIES = (
    Family(
        "house", 124, "A minor", ("house", "electronic", "dance", "club", "techno", "synth"),
        (
            Sketch("beat", "drums", 2, ("drum machine", "driving"), _house_beat, pitched=False),
            Sketch("busy", "drums", 2, ("party", "energetic"), _house_busy, pitched=False),
            Sketch("bass", "bass", 4, ("synth bass", "groovy"), _house_bass),
            Sketch("stabs", "chords", 4, ("uplifting", "party"), _house_stabs),
            Sketch("pad", "chords", 4, ("dreamy", "chill"), _house_pad),
            Sketch("arpeggio", "lead", 4, ("futuristic", "bright"), _house_arpeggio),
            Sketch("air", "texture", 2, ("percussion", "summer"), _house_air, pitched=False),
        ),
    ),
    Family(
        "break", 172, "F minor", ("drum and bass", "electronic", "fast", "intense", "gaming", "synth"),
        (
            Sketch("beat", "drums", 2, ("breakbeat", "energetic"), _break_beat, pitched=False),
            Sketch("bass", "bass", 4, ("synth bass", "dark"), _break_bass),
            Sketch("pad", "chords", 4, ("futuristic", "night"), _break_pad),
            Sketch("lead", "lead", 4, ("racing", "driving"), _break_lead),
        ),
    ),
)  # fmt: skip
