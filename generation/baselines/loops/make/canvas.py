"""A loop while it is being written: stereo and circular, so that what rings past its end is heard at its start."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from generation.baselines.loops.make.score import Note, Voice

Wave = npt.NDArray[np.float64]

RATE_HZ = 48_000
STEPS_PER_BAR = 16
_JITTER_S = 0.003
_JITTER_VELOCITY = 0.06


class Canvas:
    """``bars`` bars of four beats. All effects are circular convolutions: the loop has no seam.

    swing: where the second half of every ``swing_steps`` sixteenths begins, 0.5 straight, 0.667 triplets.
    """

    def __init__(self, bpm: float, bars: int, seed: int, *, swing: float = 0.5, swing_steps: int = 2) -> None:
        self.samples = round(bars * 240 / bpm * RATE_HZ)
        self.step_s = 15 / bpm
        self.steps = bars * STEPS_PER_BAR
        self.sound: Wave = np.zeros((2, self.samples))
        self.draw = np.random.default_rng(seed)
        self._swing, self._unit = swing, swing_steps

    def time_s(self, step: float) -> float:
        """When a sixteenth sounds, swing included."""
        whole, part = divmod(step / self._unit, 1.0)
        bent = part * 2 * self._swing if part < 0.5 else self._swing + (part - 0.5) * 2 * (1 - self._swing)
        return (whole + bent) * self._unit * self.step_s

    def add(self, wave: Wave, at_s: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Mix in mono sound [N]; pan from -1 (left) to 1, at constant power."""
        start = round(at_s * RATE_HZ)
        where = (start + np.arange(len(wave))) % self.samples
        angle = (pan + 1) * np.pi / 4
        for channel, side in enumerate((np.cos(angle), np.sin(angle))):
            # A tail may wrap more than once, and plain fancy assignment would keep its last lap only.
            np.add.at(self.sound[channel], where, wave * (gain * side * np.sqrt(2)))

    def play(self, voice: Voice, notes: list[Note], gain: float = 1.0, *, pan: float = 0.0, spread: float = 0.0,
             strum_s: float = 0.0) -> None:  # fmt: skip
        """Play notes. spread: a second, independent take of each is panned as far to the other side.

        strum_s: notes of one step follow one another by this much, from the lowest.
        """
        order: dict[float, int] = {}
        for note in sorted(notes, key=lambda each: (each.step, each.midi)):
            place = order.get(note.step, 0)
            order[note.step] = place + 1
            start_s = self.time_s(note.step) + place * strum_s
            seconds = self.time_s(note.step + note.steps) - self.time_s(note.step)
            hz = 440 * 2 ** ((note.midi - 69) / 12)
            velocity = float(np.clip(note.velocity + self.draw.normal(0, _JITTER_VELOCITY), 0.1, 1.0))
            start_s = max(0.0, start_s + float(self.draw.normal(0, _JITTER_S)))
            if not spread:
                self.add(voice(hz, seconds, velocity, self.draw), start_s, gain * velocity, pan)
                continue
            for side in (-spread, spread):
                wave = voice(hz, seconds, velocity, self.draw)
                self.add(wave, start_s, gain * velocity / np.sqrt(2), pan + side)

    def hits(self, wave: Wave, pattern: str, gain: float = 1.0, *, pan: float = 0.0, late_s: float = 0.0) -> None:
        """Place one drum by a pattern of sixteenths: X loud, x plain, o soft, g ghost; bars repeat to the end."""
        loudness = {"X": 1.0, "x": 0.8, "o": 0.5, "g": 0.25}
        for step in range(self.steps):
            sign = pattern[step % len(pattern)]
            if sign in loudness:
                velocity = loudness[sign] * (1 + float(self.draw.normal(0, _JITTER_VELOCITY)))
                self.add(wave, self.time_s(step) + late_s, gain * velocity, pan)

    def reverb(self, seconds: float, amount: float, *, bright_hz: float = 5000.0) -> None:
        """A diffuse room: decaying noise of its own on either side, -60 dB after ``seconds``."""
        count = round(seconds * RATE_HZ)
        tail = self.draw.normal(size=(2, count)) * np.exp(-6.9 * np.arange(count) / count)
        tail[:, : round(0.012 * RATE_HZ)] *= np.linspace(0, 1, round(0.012 * RATE_HZ))
        spectrum = fft.rfft(tail)
        hz = np.linspace(0, RATE_HZ / 2, spectrum.shape[1])
        tail = fft.irfft(spectrum / (1 + (hz / bright_hz) ** 2) * (hz / (hz + 180)), count)
        tail /= np.sqrt(np.square(tail).sum(1, keepdims=True))
        self._convolve(tail, amount)

    def echo(self, steps: float, feedback: float, amount: float, *, bright_hz: float = 2500.0) -> None:
        """Repeats ``steps`` sixteenths apart, each darker, from side to side."""
        gap = round(steps * self.step_s * RATE_HZ)
        count = int(np.log(0.02) / np.log(feedback)) + 1
        tail = np.zeros((2, gap * (count + 1)))
        spread = np.arange(-400, 401)
        for number in range(1, count + 1):
            width = RATE_HZ / bright_hz / 4 * np.sqrt(number)
            blur = np.exp(-0.5 * (spread / width) ** 2)
            tail[number % 2, gap * number + spread] += feedback**number * blur / blur.sum()
            tail[1 - number % 2, gap * number + spread] += 0.35 * feedback**number * blur / blur.sum()
        self._convolve(tail, amount)

    def shape(self, low_hz: float = 20.0, high_hz: float = 18_000.0) -> None:
        """Keep what lies between two edges, 12 dB an octave beyond."""
        spectrum = fft.rfft(self.sound)
        hz = np.linspace(0, RATE_HZ / 2, spectrum.shape[1])
        keep = 1 / (1 + (hz / high_hz) ** 4) ** 0.5 * (hz**2 / (hz**2 + low_hz**2))
        self.sound = fft.irfft(spectrum * keep, self.samples)

    def boost(self, hz: float, gain_db: float, octaves: float = 1.0) -> None:
        """Raise or lower a region of the spectrum around ``hz``."""
        spectrum = fft.rfft(self.sound)
        bins = np.linspace(1, RATE_HZ / 2, spectrum.shape[1])
        bell = np.exp(-0.5 * (np.log2(bins / hz) / (octaves / 2)) ** 2)
        self.sound = fft.irfft(spectrum * 10 ** (gain_db * bell / 20), self.samples)

    def pump(self, depth: float, pattern: str = "x...", recover_steps: float = 3.0) -> None:
        """Duck the sound at each hit of a pattern, as a compressor keyed by the kick does."""
        gain = np.ones(self.samples)
        for step in range(self.steps):
            if pattern[step % len(pattern)] == "x":
                count = round(recover_steps * self.step_s * RATE_HZ)
                dip = 1 - depth * np.cos(np.linspace(0, np.pi / 2, count)) ** 2
                dip[:96] = np.linspace(1, dip[96], 96)
                where = (round(self.time_s(step) * RATE_HZ) + np.arange(count)) % self.samples
                gain[where] = np.minimum(gain[where], dip)
        self.sound *= gain

    def drive(self, amount: float) -> None:
        """Soft saturation that glues a kit together; the level of quiet sound stays."""
        self.sound = np.tanh(self.sound * amount) / amount

    def _convolve(self, tail: Wave, amount: float) -> None:
        laps = -(-tail.shape[1] // self.samples)
        around = np.pad(tail, ((0, 0), (0, laps * self.samples - tail.shape[1])))
        once = around.reshape(2, laps, self.samples).sum(1)
        mono = self.sound.mean(0)
        self.sound = self.sound + amount * fft.irfft(fft.rfft(mono) * fft.rfft(once), self.samples)
