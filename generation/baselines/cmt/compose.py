"""Writing words one after another, with the video's wishes put in between (Di et al. 2021, section 3.4).

At a bar the video's density replaces the model's with probability C; at a visual beat drums, piano and guitar are
told to play with the video's strength. Beyond the published inference, words that mean nothing where they stand
are never drawn (a note before its beat, a tick that is over, an end before the video's), and the last bar is
written to its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from generation.baselines.cmt.attention import Past
from generation.baselines.cmt.controls import Controls
from generation.baselines.cmt.network import CMT
from generation.baselines.cmt.words import (
    BAR,
    BEAT,
    DENSITY,
    DURATION,
    END,
    NOTE,
    PART,
    PARTS,
    PITCH,
    RHYTHM,
    STRENGTH,
    TICKS,
    TYPE,
    VOCABULARY,
    Words,
    bar_word,
    prefix,
    share,
)

Scores = npt.NDArray[np.float64]

CONTROL = 0.7
"""C of the paper: how often a bar takes the video's density."""
STRUCK = (1, 2, 3)
"""The parts that a visual beat is given to: drums, piano, guitar."""
LONGEST_BAR = 400
"""Words after which a bar is ended, should the model never end it."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """temperature, and the probability that is kept of the likeliest values (nucleus), for one column."""

    temperature: float = 1.0
    nucleus: float = 0.9


SAMPLING = {column: Sampling() for column in (TYPE, DENSITY, PITCH, PART, STRENGTH)}
SAMPLING |= {BEAT: Sampling(1.2, 1.0), DURATION: Sampling(2.0, 0.9)}


def compose(
    network: CMT,
    controls: Controls,
    *,
    genre: int,
    seed: int,
    control: float = CONTROL,
    progress: Callable[[float], None] = lambda share: None,
) -> Words:
    """Words [N, 9] for a whole clip; the same seed gives the same words on one machine.

    control: 0 leaves every bar's density to the model. progress: told the share of bars that are written.
    """
    with torch.inference_mode():
        return _Writer(network, controls, genre, np.random.default_rng([2111_08380, seed]), control).write(
            progress
        )


@dataclass(slots=True)
class _Writer:
    network: CMT
    controls: Controls
    genre: int
    draw: np.random.Generator
    control: float
    rows: list[list[int]] = field(default_factory=list)
    bar: int = -1
    beat: int = 0
    part: int = 0
    in_bar: int = 0
    beats: list[tuple[int, int]] = field(default_factory=list)
    struck: int = 0

    def write(self, progress: Callable[[float], None]) -> Words:
        past = self.network.start(torch.from_numpy(prefix(self.genre))[None])
        self.beats = list(self.controls.beats)
        bars = len(self.controls.densities)
        state = self._append(self._bar(self.controls.densities[0] + 1), past)
        while True:
            word = self._asked(self._drawn(state))
            if word[BEAT] == BAR:
                if self.bar + 1 == bars:
                    return np.array(self.rows, dtype=np.int64)
                progress((self.bar + 1) / bars)
                asked = self.controls.densities[self.bar + 1] + 1
                word = self._bar(asked if self.draw.random() < self.control else word[DENSITY])
            state = self._append(word, past)

    def _append(self, word: list[int], past: list[Past]) -> torch.Tensor:
        if word[TYPE] == RHYTHM:
            if word[BEAT] == BAR:
                self.bar, self.in_bar = self.bar + 1, 0
            self.beat, self.part = (0, 0) if word[BEAT] == BAR else (word[BEAT], word[PART])
        self.in_bar += 1
        tick = self.bar * TICKS + max(self.beat - 1, 0)
        row = [*word[: STRENGTH + 1], share(tick, self.controls.ticks), tick]
        self.rows.append(row)
        return self.network.step(torch.tensor([row]), past)

    def _bar(self, density: int) -> list[int]:
        return bar_word(density - 1, 0, 1)

    def _asked(self, word: list[int]) -> list[int]:
        """The word, or the video's next beat where the word would step on or over it."""
        if word[TYPE] != RHYTHM or not self.beats:
            return word
        tick, strength = self.beats[0]
        if tick // TICKS != self.bar or word[BEAT] < tick % TICKS + 1:
            return word
        part = STRUCK[self.struck]
        left = 1 if word[BEAT] == BAR else word[DENSITY]
        self.struck += 1
        if self.struck == len(STRUCK):
            self.struck = 0
            self.beats.pop(0)
        return [tick % TICKS + 1, RHYTHM, left, 0, 0, part, strength]

    def _drawn(self, state: torch.Tensor) -> list[int]:
        """The next word as the model would have it, [7]."""
        allowed = np.ones(VOCABULARY[TYPE], dtype=bool)
        allowed[END] = False
        allowed[NOTE] = self.beat > 0
        if self.in_bar >= LONGEST_BAR:
            return [BAR, RHYTHM, 1, 0, 0, 0, 0]
        kind = self._one(TYPE, self.network.type_scores(state)[0], allowed)
        scores = {
            column: score[0] for column, score in self.network.other_scores(state, torch.tensor([kind])).items()
        }
        if kind == NOTE:
            pitch = self._one(PITCH, scores[PITCH], _above(PITCH, 0))
            duration = self._one(DURATION, scores[DURATION], _above(DURATION, 1))
            return [0, NOTE, 0, pitch, duration, self.part, 0]
        # A tick may be played once more, by a later part; one that is over may not.
        beat = self._one(BEAT, scores[BEAT], _above(BEAT, self.beat - (0 < self.part < len(PARTS))))
        density = self._one(DENSITY, scores[DENSITY], _above(DENSITY, 0))
        if beat == BAR:
            return [BAR, RHYTHM, density, 0, 0, 0, 0]
        part = self._one(PART, scores[PART], _above(PART, self.part if beat == self.beat else 0))
        strength = self._one(STRENGTH, scores[STRENGTH], _above(STRENGTH, 0))
        return [beat, RHYTHM, density, 0, 0, part, strength]

    def _one(self, column: int, scores: torch.Tensor, allowed: npt.NDArray[np.bool_]) -> int:
        chances = nucleus(scores.double().numpy(), allowed, SAMPLING[column])
        return int(self.draw.choice(len(chances), p=chances))


def nucleus(scores: Scores, allowed: npt.NDArray[np.bool_], sampling: Sampling) -> Scores:
    """Probabilities of the allowed values that make up the nucleus, the others 0 (Holtzman et al. 2020)."""
    heated = np.where(allowed, scores, -np.inf) / sampling.temperature
    chances = np.exp(heated - heated.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    behind = np.cumsum(chances[order]) - chances[order] >= sampling.nucleus
    chances[order[behind]] = 0.0
    return np.asarray(chances / chances.sum(), dtype=np.float64)


def _above(column: int, value: int) -> npt.NDArray[np.bool_]:
    return np.arange(VOCABULARY[column]) > value
