"""What a simulated rater prefers: a known truth, so that an analysis can be held against it. Pure and seeded.

One answer is a cumulative-logit draw: the difference of the two sides' utilities plus logistic noise, cut by
symmetric thresholds into the five points of the scale. A system's utility is its strength plus what this rater and
this clip make of it; both are random effects, so that answers of one rater, or on one clip, hang together.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from studyapp.questions import Question


@dataclass(frozen=True, slots=True)
class Preferences:
    """The truth behind simulated answers.

    strengths: system slug to strength in logits; systems not named have 0. ``per_question`` overrides it for one
    question. rater_sd, clip_sd: standard deviations in logits of what a rater and a clip make of a system.
    weak, strong: how far apart two utilities must be for "somewhat" and for "much" better.
    """

    strengths: Mapping[str, float] = field(default_factory=dict)
    per_question: Mapping[tuple[str, Question], float] = field(default_factory=dict)
    rater_sd: float = 0.5
    clip_sd: float = 0.5
    weak: float = 0.5
    strong: float = 1.75
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.rater_sd, self.clip_sd) < 0:
            raise ValueError(f"rater_sd {self.rater_sd} and clip_sd {self.clip_sd} must not be negative")
        if not 0 <= self.weak <= self.strong:
            raise ValueError(f"thresholds must be 0 <= weak <= strong, not {self.weak} and {self.strong}")

    def choose(
        self, *, rater: int, trial: str, clip_id: str, system_left: str, system_right: str, question: Question
    ) -> int:
        """1 (A, the left, is much better) to 5; the same arguments give the same answer, in whatever order."""
        left, right = (self._utility(rater, clip_id, system, question) for system in (system_left, system_right))
        share = self._draw("noise", rater, trial, question).random()
        lead = left - right + math.log(share / (1 - share))
        if abs(lead) < self.weak:
            return 3
        step = 2 if abs(lead) >= self.strong else 1
        return 3 - step if lead > 0 else 3 + step

    def _utility(self, rater: int, clip_id: str, system: str, question: Question) -> float:
        strength = self.per_question.get((system, question), self.strengths.get(system, 0.0))
        of_rater = self._draw("rater", rater, system, question).gauss(0, self.rater_sd)
        of_clip = self._draw("clip", clip_id, system, question).gauss(0, self.clip_sd)
        return strength + of_rater + of_clip

    def _draw(self, *what: object) -> random.Random:
        return random.Random(repr((self.seed, *map(str, what))))
